//! The API: a request is read, its signature checked, its operation found and called, and the answer or error encoded.

mod api;
mod aws_json;
mod credentials;
mod error;
mod handlers;
mod paging;
mod request;
mod serve;
mod sigv4;

pub(crate) use credentials::Credentials;
pub(crate) use serve::serve;
