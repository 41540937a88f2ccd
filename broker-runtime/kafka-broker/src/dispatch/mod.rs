//! Dispatch: what a request is, who may ask, and the table that leads it to its handler.

mod api;
mod context;
mod request;

pub(crate) use api::ReplyPiece;
pub(crate) use api::api;
pub use api::{ApiEntry, Handler, HandlerFuture, Reply, ReplyFrame, RequestError};
pub use context::{ClientSoftware, Connection, Principal, RequestContext, Session};
pub(crate) use request::{answer, decode_request, encode_reply, find_api, respond};
