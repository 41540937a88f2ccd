//! Asks the control plane of this data directory, signed with its own credentials: for the subcommands that show something.

use std::{fs, time::Duration};

use anyhow::{Context, Result, bail};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use clock::{Clock, SystemClock};
use serde_json::Value;

use crate::data_dir::{DataDir, RuntimeInfo};

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
            http: reqwest::Client::builder().timeout(LIMIT).no_proxy().build()?,
            runtime,
        })
    }

    /// `GET path`, which begins with a slash and is encoded already.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        let url = format!("{}{path}", self.endpoint);
        let headers = self.signature(&url)?;
        self.runtime.block_on(async {
            let request = headers.iter().fold(self.http.get(&url), |request, (name, value)| {
                request.header(name, value)
            });
            let response = request.send().await.with_context(|| format!("{url} does not answer"))?;
            let (status, body) = (response.status(), response.bytes().await?);
            if !status.is_success() {
                bail!("{url} answers {status}: {}", String::from_utf8_lossy(&body));
            }
            serde_json::from_slice(&body).with_context(|| format!("{url} answers something that is not JSON"))
        })
    }

    fn signature(&self, url: &str) -> Result<Vec<(String, String)>> {
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
        let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::Bytes(&[]))?;
        let (instructions, _signature) = sign(request, &params)?.into_parts();
        Ok(instructions
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}
