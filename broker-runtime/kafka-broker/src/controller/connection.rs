//! Keeps the unix socket to the controller open: connects, registers, sends what [`ControllerClient`] is asked to, and
//! hands records to [`apply`](super::apply) in order.
//!
//! ```text
//!   waiting (20–250 ms) ──► connecting ──► registering ──► registered ──┐
//!         ▲                     │               │              │        │ heartbeats, records, answers
//!         └─────────────────────┴───────────────┴──────────────┴◄───────┘
//! ```

use std::{io, sync::Arc, time::Duration};

use bytes::{Buf, BytesMut};
use kafka_metadata::{
    MetadataOffset,
    rpc::{BrokerMessage, ControllerError, ControllerMessage, ControllerRequest, ControllerResponse},
};
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::apply::Applier;
use crate::broker::Broker;

/// A broker says this often that it lives.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(250);

/// First and last pause between attempts to connect.
const RECONNECT_PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// No message from the controller is larger; its metadata would be.
const MESSAGE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bytes of the length prefix.
const PREFIX_BYTES: usize = 4;

/// Id of the registration on every connection; the client counts from 1.
const REGISTER_ID: u64 = 0;

/// Why a connection to the controller ended.
#[derive(Debug, Error)]
enum LinkError {
    /// The socket failed.
    #[error("controller connection failed")]
    Io(#[from] io::Error),
    /// A message is not what it should be.
    #[error("controller message is malformed")]
    Malformed(#[from] serde_json::Error),
    /// A message is too large.
    #[error("controller message of {0} bytes is too large")]
    TooLarge(usize),
    /// The controller refuses this broker.
    #[error("controller refused the registration")]
    Refused(#[source] ControllerError),
    /// The controller has forgotten this registration.
    #[error("registration is no longer valid")]
    Stale,
}

/// Identity of this process, the same on every connection.
#[derive(Clone, Debug)]
pub(crate) struct Incarnation {
    /// Random id.
    pub(crate) id: Uuid,
    /// The kernel's boot id.
    pub(crate) boot_id: String,
}

/// Connects again and again until the broker stops.
pub(crate) async fn stay_connected(broker: Arc<Broker>, incarnation: Incarnation) {
    let mut pause = RECONNECT_PAUSES.0;
    let mut applier = Applier::new(Arc::clone(&broker));
    loop {
        let link = async {
            let stream = UnixStream::connect(&broker.config.controller_socket).await?;
            let result = use_link(stream, &broker, &incarnation, &mut applier).await;
            broker.controller.detach();
            result
        };
        let result = tokio::select! {
            result = link => result,
            () = broker.shutdown.cancelled() => {
                broker.controller.detach();
                return;
            }
        };
        match result {
            Ok(()) => pause = RECONNECT_PAUSES.0,
            Err(error @ LinkError::Io(_)) => debug!(%error, cause = %cause(&error), "controller is away"),
            Err(error) => warn!(%error, cause = %cause(&error), "controller connection ended"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RECONNECT_PAUSES.1);
    }
}

fn cause(error: &LinkError) -> String {
    std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// One connection, from registration to its end. `Ok` when it had been registered.
async fn use_link(
    stream: UnixStream,
    broker: &Arc<Broker>,
    incarnation: &Incarnation,
    applier: &mut Applier,
) -> Result<(), LinkError> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = MessageReader {
        stream: reader,
        buffer: BytesMut::new(),
    };
    let register = registration(broker, incarnation, applier.next_offset());
    send(
        &mut writer,
        &BrokerMessage {
            id: REGISTER_ID,
            request: register,
        },
    )
    .await?;
    let mut requests: Option<mpsc::Receiver<BrokerMessage>> = None;
    let mut heartbeat = interval(HEARTBEAT_INTERVAL);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = reader.next() => {
                let Some(message) = message? else {
                    return Ok(());
                };
                match message {
                    ControllerMessage::Response { id: REGISTER_ID, result } => {
                        let answer = result.clone();
                        broker.controller.answered(REGISTER_ID, result);
                        match answer {
                            Ok(_) => requests = Some(broker.controller.attach()),
                            Err(error) => return Err(LinkError::Refused(error)),
                        }
                        info!(broker_epoch = %broker.controller.broker_epoch(), "registered with the controller");
                        heartbeat.reset_immediately();
                    }
                    ControllerMessage::Response { id, result } => {
                        if matches!(result, Err(ControllerError::StaleBrokerEpoch(_))) {
                            broker.controller.answered(id, result);
                            return Err(LinkError::Stale);
                        }
                        if matches!(result, Ok(ControllerResponse::Heartbeat { should_shutdown: true, .. })) {
                            broker.stopping.allow();
                        }
                        broker.controller.answered(id, result);
                    }
                    ControllerMessage::Records { first_offset, records, request_ids } => {
                        for request_id in &request_ids {
                            info!(request_id, offset = %first_offset, records = records.len(), "metadata changes by request");
                        }
                        applier.records(first_offset, &records);
                        // Somebody may be waiting until all brokers know, and as long as we are fenced we wait ourselves.
                        heartbeat.reset_immediately();
                    }
                    ControllerMessage::Snapshot { applied, records } => {
                        applier.snapshot(applied, &records);
                        heartbeat.reset_immediately();
                    }
                }
            }
            Some(request) = next_request(&mut requests) => send(&mut writer, &request).await?,
            () = broker.controller.beat_asked() => heartbeat.reset_immediately(),
            _ = heartbeat.tick(), if requests.is_some() => {
                applier.try_again();
                let message = BrokerMessage { id: broker.controller.next_id(), request: beat(broker) };
                send(&mut writer, &message).await?;
            }
        }
    }
}

async fn next_request(requests: &mut Option<mpsc::Receiver<BrokerMessage>>) -> Option<BrokerMessage> {
    match requests {
        Some(requests) => requests.recv().await,
        None => std::future::pending().await,
    }
}

fn registration(broker: &Broker, incarnation: &Incarnation, metadata_from: MetadataOffset) -> ControllerRequest {
    ControllerRequest::Register {
        broker_id: broker.config.broker_id,
        cluster_id: broker.config.cluster_id.clone(),
        incarnation_id: incarnation.id,
        boot_id: incarnation.boot_id.clone(),
        log_dirs: broker.store.directory_ids(),
        rack: broker.config.rack.clone(),
        endpoints: broker
            .config
            .listeners
            .iter()
            .map(crate::config::ListenerConfig::endpoint)
            .collect(),
        metadata_from,
    }
}

fn beat(broker: &Broker) -> ControllerRequest {
    ControllerRequest::Heartbeat {
        broker_id: broker.config.broker_id,
        broker_epoch: broker.controller.broker_epoch(),
        applied: broker.metadata.applied(),
        want_shutdown: broker.stopping.is_wanted(),
    }
}

async fn send(writer: &mut OwnedWriteHalf, message: &BrokerMessage) -> Result<(), LinkError> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).map_err(|_| LinkError::TooLarge(body.len()))?;
    let mut frame = Vec::with_capacity(PREFIX_BYTES + body.len());
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&body);
    writer.write_all(&frame).await?;
    Ok(())
}

struct MessageReader {
    stream: OwnedReadHalf,
    buffer: BytesMut,
}

impl MessageReader {
    /// The next message, `None` at the end. Cancel safe.
    async fn next(&mut self) -> Result<Option<ControllerMessage>, LinkError> {
        loop {
            if let Some(prefix) = self.buffer.first_chunk::<PREFIX_BYTES>() {
                let length = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
                if length > MESSAGE_BYTES_MAX {
                    return Err(LinkError::TooLarge(length));
                }
                if self.buffer.len() >= PREFIX_BYTES + length {
                    self.buffer.advance(PREFIX_BYTES);
                    let body = self.buffer.split_to(length);
                    return Ok(Some(serde_json::from_slice(&body)?));
                }
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}
