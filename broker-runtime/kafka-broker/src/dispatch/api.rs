//! One row of the protocol table. A handler file exports `pub(crate) const API: ApiEntry`, made by [`api!`]; dispatch,
//! `ApiVersions` and the documentation all read the same table.

use std::{future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use kafka_codec::{DecodeError, EncodeError, HeaderError};
use kafka_log::FileRecords;
use thiserror::Error;

use crate::{broker::Broker, connection::MemoryShare, dispatch::RequestContext};

/// A reply on its way to the socket: whole frames, length prefix included, in pieces that are written one after the
/// other and never copied together.
#[derive(Debug, Default)]
pub struct ReplyFrame {
    /// The pieces.
    pub(crate) pieces: Vec<ReplyPiece>,
    /// The share of the memory for replies that it holds until it is written.
    pub(crate) memory: Option<MemoryShare>,
}

/// A piece of a reply.
#[derive(Debug)]
pub(crate) enum ReplyPiece {
    /// These bytes.
    Bytes(Bytes),
    /// Records that go from their file to the socket.
    Records(FileRecords),
}

impl ReplyFrame {
    /// A reply that is in memory as a whole, and holds no share of what is counted.
    pub(crate) fn of(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        Self {
            pieces: pieces.into_iter().map(ReplyPiece::Bytes).collect(),
            memory: None,
        }
    }
}

/// What a handler gives back to the connection.
pub enum Reply {
    /// The reply is there.
    Now(ReplyFrame),
    /// The request has taken effect as far as later requests can see; its reply follows. The connection goes on
    /// reading and keeps replies in request order.
    Later(Pin<Box<dyn Future<Output = Result<ReplyFrame, RequestError>> + Send>>),
    /// There is no reply (`acks=0`).
    Nothing,
    /// The reply is the last one: the connection is closed after it.
    Last(ReplyFrame),
}

/// Why a connection has to be closed without a reply.
#[derive(Debug, Error)]
pub enum RequestError {
    /// The bytes are no request header.
    #[error("request header cannot be decoded")]
    Header(#[from] HeaderError),
    /// The bytes are no request of this key and version.
    #[error("request body cannot be decoded")]
    Decode(#[from] DecodeError),
    /// Our answer cannot be expressed in the version asked for: a mistake of ours.
    #[error("response cannot be encoded")]
    Encode(#[from] EncodeError),
    /// The peer broke a rule of the protocol.
    #[error("{0}")]
    Protocol(&'static str),
}

/// What a handler returns, boxed so that the table can hold it.
pub type HandlerFuture<'a> = Pin<Box<dyn Future<Output = Result<Reply, RequestError>> + Send + 'a>>;

/// Decodes a body, answers it and encodes the answer.
pub type Handler = for<'a> fn(&'a RequestContext, &'a Arc<Broker>, Bytes) -> HandlerFuture<'a>;

/// One API.
#[derive(Clone, Copy)]
pub struct ApiEntry {
    /// API key.
    pub key: i16,
    /// Kafka's name for it.
    pub name: &'static str,
    /// Oldest version that is answered.
    pub min: i16,
    /// Newest version that is answered.
    pub max: i16,
    /// Oldest version that is advertised; differs from `min` only for Produce (KAFKA-18659).
    pub advertised_min: i16,
    /// Answers it.
    pub handler: Handler,
}

/// Makes an [`ApiEntry`] of an `async fn handle(&RequestContext, &Arc<Broker>, Request, version: i16) -> Response`.
macro_rules! api {
    ($key:literal, $name:literal, $min:literal..=$max:literal, $request:ty, $handle:path) => {
        $crate::dispatch::ApiEntry {
            key: $key,
            name: $name,
            min: $min,
            max: $max,
            advertised_min: $min,
            handler: |context, broker, body| {
                Box::pin($crate::dispatch::respond(context, broker, async move {
                    let request = $crate::dispatch::decode_request::<$request>(context, body)?;
                    Ok($handle(context, broker, request, context.api_version).await)
                }))
            },
        }
    };
}
pub(crate) use api;
