//! Schemas: one definition of a resource gives its wire form, its types, its plan behaviour and its validation.

mod attribute;
mod block;
mod wire;

pub use attribute::{Attribute, Check, SameMeaning};
pub use block::{Nested, Nesting, Schema};
