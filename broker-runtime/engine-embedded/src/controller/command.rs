//! What the core is asked to do, and where answers go.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_metadata::{
    BrokerId,
    rpc::{ControllerError, ControllerMessage, ControllerRequest, ControllerResponse},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A connection of a broker, unique in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ConnectionId(pub(super) u64);

/// One thing to do.
#[derive(Debug)]
pub(super) enum Command {
    /// A request.
    Request {
        /// What is asked.
        request: ControllerRequest,
        /// Who asks.
        asker: Asker,
    },
    /// A connection is closed.
    Disconnected(ConnectionId),
    /// A broker's process is gone.
    ProcessExited {
        /// The broker.
        broker_id: BrokerId,
        /// Which process; any when unknown.
        incarnation: Option<Uuid>,
        /// Told once the cluster knows.
        done: oneshot::Sender<()>,
    },
}

/// Who gets the answer.
#[derive(Debug)]
pub(super) enum Asker {
    /// The engine, in this process.
    Engine {
        /// Where it waits.
        sender: oneshot::Sender<Result<ControllerResponse, ControllerError>>,
        /// The request that it works for, for the logs of brokers.
        request_id: Option<String>,
    },
    /// A broker.
    Broker {
        /// Its connection.
        outgoing: Outgoing,
        /// Id of the request there.
        id: u64,
    },
}

impl Asker {
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Engine { .. } => None,
            Self::Broker { outgoing, .. } => Some(outgoing.connection),
        }
    }

    /// The request that is worked for, if it is known.
    pub(super) fn request_id(&self) -> Option<&str> {
        match self {
            Self::Engine { request_id, .. } => request_id.as_deref(),
            Self::Broker { .. } => None,
        }
    }

    pub(super) fn answer(self, result: Result<ControllerResponse, ControllerError>) {
        match self {
            // The asker may have gone away; then nobody misses the answer.
            Self::Engine { sender, .. } => drop(sender.send(result)),
            Self::Broker { outgoing, id } => outgoing.send(&ControllerMessage::Response { id, result }),
        }
    }
}

/// The way to a connected broker. A broker that does not read is disconnected; it comes back and catches up.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) connection: ConnectionId,
    pub(super) messages: mpsc::Sender<Bytes>,
    pub(super) closed: CancellationToken,
}

impl Outgoing {
    pub(super) fn send(&self, message: &ControllerMessage) {
        match encode(message) {
            Some(bytes) => self.send_encoded(bytes),
            None => self.closed.cancel(),
        }
    }

    pub(super) fn send_encoded(&self, bytes: Bytes) {
        if self.messages.try_send(bytes).is_err() && !self.closed.is_cancelled() {
            tracing::warn!(
                connection = self.connection.0,
                "a broker does not read; closing its connection"
            );
            self.closed.cancel();
        }
    }
}

/// A message with its length in front; `None` when it is too long for one.
pub(super) fn encode(message: &ControllerMessage) -> Option<Bytes> {
    let mut bytes = BytesMut::new();
    bytes.put_u32(0);
    let mut writer = bytes.writer();
    serde_json::to_writer(&mut writer, message).ok()?;
    let mut bytes = writer.into_inner();
    let length = u32::try_from(bytes.len() - 4).ok()?;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    Some(bytes.freeze())
}
