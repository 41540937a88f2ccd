//! Our side: a runtime of its own in a temporary folder, and a cluster with an open plaintext listener in it.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use acceptance_tests::{outside, processes, runtime::Runtime, tools::Tools};
use anyhow::{Context, Result};
use control_plane_api::{
    clusters::{BrokerNodeGroupInfo, CreateClusterRequest},
    security::{EncryptionInTransit, EncryptionInfo},
    updates::UpdateBrokerCountRequest,
};
use control_plane_client::Client;
use serde_json::Value;

use crate::api;

/// How long a change of a cluster may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A running cluster; ends with this value.
pub struct OpenMsk {
    runtime: Runtime,
    arn: String,
    /// `host:port,…` of the plaintext listeners.
    pub bootstrap: String,
    /// Seconds from the create request to ACTIVE.
    pub active_after_s: f64,
}

/// A Python interpreter with boto3.
pub fn python() -> Result<PathBuf> {
    Tools::load().python.context("no Python clients; `cargo xtask tools`")
}

impl OpenMsk {
    /// Starts `count` brokers through the API, with boto3.
    pub fn start(count: u8) -> Result<Self> {
        Self::start_with(&["create_plaintext_cluster", "bench", &count.to_string()])
    }

    /// The same, with a key for what they store.
    pub fn start_encrypted(count: u8) -> Result<Self> {
        Self::start_with(&["create_plaintext_cluster", "bench", &count.to_string(), "alias/bench"])
    }

    fn start_with(command: &[&str]) -> Result<Self> {
        let runtime = Runtime::new()?;
        runtime.start()?;
        let text = outside::run(&python()?, &runtime, command)?;
        let answer: Value = serde_json::from_str(&text)?;
        let arn = answer["arn"].as_str().context("ARN")?.to_owned();
        let bootstrap = answer["bootstrap"].as_str().context("bootstrap string")?.to_owned();
        let active_after_s = answer["active_after_s"].as_f64().context("active_after_s")?;
        Ok(Self {
            runtime,
            arn,
            bootstrap,
            active_after_s,
        })
    }

    /// Starts `count` brokers without a type, which would limit their processors, memory and partitions, in a runtime that is
    /// there. The client is the provider's, which is told once the cluster is `ACTIVE`.
    pub fn start_in(runtime: Runtime, count: u8) -> Result<Self> {
        let request = CreateClusterRequest {
            cluster_name: "bench".to_owned(),
            number_of_broker_nodes: count.into(),
            broker_node_group_info: Some(BrokerNodeGroupInfo::default()),
            encryption_info: Some(EncryptionInfo {
                encryption_in_transit: Some(EncryptionInTransit {
                    client_broker: Some("TLS_PLAINTEXT".to_owned()),
                    in_cluster: None,
                }),
                ..EncryptionInfo::default()
            }),
            ..CreateClusterRequest::default()
        };
        let began = Instant::now();
        let (arn, active_after_s, bootstrap) = call(&runtime, async |client| {
            let arn = client.create_cluster(&request, None).await?.cluster_arn;
            client.wait_for_cluster(&arn, LIMIT).await?;
            let active_after_s = began.elapsed().as_secs_f64();
            let brokers = client.get_bootstrap_brokers(&arn).await?;
            let bootstrap = brokers.bootstrap_broker_string.context("plaintext listeners")?;
            Ok((arn, active_after_s, bootstrap))
        })?;
        Ok(Self {
            runtime,
            arn,
            bootstrap,
            active_after_s,
        })
    }

    /// The same in a runtime of its own.
    pub fn start_without_type(count: u8) -> Result<Self> {
        let runtime = Runtime::new()?;
        runtime.start()?;
        Self::start_in(runtime, count)
    }

    /// `host:port,…` of the TLS listeners, and the authority of their certificates.
    pub fn tls(&self) -> Result<(String, String)> {
        call(&self.runtime, async |client| {
            let brokers = client.get_bootstrap_brokers(&self.arn).await?;
            let bootstrap = brokers.bootstrap_broker_string_tls.context("TLS listeners")?;
            let authority = client.describe_certificate_authority(&self.arn).await?;
            Ok((bootstrap, authority.certificate_pem))
        })
    }

    /// Changes the number of brokers and waits until they run.
    pub fn set_broker_count(&self, count: u8) -> Result<()> {
        call(&self.runtime, async |client| {
            let cluster = client.describe_cluster_v2(&self.arn).await?;
            let request = UpdateBrokerCountRequest {
                current_version: cluster.current_version,
                target_number_of_broker_nodes: count.into(),
            };
            client.update_broker_count(&self.arn, &request).await?;
            client.wait_for_cluster(&self.arn, LIMIT).await?;
            Ok(())
        })
    }

    /// Sends SIGKILL to a broker: the process whose configuration file lies in the folder `broker-N`.
    pub fn kill_broker(&self, broker: u8) -> Result<()> {
        let folder = format!("/broker-{broker}/");
        let brokers = self.runtime.processes("broker");
        let of_it = |it: &&processes::Process| it.arguments.iter().any(|argument| argument.contains(&folder));
        let found = brokers.iter().find(of_it);
        processes::kill(
            found
                .with_context(|| format!("broker {broker} does not run: {brokers:?}"))?
                .pid,
        );
        Ok(())
    }

    /// Process ids of the brokers.
    pub fn pids(&self) -> Vec<i32> {
        self.of("broker")
    }

    /// Process ids of the processes of one kind.
    pub fn of(&self, kind: &str) -> Vec<i32> {
        self.runtime.processes(kind).into_iter().map(|it| it.pid).collect()
    }
}

/// Makes calls with a client of the runtime.
fn call<T>(runtime: &Runtime, calls: impl AsyncFnOnce(Client) -> Result<T>) -> Result<T> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio.block_on(async { calls(api::client(runtime)?).await })
}
