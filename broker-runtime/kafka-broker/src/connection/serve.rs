//! One connection: reads a frame, has it answered, and writes replies in the order of the requests.
//!
//! ```text
//!            ┌────────── room in the pipeline ◄───────────┐
//!            ▼                                            │
//!   reading a frame ──► handler runs ──► reply queued ────┤
//!                                            │            │
//!                        replies in order ◄──┘ ──► socket ┘
//! ```
//!
//! The next request is not looked at before the handler of the last one is done, as in Kafka, which mutes the channel.
//! A handler may be done before its reply is there ([`Reply::Later`]: produce with acks=all); up to
//! [`PIPELINE_MAX`] such replies may be due.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesOrdered};
use tokio::{io::AsyncRead, time::Sleep};
use tracing::{debug, warn};

use super::{
    frame::{FrameError, FrameReader},
    memory::MemoryShare,
    write::{ReplyStream, write_frame},
};
use crate::{
    broker::Broker,
    dispatch::{self, Connection, Reply, ReplyFrame, RequestError},
    metrics::Timed,
};

/// Replies that may be due on one connection before reading stops.
const PIPELINE_MAX: usize = 32;

/// The largest frame that is read before authentication.
const UNAUTHENTICATED_FRAME_BYTES: usize = 512 * 1024;

/// Frames up to this size are not counted against the memory budget.
const UNCOUNTED_FRAME_BYTES: usize = 16 * 1024;

/// While memory is short, a frame that was announced has to be there within this.
const SLOW_FRAME_LIMIT: Duration = Duration::from_secs(10);

/// Ends a connection.
enum End {
    /// The peer is gone, or the last reply is written.
    Quiet,
    /// The peer broke a rule.
    Frame(FrameError),
    /// Ditto, found while decoding.
    Request(RequestError),
    /// Nothing came for too long.
    Idle,
    /// The broker has more connections than it may have.
    Excess,
    /// The handler panicked: a mistake of ours.
    Panic,
    /// The broker stops.
    Shutdown,
}

/// A request with the share of the memory budget that it holds.
struct Received {
    frame: Bytes,
    budget: Option<MemoryShare>,
    timed: Option<Timed>,
}

/// A reply whose turn has come.
struct Outgoing {
    frame: ReplyFrame,
    /// The connection is closed after it.
    last: bool,
    timed: Option<Timed>,
}

/// A request at its handler.
struct Handling {
    answer: BoxFuture<'static, Result<Result<Reply, RequestError>, ()>>,
    timed: Option<Timed>,
}

type Due = BoxFuture<'static, Result<Outgoing, RequestError>>;

/// Serves one connection until it ends.
pub(crate) async fn serve<R, W>(reader: R, mut writer: W, connection: &Arc<Connection>, broker: &Arc<Broker>)
where
    R: AsyncRead + Unpin + Send,
    W: ReplyStream,
{
    let end = exchange(FrameReader::new(reader), &mut writer, connection, broker).await;
    let (id, peer, listener) = (connection.id, connection.peer, connection.listener);
    match end {
        End::Quiet | End::Shutdown => debug!(id, %peer, %listener, "connection closed"),
        End::Idle => debug!(id, %peer, %listener, "idle connection closed"),
        End::Excess => warn!(id, %peer, %listener, "connection closed: the broker has too many"),
        End::Frame(FrameError::Io(error)) => debug!(id, %peer, %listener, %error, "connection failed"),
        End::Frame(error) => warn!(id, %peer, %listener, %error, "connection closed: bad frame"),
        End::Request(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            warn!(id, %peer, %listener, %error, cause, "connection closed: bad request");
        }
        End::Panic => {}
    }
}

async fn exchange<R, W>(
    mut reader: FrameReader<R>,
    writer: &mut W,
    connection: &Arc<Connection>,
    broker: &Arc<Broker>,
) -> End
where
    R: AsyncRead + Unpin + Send,
    W: ReplyStream,
{
    let idle = Duration::from_millis(broker.settings.connections_max_idle_ms);
    let mut idle_timer = Box::pin(tokio::time::sleep(idle));
    let mut due: FuturesOrdered<Due> = FuturesOrdered::new();
    let mut handling: Option<Handling> = None;
    loop {
        tokio::select! {
            biased;
            Some(reply) = due.next(), if !due.is_empty() => match reply {
                Ok(outgoing) => {
                    if let Err(end) = send(writer, outgoing, broker).await {
                        return end;
                    }
                }
                Err(error) => return End::Request(error),
            },
            outcome = poll_handling(&mut handling), if handling.is_some() => {
                let timed = handling.take().and_then(|handling| handling.timed);
                match outcome {
                    Ok(Ok(reply)) => match queue_reply((reply, timed), &mut due, writer, broker).await {
                        Ok(()) => {}
                        Err(end) => return end,
                    },
                    Ok(Err(error)) => return End::Request(error),
                    Err(()) => return End::Panic,
                }
            }
            received = receive(&mut reader, connection, broker), if handling.is_none() && due.len() < PIPELINE_MAX => {
                match received {
                    Ok(Some(received)) => handling = Some(handle(received, connection, broker)),
                    Ok(None) => return End::Quiet,
                    Err(error) => return End::Frame(error),
                }
                connection.last_used_ms.store(broker.uptime_ms(), Ordering::Relaxed);
                reset(&mut idle_timer, idle);
            }
            () = connection.sent_away.notified() => return End::Excess,
            () = &mut idle_timer, if handling.is_none() && due.is_empty() => return End::Idle,
            () = broker.shutdown.cancelled(), if handling.is_none() && due.is_empty() => return End::Shutdown,
        }
    }
}

