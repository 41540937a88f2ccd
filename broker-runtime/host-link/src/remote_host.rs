//! A host that is elsewhere, reached through its agent.

use std::{
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use clock::Clock;
use hosts::{
    BundleDigest, Finished, HeldBundle, Host, HostError, HostFacts, HostState, UnitCommand, UnitFile, UnitName,
    UnitProcess, UnitStatus,
};
use http_body_util::StreamBody;
use hyper::body::Frame;
use parking_lot::{Mutex, RwLock};
use reqwest::{Client, Method};
use tokio::{io::AsyncReadExt, sync::watch};

use crate::{
    fleet::{CLIENT_AGE_MAX_MS, HostEntry, Keys, Standing},
    wire::{AgentFacts, Answer, BUNDLES_PATH, Base64, ORDERS_PATH, Order, host_dns_name},
};

/// A host that has not answered for this long cannot be reached.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// How long a connection may take to come about, and an answer that takes the agent no time.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
const QUICK_LIMIT: Duration = Duration::from_secs(30);
/// How long it may take to say what it is: whoever asks does so once a second.
const FACTS_LIMIT: Duration = Duration::from_secs(2);
/// How long processes may take to end, and archives to be sent and unpacked.
const SLOW_LIMIT: Duration = Duration::from_secs(600);
/// How long to wait before an order is given once more to an agent that was there a moment ago.
const RETRY_PAUSE: Duration = Duration::from_millis(300);
/// How long it is given again and again; what has taken longer than that has not failed for this reason.
const RETRY_LIMIT: Duration = Duration::from_secs(10);
/// How long connections are kept that nobody uses.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// Bytes of an archive that are sent at a time.
const CHUNK_BYTES: usize = 128 * 1024;

/// What was last heard of a host.
#[derive(Clone, Debug, Default)]
pub struct LastSeen {
    /// When it last answered, by the control plane's clock.
    pub at: Option<Instant>,
    /// What it said.
    pub facts: Option<AgentFacts>,
    /// By how much its clock was ahead.
    pub clock_ahead_ms: i64,
    /// Why it does not answer, if it does not.
    pub problem: Option<String>,
    /// Since when it does not.
    pub silent_since: Option<Instant>,
}

/// A host that is elsewhere.
pub struct RemoteHost {
    entry: RwLock<Arc<HostEntry>>,
    clock: Arc<dyn Clock>,
    keys: Arc<Keys>,
    client: Mutex<Option<(i64, Client)>>,
    seen: watch::Sender<LastSeen>,
}

impl RemoteHost {
    pub(crate) fn new(entry: HostEntry, keys: Arc<Keys>, clock: Arc<dyn Clock>) -> Self {
        Self {
            entry: RwLock::new(Arc::new(entry)),
            clock,
            keys,
            client: Mutex::default(),
            seen: watch::Sender::default(),
        }
    }

    /// What the control plane keeps of it.
    pub fn entry(&self) -> Arc<HostEntry> {
        Arc::clone(&self.entry.read())
    }

    /// Takes note of what is kept of it now. Orders under way go on.
    pub(crate) fn update(&self, entry: HostEntry) {
        let before = std::mem::replace(&mut *self.entry.write(), Arc::new(entry));
        if before.agent_address != self.entry().agent_address {
            *self.client.lock() = None;
        }
    }

    fn name(&self) -> String {
        self.entry().name.clone()
    }

    /// What was last heard of it.
    pub fn last_seen(&self) -> LastSeen {
        self.seen.borrow().clone()
    }

    /// Asks it what it is, and gives it a new certificate when its own ends before long. One that was declared dead is asked as
    /// well: when it is there all the same, what it runs has to end.
    pub async fn ask(&self) {
        let before_ms = self.clock.now_ms();
        let answer = self.order(&Order::Facts, FACTS_LIMIT).await;
        let after_ms = self.clock.now_ms();
        match answer {
            Ok(Answer::Facts(facts)) if facts.facts.host_id == self.entry().host_id => {
                let ahead = facts.now_ms.saturating_sub(before_ms.midpoint(after_ms));
                let not_after_ms = facts.certificate_not_after_ms;
                self.seen.send_replace(LastSeen {
                    at: Some(self.clock.monotonic()),
                    facts: Some(*facts),
                    clock_ahead_ms: ahead,
                    problem: None,
                    silent_since: None,
                });
                if self.entry().standing != Standing::Dead
                    && self.keys.is_due(not_after_ms, after_ms)
                    && let Err(error) = self.renew_certificate().await
                {
                    tracing::warn!(host = self.name(), %error, "certificate of the host is not renewed");
                }
            }
            Ok(_) => self.silent("it is not the host that has joined under this name".to_owned()),
            Err(HostError::Unreachable { reason, .. }) => self.silent(reason),
            Err(error) => self.silent(error.to_string()),
        }
    }

    fn silent(&self, problem: String) {
        let now = self.clock.monotonic();
        self.seen.send_modify(|seen| {
            seen.problem = Some(problem);
            seen.silent_since.get_or_insert(now);
        });
    }

    /// Has the agent make a new key, and gives it the certificate to that.
    pub async fn renew_certificate(&self) -> Result<(), HostError> {
        let request = match self.order(&Order::RequestCertificate, QUICK_LIMIT).await? {
            Answer::CertificateRequest(request) => request,
            other => return Err(self.unexpected(&other)),
        };
        let signed = self.keys.sign(&self.entry(), &request);
        let certificate_pem = signed.map_err(|reason| HostError::Refused {
            host: self.name(),
            reason,
        })?;
        self.done(&Order::TakeCertificate { certificate_pem }, QUICK_LIMIT)
            .await?;
        tracing::info!(host = self.name(), "host has a new certificate");
        Ok(())
    }

    /// Whether it has answered a moment ago, whatever was said of it.
    pub fn answers(&self) -> bool {
        !self.is_silent(&self.last_seen())
    }

    fn is_silent(&self, seen: &LastSeen) -> bool {
        let now = self.clock.monotonic();
        seen.at.is_none_or(|at| now.saturating_duration_since(at) > SILENCE_MAX)
    }

    fn unreachable(&self, reason: impl Into<String>) -> HostError {
        HostError::Unreachable {
            host: self.name(),
            reason: reason.into(),
        }
    }

    fn unexpected(&self, answer: &Answer) -> HostError {
        HostError::Environment {
            host: self.name(),
            problem: format!("its agent answered something else: {answer:?}"),
            remedy: "run the same version of broker-runtime there".to_owned(),
        }
    }

    /// One that was declared dead is asked what it is, and once it answers, told to end what it runs.
    fn refuse_the_dead(&self, order: &Order) -> Result<(), HostError> {
        let obeys = matches!(order, Order::Facts) || (order.is_for_the_dead() && self.answers());
        if self.entry().standing == Standing::Dead && !obeys {
            return Err(self.unreachable("it was declared dead"));
        }
        Ok(())
    }

    /// Whether it is known not to answer, and that for longer than an agent takes that is started again.
    fn is_away(&self, seen: &LastSeen) -> bool {
        let now = self.clock.monotonic();
        seen.silent_since
            .is_some_and(|since| now.saturating_duration_since(since) > SILENCE_MAX)
    }

    /// Whoever only looks does not wait for a host that is known to be away: it is asked once a second, and heard when it is back.
    fn refuse_when_away(&self, order: &Order) -> Result<(), HostError> {
        let seen = self.last_seen();
        match &seen.problem {
            Some(problem) if order.only_looks() && self.is_away(&seen) => Err(self.unreachable(problem.clone())),
            _ => Ok(()),
        }
    }

    async fn order(&self, order: &Order, limit: Duration) -> Result<Answer, HostError> {
        let begun = self.clock.monotonic();
        loop {
            match self.give(order, limit).await {
                // An agent that is started again is back in a moment, and any order may be given twice.
                Err(HostError::Unreachable { .. }) if !matches!(order, Order::Facts) && self.may_be_back(begun) => {
                    self.clock.sleep(RETRY_PAUSE).await;
                }
                answered => return answered,
            }
        }
    }

    /// Whether something that was begun at this moment, and has failed, is worth another attempt.
    fn may_be_back(&self, begun: Instant) -> bool {
        let tried = self.clock.monotonic().saturating_duration_since(begun);
        self.entry().standing != Standing::Dead && tried < RETRY_LIMIT && !self.is_away(&self.last_seen())
    }

    async fn give(&self, order: &Order, limit: Duration) -> Result<Answer, HostError> {
        self.refuse_the_dead(order)?;
        self.refuse_when_away(order)?;
        let body = serde_json::to_vec(order).map_err(|error| HostError::Refused {
            host: self.name(),
            reason: format!("the order cannot be written: {error}"),
        })?;
        self.send(Method::POST, ORDERS_PATH, body.into(), limit).await
    }

    async fn done(&self, order: &Order, limit: Duration) -> Result<(), HostError> {
        match self.order(order, limit).await? {
            Answer::Done => Ok(()),
            other => Err(self.unexpected(&other)),
        }
    }

    /// What takes long is given up once the host has been silent for too long.
    async fn slowly(&self, work: impl Future<Output = Result<(), HostError>>) -> Result<(), HostError> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = self.clock.sleep(Duration::from_secs(1)) => {
                    let seen = self.last_seen();
                    if self.is_silent(&seen) && seen.at.is_some() {
                        return Err(self.unreachable(seen.problem.unwrap_or_else(|| "it has stopped answering".to_owned())));
                    }
                }
            }
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: reqwest::Body,
        limit: Duration,
    ) -> Result<Answer, HostError> {
        let client = self.client().map_err(|reason| self.unreachable(reason))?;
        let (name, port) = (host_dns_name(self.entry().host_id), self.entry().agent_address.port());
        let request = client
            .request(method, format!("https://{name}:{port}{path}"))
            .timeout(limit)
            .body(body);
        let answer = async { request.send().await?.error_for_status()?.bytes().await };
        let answer = answer.await.map_err(|error| self.unreachable(self.explain(&error)))?;
        match serde_json::from_slice(&answer) {
            Ok(Answer::Failed(error)) => Err(error),
            Ok(answer) => Ok(answer),
            Err(error) => Err(HostError::Environment {
                host: self.name(),
                problem: format!("its agent answered something that is not understood: {error}"),
                remedy: "run the same version of broker-runtime there".to_owned(),
            }),
        }
    }

    async fn send_bundle(&self, digest: &BundleDigest, archive: &Path) -> Result<(), HostError> {
        let file = tokio::fs::File::open(archive)
            .await
            .map_err(|error| HostError::Refused {
                host: self.name(),
                reason: format!("the archive {} cannot be read: {error}", archive.display()),
            })?;
        let path = format!("{BUNDLES_PATH}{}", digest.as_str());
        let body = reqwest::Body::wrap(StreamBody::new(chunks(file)));
        match self.send(Method::PUT, &path, body, SLOW_LIMIT).await? {
            Answer::Done => Ok(()),
            other => Err(self.unexpected(&other)),
        }
    }

    /// The last cause says what happened; the others name the URL, which is nobody's business.
    fn explain(&self, error: &reqwest::Error) -> String {
        let address = self.entry().agent_address;
        if error.is_timeout() {
            return format!("its agent at {address} did not answer in time");
        }
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        format!("its agent at {address}: {cause}")
    }

    /// A client that believes this host only. It is made anew before the certificate in it ends.
    fn client(&self) -> Result<Client, String> {
        let now_ms = self.clock.now_ms();
        let mut kept = self.client.lock();
        if let Some((made_ms, client)) = &*kept
            && now_ms.saturating_sub(*made_ms) < CLIENT_AGE_MAX_MS
        {
            return Ok(client.clone());
        }
        let client = Client::builder()
            .tls_backend_preconfigured(self.keys.client_tls(now_ms)?)
            .resolve(&host_dns_name(self.entry().host_id), self.entry().agent_address)
            .connect_timeout(CONNECT_LIMIT)
            .pool_idle_timeout(IDLE_LIMIT)
            .https_only(true)
            .no_proxy()
            .build()
            .map_err(|error| error.to_string())?;
        *kept = Some((now_ms, client.clone()));
        Ok(client)
    }
}

