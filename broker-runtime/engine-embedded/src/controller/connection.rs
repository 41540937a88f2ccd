//! Connections of brokers: each has a reader, which hands requests to the core in order, and a writer.

use std::{collections::BTreeMap, io, sync::Arc};

use bytes::Bytes;
use engine::Metric;
use kafka_metadata::{
    BrokerId,
    rpc::{BrokerMessage, ControllerRequest, ControllerResponse},
};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use super::{
    command::{Asker, Command, ConnectionId, Outgoing},
    logins::Logins,
};

/// No request is longer: `AlterPartition` for ten thousand partitions has two megabytes.
const REQUEST_BYTES_MAX: u32 = 32 * 1024 * 1024;

/// Messages that may wait for a broker to read them.
const OUTGOING_MESSAGES_MAX: usize = 1024;

/// Connections at once.
const CONNECTIONS_MAX: usize = 4096;

/// Pause after a failed accept, when there are no file descriptors for instance.
const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// What brokers have reported last.
pub(super) type Reports = Arc<Mutex<BTreeMap<BrokerId, Arc<Vec<Metric>>>>>;

/// Who takes what brokers send.
#[derive(Clone)]
pub(super) struct Receivers {
    /// The core.
    pub(super) commands: mpsc::Sender<Command>,
    /// For logins, which are none of its business.
    pub(super) logins: Logins,
    /// For what brokers report, which is none of its business either.
    pub(super) reports: Reports,
}

/// Accepts connections until told to stop.
pub(super) async fn accept(listener: UnixListener, receivers: Receivers, stop: CancellationToken, tasks: TaskTracker) {
    let mut next_id = 0;
    let slots = std::sync::Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "a broker's connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            warn!(most = CONNECTIONS_MAX, "too many connections; closing one");
            continue;
        };
        next_id += 1;
        let (connection, receivers, closed) = (ConnectionId(next_id), receivers.clone(), stop.child_token());
        tasks.spawn(async move {
            serve(stream, connection, &receivers, closed).await;
            // The core ends only together with all connections.
            receivers.commands.send(Command::Disconnected(connection)).await.ok();
            drop(slot);
        });
    }
}

async fn serve(stream: UnixStream, connection: ConnectionId, receivers: &Receivers, closed: CancellationToken) {
    let (reader, writer) = stream.into_split();
    let (messages, waiting) = mpsc::channel(OUTGOING_MESSAGES_MAX);
    let outgoing = Outgoing {
        connection,
        messages,
        closed: closed.clone(),
    };
    let result = tokio::select! {
        () = closed.cancelled() => Ok(()),
        result = read(reader, outgoing, receivers) => result,
        result = write(writer, waiting) => result,
    };
    closed.cancel();
    match result {
        Ok(()) => debug!(connection = connection.0, "a broker's connection ended"),
        Err(error) => warn!(connection = connection.0, %error, "a broker's connection failed"),
    }
}

async fn read(mut reader: OwnedReadHalf, outgoing: Outgoing, receivers: &Receivers) -> io::Result<()> {
    loop {
        let length = match reader.read_u32().await {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        if length > REQUEST_BYTES_MAX {
            let message = format!("a request of {length} bytes is too long");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let mut body = Vec::new();
        let count = (&mut reader).take(length.into()).read_to_end(&mut body).await?;
        if u64::try_from(count).ok() != Some(length.into()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let BrokerMessage { id, request } = serde_json::from_slice(&body)?;
        let asker = Asker::Broker {
            outgoing: outgoing.clone(),
            id,
        };
        if let ControllerRequest::AuthenticateIam { url, source } = request {
            let logins = receivers.logins.clone();
            tokio::task::spawn_blocking(move || asker.answer(logins.decide(url, source)));
            continue;
        }
        if let ControllerRequest::Report { broker_id, metrics } = request {
            let metrics = metrics.into_iter().map(|reported| Metric {
                name: reported.name,
                labels: reported.labels,
                value: reported.value,
            });
            receivers.reports.lock().insert(broker_id, Arc::new(metrics.collect()));
            asker.answer(Ok(ControllerResponse::Done));
            continue;
        }
        let command = Command::Request { request, asker };
        if receivers.commands.send(command).await.is_err() {
            return Ok(());
        }
    }
}

async fn write(mut writer: OwnedWriteHalf, mut waiting: mpsc::Receiver<Bytes>) -> io::Result<()> {
    while let Some(message) = waiting.recv().await {
        writer.write_all(&message).await?;
    }
    Ok(())
}
