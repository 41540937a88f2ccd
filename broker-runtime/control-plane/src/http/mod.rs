//! The API: a request is read, its signature checked, its operation found and called, and the answer or error encoded.

mod answer;
mod api;
mod audit;
mod aws_json;
mod call;
mod error;
mod handlers;
mod logins;
mod metrics;
mod paging;
mod request;
mod serve;
mod sigv4;
mod sts;

pub(crate) use audit::AuditLog;
pub(crate) use logins::SignedLogins;
pub(crate) use serve::{Listening, serve};
