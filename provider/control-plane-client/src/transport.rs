//! One call: sign, send, retry what may be retried, and read the answer or the error.

use std::{fmt, sync::Arc, time::Duration, time::SystemTime};

use control_plane_api::clusters::{IDEMPOTENCY_HEADER, VALIDATE_ONLY_HEADER};
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    credentials::Credentials,
    error::{Error, Result},
    signing::{Signable, signature_headers},
    tls::{self, Trust},
};

/// How long one attempt may take, unless the call waits on the server.
const ATTEMPT_DEADLINE: Duration = Duration::from_secs(30);
/// How long an attempt may take that is answered when all brokers know. That is after whatever else is done to the cluster just then:
/// brokers that were killed are waited for, replicas may be on their way.
const BROKERS_DEADLINE: Duration = Duration::from_secs(15 * 60);
/// How long a connection may take to come about.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How long a call is retried in all. A control plane that was killed is back within a second or two.
const RETRY_BUDGET: Duration = Duration::from_secs(10);
/// Pause before the first retry; it doubles each time.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// Longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Longest part of an answer nobody expected that is kept for the error text.
const ERROR_TEXT_CHARS_MAX: usize = 500;

/// Everything but the unreserved characters, so that an ARN is one path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path or query component in percent-encoding.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base URL of the control plane, `http://host:port` or `https://host:port`.
    pub endpoint: String,
    /// Certificates of the authorities that the control plane's certificate may be of, PEM; `None`: those of the system.
    pub authorities_pem: Option<Vec<u8>>,
    /// The key that signs; without one, requests go out unsigned.
    pub credentials: Option<Credentials>,
    /// Where the time of a signature comes from.
    pub now: fn() -> SystemTime,
    /// Whether a control plane that does not answer is given time to come back.
    pub patient: bool,
}

/// A client of one control plane. Cloning it is cheap and shares the connections.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    settings: Settings,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("endpoint", &self.inner.settings.endpoint)
            .finish_non_exhaustive()
    }
}

/// When an attempt that failed may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Doing it twice is doing it once.
    Always,
    /// Only if the request cannot have reached the server.
    IfUnsent,
}

/// One request, before it is signed.
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) service: &'static str,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) retry: Retry,
    pub(crate) attempt_deadline: Duration,
}

impl Call {
    /// A call of the MSK API or of our extensions to it. Reads, replacements and deletions may be repeated.
    pub(crate) fn new(operation: &'static str, method: Method, path: String) -> Self {
        let repeatable = matches!(method, Method::GET | Method::DELETE);
        Self {
            operation,
            service: "kafka",
            method,
            path,
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            retry: if repeatable { Retry::Always } else { Retry::IfUnsent },
            attempt_deadline: ATTEMPT_DEADLINE,
        }
    }

    pub(crate) fn get(operation: &'static str, path: String) -> Self {
        Self::new(operation, Method::GET, path)
    }

    /// Adds a query parameter when there is a value.
    pub(crate) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    /// With a token, the call may be made again without knowing what became of it.
    pub(crate) fn idempotent(self, token: Option<&str>) -> Self {
        let retry = if token.is_some() {
            Retry::Always
        } else {
            Retry::IfUnsent
        };
        self.header(IDEMPOTENCY_HEADER, token).retry(retry)
    }

    /// Nothing is made: the answer says whether it could be.
    pub(crate) fn validate_only(self) -> Self {
        self.header(VALIDATE_ONLY_HEADER, Some("true")).retry(Retry::Always)
    }

    /// The answer comes when all brokers know of it.
    pub(crate) fn until_brokers_know(mut self) -> Self {
        self.attempt_deadline = BROKERS_DEADLINE;
        self
    }

    pub(crate) fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// A JSON body.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(body).expect("requests are plain structs, which always serialise");
        self.headers.push(("content-type", "application/json".to_owned()));
        self
    }
}

/// What came back from one attempt.
struct Answer {
    status: u16,
    error_type: Option<String>,
    /// What the server's logs name the request.
    request_id: String,
    body: Vec<u8>,
}

/// Why one attempt had no answer.
enum Attempt {
    /// No connection: the request was not sent.
    Unsent(reqwest::Error),
    /// The connection broke, or the time was up, after sending had begun.
    Lost(reqwest::Error),
}

impl Client {
    /// A client for the endpoint in `settings`. Nothing is sent yet.
    pub fn new(mut settings: Settings) -> Result<Self> {
        let trimmed = settings.endpoint.trim_end_matches('/').to_owned();
        let uri = trimmed.parse::<http::Uri>().ok();
        let uri = uri.filter(|uri| uri.host().is_some() && uri.path().len() <= 1);
        let trust = match uri.as_ref().and_then(|uri| uri.scheme_str()) {
            Some("http") => Trust::Nobody,
            Some("https") => settings
                .authorities_pem
                .as_deref()
                .map_or(Trust::System, Trust::Authorities),
            _ => {
                return Err(Error::InvalidEndpoint {
                    endpoint: settings.endpoint,
                });
            }
        };
        let tls = tls::config(&trust).map_err(|source| Error::InvalidAuthorities { source })?;
        settings.endpoint = trimmed;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .connect_timeout(CONNECT_DEADLINE)
            .tcp_nodelay(true)
            .build()
            .map_err(|source| Error::Unreachable {
                endpoint: settings.endpoint.clone(),
                source: Box::new(source),
            })?;
        Ok(Self {
            inner: Arc::new(Inner { http, settings }),
        })
    }

    /// Base URL of the control plane.
    pub fn endpoint(&self) -> &str {
        &self.inner.settings.endpoint
    }

