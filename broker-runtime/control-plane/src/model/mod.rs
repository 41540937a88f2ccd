//! What the API is, as data: operations, their paths, shapes and errors. Requests are routed and validated by it, errors
//! are confined to it, and the OpenAPI document and the table in `docs/` are made from it.

mod availability;
mod kafka;
mod openapi;
mod parse;
mod shapes;
mod validate;

pub(crate) use availability::{Availability, availability};
pub(crate) use kafka::{list_of, model};
pub(crate) use openapi::openapi;
pub(crate) use shapes::Operation;
pub(crate) use validate::validate;