#[async_trait]
impl Host for RemoteHost {
    fn facts(&self) -> HostFacts {
        let (entry, seen) = (self.entry(), self.last_seen());
        let state = match entry.standing {
            Standing::Dead => HostState::Dead,
            _ if self.is_silent(&seen) => HostState::Unreachable,
            Standing::Draining => HostState::Draining,
            Standing::Active => HostState::Active,
        };
        let said = seen.facts.as_ref().map(|facts| &facts.facts);
        let known = said.unwrap_or(&entry.facts);
        HostFacts {
            host_id: entry.host_id,
            name: entry.name.clone(),
            zone: entry.zone.clone(),
            address: entry.facts.address,
            state,
            capacity: known.capacity,
            agent_version: known.agent_version.clone(),
            clock_ahead_ms: seen.clock_ahead_ms,
            data_directory: known.data_directory.clone(),
        }
    }

    async fn write_files(&self, unit: &UnitName, files: &[UnitFile]) -> Result<(), HostError> {
        let (unit, files) = (unit.clone(), files.iter().map(Into::into).collect());
        self.done(&Order::WriteFiles { unit, files }, QUICK_LIMIT).await
    }

    async fn read_file(&self, unit: &UnitName, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, HostError> {
        let (unit, path) = (unit.clone(), path.to_owned());
        match self
            .order(&Order::ReadFile { unit, path, bytes_max }, QUICK_LIMIT)
            .await?
        {
            Answer::Content(content) => Ok(content.map(|Base64(bytes)| bytes)),
            other => Err(self.unexpected(&other)),
        }
    }

    async fn delete_file(&self, unit: &UnitName, path: &str) -> Result<(), HostError> {
        let (unit, path) = (unit.clone(), path.to_owned());
        self.done(&Order::DeleteFile { unit, path }, QUICK_LIMIT).await
    }

    async fn run(&self, unit: &UnitName, command: &UnitCommand, limit: Duration) -> Result<Finished, HostError> {
        let (unit, command) = (unit.clone(), command.clone());
        match self
            .order(&Order::Run { unit, command, limit }, limit + QUICK_LIMIT)
            .await?
        {
            Answer::Finished(finished) => Ok(finished),
            other => Err(self.unexpected(&other)),
        }
    }

    async fn start(&self, unit: &UnitName, process: &UnitProcess) -> Result<(), HostError> {
        let (unit, process) = (unit.clone(), Box::new(process.clone()));
        self.slowly(self.done(&Order::Start { unit, process }, SLOW_LIMIT))
            .await
    }

    async fn stop(&self, unit: &UnitName, kill: bool) -> Result<(), HostError> {
        let unit = unit.clone();
        self.slowly(self.done(&Order::Stop { unit, kill }, SLOW_LIMIT)).await
    }

    async fn status(&self, unit: &UnitName) -> Result<Option<UnitStatus>, HostError> {
        match self.order(&Order::Status { unit: unit.clone() }, QUICK_LIMIT).await? {
            Answer::Status(status) => Ok(status),
            other => Err(self.unexpected(&other)),
        }
    }

    async fn units(&self) -> Result<Vec<UnitStatus>, HostError> {
        match self.order(&Order::Units, QUICK_LIMIT).await? {
            Answer::Units(units) => Ok(units),
            other => Err(self.unexpected(&other)),
        }
    }

    async fn remove(&self, unit: &UnitName) -> Result<(), HostError> {
        let unit = unit.clone();
        self.slowly(self.done(&Order::Remove { unit }, SLOW_LIMIT)).await
    }

    async fn put_bundle(&self, digest: &BundleDigest, archive: &Path) -> Result<(), HostError> {
        let begun = self.clock.monotonic();
        loop {
            let order = Order::HasBundle { digest: digest.clone() };
            match self.order(&order, QUICK_LIMIT).await? {
                Answer::There(true) => return Ok(()),
                Answer::There(false) => (),
                other => return Err(self.unexpected(&other)),
            }
            match self.slowly(self.send_bundle(digest, archive)).await {
                Err(HostError::Unreachable { .. }) if self.may_be_back(begun) => self.clock.sleep(RETRY_PAUSE).await,
                sent => return sent,
            }
        }
    }

    async fn bundles(&self) -> Result<Vec<HeldBundle>, HostError> {
        match self.order(&Order::Bundles, QUICK_LIMIT).await? {
            Answer::Bundles(bundles) => Ok(bundles),
            other => Err(self.unexpected(&other)),
        }
    }

    async fn remove_bundle(&self, digest: &BundleDigest) -> Result<(), HostError> {
        let digest = digest.clone();
        self.slowly(self.done(&Order::RemoveBundle { digest }, SLOW_LIMIT))
            .await
    }

    async fn taken(&self, addresses: &[std::net::SocketAddr]) -> Result<Vec<std::net::SocketAddr>, HostError> {
        let addresses = addresses.to_vec();
        match self.order(&Order::Taken { addresses }, QUICK_LIMIT).await? {
            Answer::Taken(taken) => Ok(taken),
            other => Err(self.unexpected(&other)),
        }
    }
}

/// A file, read as it is sent.
fn chunks(
    file: tokio::fs::File,
) -> impl futures::Stream<Item = Result<Frame<Bytes>, io::Error>> + Send + Sync + 'static {
    futures::stream::try_unfold(file, |mut file| async move {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok((read > 0).then(|| (Frame::data(Bytes::from(chunk)), file)))
    })
}