    /// Makes the call and decodes its answer; an empty answer counts as an empty object.
    pub(crate) async fn call<Response: DeserializeOwned>(&self, call: Call) -> Result<Response> {
        let answer = self.answer(&call).await?;
        let body: &[u8] = if answer.body.is_empty() { b"{}" } else { &answer.body };
        serde_json::from_slice(body).map_err(|source| self.malformed(call.operation, source))
    }

    /// Makes the call; nothing in its answer is of interest.
    pub(crate) async fn call_for_nothing(&self, call: Call) -> Result<()> {
        self.answer(&call).await.map(|_| ())
    }

    /// A successful answer, after as many attempts as it takes and the budget allows.
    async fn answer(&self, call: &Call) -> Result<Answer> {
        let mut pause = PAUSE_MIN;
        let mut paused = Duration::ZERO;
        loop {
            let outcome = self.attempt(call).await;
            let (error, retry) = match outcome {
                Ok(answer) if (200..300).contains(&answer.status) => return Ok(answer),
                Ok(answer) => {
                    let error = self.error_of(&answer);
                    let retry = match error {
                        Error::Throttled { .. } => true,
                        Error::Server { .. } => call.retry == Retry::Always,
                        _ => false,
                    };
                    (error, retry)
                }
                Err(Attempt::Unsent(source)) => (self.unreachable(source), true),
                Err(Attempt::Lost(source)) if source.is_timeout() => {
                    let error = Error::Timeout {
                        what: format!("{} at {}", call.operation, self.endpoint()),
                        after: call.attempt_deadline,
                    };
                    (error, false)
                }
                Err(Attempt::Lost(source)) => (self.unreachable(source), call.retry == Retry::Always),
            };
            if !retry || !self.inner.settings.patient || paused >= RETRY_BUDGET {
                return Err(error);
            }
            tracing::debug!(operation = call.operation, %error, pause_ms = pause.as_millis(), "trying again");
            // Between half and all of the pause, so that clients that failed together do not return together.
            let this_pause = pause.mul_f64(0.5 + 0.5 * rand::random::<f64>());
            tokio::time::sleep(this_pause).await;
            paused += this_pause;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn attempt(&self, call: &Call) -> std::result::Result<Answer, Attempt> {
        let mut url = format!("{}{}", self.endpoint(), call.path);
        for (index, (name, value)) in call.query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.push_str(&segment(value));
        }
        let mut request = self
            .inner
            .http
            .request(call.method.clone(), &url)
            .timeout(call.attempt_deadline);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        for (name, value) in self.signature(call, &url) {
            request = request.header(name, value);
        }
        let sent = request.body(call.body.clone()).send().await;
        let response = sent.map_err(|error| {
            if error.is_connect() {
                Attempt::Unsent(error)
            } else {
                Attempt::Lost(error)
            }
        })?;
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let request_id = header("x-amzn-requestid").unwrap_or_default();
        tracing::debug!(
            operation = call.operation,
            status,
            request_id,
            "control plane has answered"
        );
        Ok(Answer {
            status,
            error_type: header("x-amzn-errortype").map(|value| value.split(':').next().unwrap_or(&value).to_owned()),
            request_id,
            body: response.bytes().await.map_err(Attempt::Lost)?.to_vec(),
        })
    }

    fn signature(&self, call: &Call, url: &str) -> Vec<(String, String)> {
        let Some(credentials) = &self.inner.settings.credentials else {
            return Vec::new();
        };
        let signable = Signable {
            method: call.method.as_str(),
            url,
            headers: &call.headers,
            body: &call.body,
        };
        signature_headers(&signable, credentials, call.service, (self.inner.settings.now)())
            .expect("the address was checked and headers are ASCII, so the request can be signed")
    }

    fn unreachable(&self, source: reqwest::Error) -> Error {
        Error::Unreachable {
            endpoint: self.endpoint().to_owned(),
            source: Box::new(source.without_url()),
        }
    }

    /// An answer that is not what the API promises.
    pub(crate) fn malformed(&self, operation: &'static str, source: impl Into<crate::error::Cause>) -> Error {
        Error::Malformed {
            endpoint: self.endpoint().to_owned(),
            operation,
            source: source.into(),
        }
    }

    /// What an answer that is no success means.
    fn error_of(&self, answer: &Answer) -> Error {
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = |key: &str| body.get(key).and_then(|value| value.as_str()).map(str::to_owned);
        let kind = answer
            .error_type
            .clone()
            .or_else(|| text("__type").map(|kind| kind.rsplit('#').next().unwrap_or(&kind).to_owned()))
            .unwrap_or_default();
        let message = text("message").or_else(|| text("Message")).unwrap_or_else(|| {
            let raw = String::from_utf8_lossy(&answer.body);
            let raw: String = raw.trim().chars().take(ERROR_TEXT_CHARS_MAX).collect();
            if raw.is_empty() {
                format!("status {}", answer.status)
            } else {
                raw
            }
        });
        match (answer.status, kind.as_str()) {
            // MSK reports a missing configuration as a bad request.
            (400, _) if message.contains("Configuration ARN does not exist") => Error::NotFound { message },
            // Without the name of an error this is a stranger's 404, and no proof that something is gone.
            (404, "") => self.malformed("the request", message),
            (404, _) | (_, "ResourceNotFoundException") => Error::NotFound { message },
            (409, _) | (_, "ResourceExistsException") => Error::Conflict { message, kind },
            (401 | 403, _)
            | (_, "UnrecognizedClientException" | "InvalidSignatureException" | "AccessDeniedException") => {
                Error::Unauthorized {
                    endpoint: self.endpoint().to_owned(),
                    message,
                }
            }
            (429, _) => Error::Throttled { message },
            (400..=499, _) => Error::BadRequest {
                message,
                invalid_parameter: text("invalidParameter"),
            },
            (status, _) => Error::Server {
                status,
                message,
                request_id: answer.request_id.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