fn reset(timer: &mut Pin<Box<Sleep>>, idle: Duration) {
    timer.set(tokio::time::sleep(idle));
}

async fn poll_handling(handling: &mut Option<Handling>) -> Result<Result<Reply, RequestError>, ()> {
    match handling {
        Some(handling) => (&mut handling.answer).await,
        None => std::future::pending().await,
    }
}

/// Reads one frame, within the limits of the connection and of the broker.
async fn receive<R: AsyncRead + Unpin>(
    reader: &mut FrameReader<R>,
    connection: &Connection,
    broker: &Broker,
) -> Result<Option<Received>, FrameError> {
    wait_until_unmuted(connection, broker).await;
    let authenticated = !connection.sasl_required || connection.session.lock().sasl.is_complete();
    let limit = if authenticated {
        broker.settings.socket_request_max_bytes
    } else {
        broker
            .settings
            .socket_request_max_bytes
            .min(UNAUTHENTICATED_FRAME_BYTES)
    };
    let Some(length) = reader.next_length(limit).await? else {
        return Ok(None);
    };
    let budget = if length > UNCOUNTED_FRAME_BYTES {
        broker.request_memory.reserve(length).await
    } else {
        None
    };
    let frame = loop {
        match tokio::time::timeout(SLOW_FRAME_LIMIT, reader.next_frame(length)).await {
            Ok(frame) => break frame?,
            // Others wait for the memory that this peer has asked for and does not use.
            Err(_) if budget.is_some() && broker.request_memory.is_short() => return Err(FrameError::Slow { length }),
            Err(_) => {}
        }
    };
    let timed = if authenticated || !connection.session.lock().sasl.expects_raw_token() {
        let now = || broker.clock.monotonic();
        broker.metrics.requests.begin(&frame, connection.listener, now)
    } else {
        None
    };
    Ok(Some(Received { frame, budget, timed }))
}

/// Waits as long as the peer has to wait for what it has used beyond its quotas.
async fn wait_until_unmuted(connection: &Connection, broker: &Broker) {
    let until_ms = connection.muted_until_ms.load(Ordering::Relaxed);
    let left_ms = until_ms.saturating_sub(broker.uptime_ms());
    if let Ok(left_ms @ 1..) = u64::try_from(left_ms) {
        broker.clock.sleep(Duration::from_millis(left_ms)).await;
    }
}

/// Starts answering a request. A panic in a handler costs the connection, never the broker.
fn handle(received: Received, connection: &Arc<Connection>, broker: &Arc<Broker>) -> Handling {
    let connection = Arc::clone(connection);
    let broker = Arc::clone(broker);
    let Received { frame, budget, timed } = received;
    let answer = async move {
        let reply = dispatch::answer(&connection, &broker, frame).await;
        drop(budget);
        reply
    };
    let answer = Box::pin(async move {
        AssertUnwindSafe(answer).catch_unwind().await.map_err(|panic| {
            let text = panic
                .downcast_ref::<&str>()
                .copied()
                .or(panic.downcast_ref::<String>().map(String::as_str));
            tracing::error!(panic = text.unwrap_or("unknown"), "request handler panicked");
        })
    });
    Handling { answer, timed }
}

/// Writes a reply and takes down how long the request took.
async fn send<W: ReplyStream>(writer: &mut W, outgoing: Outgoing, broker: &Broker) -> Result<(), End> {
    let sending = outgoing.timed.map(|timed| (timed, broker.clock.monotonic()));
    let stall = Duration::from_millis(broker.settings.connections_max_idle_ms);
    if write_frame(writer, outgoing.frame, stall).await.is_err() {
        return Err(End::Quiet);
    }
    if let Some((timed, sending)) = sending {
        take_down(timed, sending, broker);
    }
    if outgoing.last { Err(End::Quiet) } else { Ok(()) }
}

fn take_down(timed: Timed, sending: Instant, broker: &Broker) {
    let (now, now_ms) = (broker.clock.monotonic(), broker.uptime_ms());
    broker.metrics.requests.end(timed, sending, now, now_ms);
}

/// Writes a reply at once when none is due before it, else puts it in line.
async fn queue_reply<W: ReplyStream>(
    (reply, timed): (Reply, Option<Timed>),
    due: &mut FuturesOrdered<Due>,
    writer: &mut W,
    broker: &Broker,
) -> Result<(), End> {
    let (frame, last) = match reply {
        Reply::Nothing => {
            if let Some(timed) = timed {
                take_down(timed, broker.clock.monotonic(), broker);
            }
            return Ok(());
        }
        Reply::Later(future) => {
            due.push_back(Box::pin(async move {
                Ok(Outgoing {
                    frame: future.await?,
                    last: false,
                    timed,
                })
            }));
            return Ok(());
        }
        Reply::Now(frame) => (frame, false),
        Reply::Last(frame) => (frame, true),
    };
    let outgoing = Outgoing { frame, last, timed };
    if due.is_empty() {
        return send(writer, outgoing, broker).await;
    }
    due.push_back(Box::pin(std::future::ready(Ok(outgoing))));
    Ok(())
}
