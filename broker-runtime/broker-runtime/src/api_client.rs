//! Asks the control plane of this data directory, signed with its own credentials: for the subcommands that show something.

use std::{fs, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use clock::{Clock, SystemClock};
use reqwest::Method;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde_json::Value;

use crate::{
    background,
    data_dir::{DataDir, RuntimeInfo},
};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);
/// The region and the service that signatures are for.
const REGION: &str = "us-east-1";
const SERVICE: &str = "kafka";

/// A signed client of one control plane.
pub(crate) struct ApiClient {
    endpoint: String,
    access_key: String,
    secret_key: String,
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

/// This client goes to this machine only, over plain HTTP. Left to itself, it would look for certificates of authorities.
fn without_tls() -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Ok(builder
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

impl ApiClient {
    /// For the control plane that runs in this data directory.
    pub(crate) fn new(data_dir: &DataDir, info: &RuntimeInfo) -> Result<Self> {
        let path = data_dir.credentials();
        let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let value = |name: &str| {
            let line = text
                .lines()
                .find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix('='));
            line.map(|value| value.trim().to_owned())
                .with_context(|| format!("{} has no {name}", path.display()))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            endpoint: info.endpoint.clone(),
            access_key: value("aws_access_key_id")?,
            secret_key: value("aws_secret_access_key")?,
            http: reqwest::Client::builder()
                .tls_backend_preconfigured(without_tls()?)
                .timeout(LIMIT)
                .no_proxy()
                .build()?,
            runtime,
        })
    }

    /// For the control plane that runs; an error when none does.
    pub(crate) fn running(data_dir: &DataDir) -> Result<Self> {
        let info = background::ready(data_dir).with_context(|| {
            format!(
                "nothing runs in {}: `broker-runtime serve --background` starts it",
                data_dir.root().display()
            )
        })?;
        Self::new(data_dir, &info)
    }

    /// `GET path`, which begins with a slash and is encoded already.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None)
    }

    /// `POST path`.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, path, Some(body))
    }

    /// `PUT path`, which answers nothing.
    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<()> {
        self.call(Method::PUT, path, Some(body)).map(drop)
    }

    /// `DELETE path`, which answers nothing.
    pub(crate) fn delete(&self, path: &str) -> Result<()> {
        self.call(Method::DELETE, path, None).map(drop)
    }

    fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = format!("{}{path}", self.endpoint);
        let body = body.map(Value::to_string).unwrap_or_default();
        let headers = self.signature(method.as_str(), &url, body.as_bytes())?;
        self.runtime.block_on(async {
            let request = self.http.request(method, &url).body(body);
            let request = headers
                .iter()
                .fold(request, |request, (name, value)| request.header(name, value));
            let response = request.send().await.with_context(|| format!("{url} does not answer"))?;
            let (status, body) = (response.status(), response.bytes().await?);
            if !status.is_success() {
                let said = serde_json::from_slice(&body).ok();
                let message = said.and_then(|said: Value| Some(said["message"].as_str()?.to_owned()));
                bail!("{}", message.unwrap_or_else(|| format!("{url} answers {status}")));
            }
            if body.is_empty() {
                return Ok(Value::Null);
            }
            serde_json::from_slice(&body).with_context(|| format!("{url} answers something that is not JSON"))
        })
    }

    fn signature(&self, method: &str, url: &str, body: &[u8]) -> Result<Vec<(String, String)>> {
        let identity = Credentials::new(&self.access_key, &self.secret_key, None, None, "broker-runtime").into();
        let since_epoch = Duration::from_millis(u64::try_from(SystemClock.now_ms()).unwrap_or(0));
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(SERVICE)
            .time(std::time::UNIX_EPOCH + since_epoch)
            .settings(SigningSettings::default())
            .build()?
            .into();
        let request = SignableRequest::new(method, url, std::iter::empty(), SignableBody::Bytes(body))?;
        let (instructions, _signature) = sign(request, &params)?.into_parts();
        Ok(instructions
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}
