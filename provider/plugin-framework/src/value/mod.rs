//! Terraform's values: types, values with unknowns and refinements, paths, and their two encodings on the wire.

mod json;
mod msgpack;
mod number;
mod object;
mod path;
mod types;
mod unknown;
mod value;

pub use json::from_json;
pub use msgpack::{decode, encode};
pub use number::Number;
pub use object::Object;
pub use path::{Path, Step};
pub use types::Type;
pub use unknown::Refinements;
pub use value::{Value, ValueError};
