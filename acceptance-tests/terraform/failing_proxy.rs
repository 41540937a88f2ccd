//! Between the provider and the control plane: passes calls on, and from one of them on does not.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// What happens to the first call that fails. All later ones are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It does not reach the control plane.
    Refused,
    /// It is done, and nobody learns of it.
    AnswerLost,
}

/// How long a call is waited for, or waits at most.
const LIMIT: Duration = Duration::from_secs(60);
/// No call fails.
const NEVER: usize = usize::MAX;

/// What the threads share.
#[derive(Default)]
struct Plan {
    calls: AtomicUsize,
    fails_from: AtomicUsize,
    loses_answer: AtomicUsize,
    /// Number of the call that waits before it is passed on; 0 for none.
    holds: AtomicUsize,
    is_held: AtomicBool,
}

/// The proxy. Its threads end with the process.
pub struct FailingProxy {
    /// `http://127.0.0.1:PORT`.
    pub endpoint: String,
    plan: Arc<Plan>,
}

impl FailingProxy {
    /// In front of `http://host:port`.
    pub fn start(endpoint: &str) -> Result<Self> {
        let upstream = endpoint
            .strip_prefix("http://")
            .context("an endpoint without TLS")?
            .to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let plan = Arc::new(Plan::default());
        plan.fails_from.store(NEVER, Ordering::SeqCst);
        let shared = plan.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (plan, upstream) = (shared.clone(), upstream.clone());
                // Whoever goes away has nothing to be told.
                thread::spawn(move || relay(client, &upstream, &plan));
            }
        });
        Ok(Self { endpoint, plan })
    }

    /// How many calls there were since the last time that some were to fail.
    pub fn calls(&self) -> usize {
        self.plan.calls.load(Ordering::SeqCst)
    }

    /// The next call is number 1; from call `from` on they fail.
    pub fn fail_from(&self, from: usize, failure: Failure) {
        self.plan.calls.store(0, Ordering::SeqCst);
        self.plan
            .loses_answer
            .store(usize::from(failure == Failure::AnswerLost), Ordering::SeqCst);
        self.plan.fails_from.store(from, Ordering::SeqCst);
    }

    /// The next call is number 1; call `number` waits until [`Self::release`].
    pub fn hold(&self, number: usize) {
        self.plan.calls.store(0, Ordering::SeqCst);
        self.plan.is_held.store(false, Ordering::SeqCst);
        self.plan.holds.store(number, Ordering::SeqCst);
    }

    /// Ends when the call that was to wait has been made, and waits.
    pub async fn held(&self) -> Result<()> {
        let waits = async {
            while !self.plan.is_held.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(LIMIT, waits).await.context("the call is not made")
    }

    /// No call waits any longer.
    pub fn release(&self) {
        self.plan.holds.store(0, Ordering::SeqCst);
    }

    /// Whether a call has failed since, and that no more do.
    pub fn heal(&self) -> bool {
        let from = self.plan.fails_from.swap(NEVER, Ordering::SeqCst);
        self.plan.calls.load(Ordering::SeqCst) >= from
    }
}

/// The calls of one connection, one after the other.
fn relay(client: TcpStream, upstream: &str, plan: &Plan) -> Result<()> {
    let mut answers = BufReader::new(TcpStream::connect(upstream)?);
    let mut requests = BufReader::new(client);
    while let Some(request) = message(&mut requests)? {
        let call = plan.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let begin = Instant::now();
        while plan.holds.load(Ordering::SeqCst) == call && begin.elapsed() < LIMIT {
            plan.is_held.store(true, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(1));
        }
        let from = plan.fails_from.load(Ordering::SeqCst);
        let is_done = call < from || (call == from && plan.loses_answer.load(Ordering::SeqCst) == 1);
        let answer = if is_done {
            answers.get_mut().write_all(&request)?;
            message(&mut answers)?
        } else {
            None
        };
        match answer.filter(|_| call < from) {
            Some(answer) => requests.get_mut().write_all(&answer)?,
            None => {
                // An error that nobody tries again.
                let body = "{\"message\":\"planted\",\"invalidParameter\":null}";
                let head =
                    "HTTP/1.1 403 Forbidden\r\nx-amzn-errortype: ForbiddenException\r\ncontent-type: application/json";
                let text = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                requests.get_mut().write_all(text.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// A whole request or answer; none when the connection has ended.
fn message(stream: &mut BufReader<TcpStream>) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut length = 0;
    loop {
        let begins = bytes.len();
        if stream.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&bytes[begins..]).to_ascii_lowercase();
        if let Some(number) = line.strip_prefix("content-length:") {
            length = number.trim().parse()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    bytes.extend(body);
    Ok(Some(bytes))
}
