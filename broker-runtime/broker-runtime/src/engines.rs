//! The engines of a runtime, and the machines that those run processes on which are not bound to this one.

use std::{
    ffi::OsString,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use clock::Clock;
use engine::{Engine, Engines};
use engine_embedded::EmbeddedEngine;
use engine_kafka::{KafkaEngine, KafkaEngineConfig};
use host_agent::{LocalHost, LocalHostConfig};
use host_link::RemoteFleet;
use hosts::{Fleet, Host};
use uuid::Uuid;

use crate::context::Context;

/// Name of the host that this machine is.
const THIS_MACHINE: &str = "this-machine";

/// Making an archive of classes takes five seconds of a processor: whoever has waited for a cluster goes on first.
const ARCHIVE_CLASSES_AFTER: Duration = Duration::from_secs(20);

/// The hosts that have joined. As long as there are none, this machine stands in for all zones; what it has then it keeps.
struct Machines {
    joined: Arc<RemoteFleet>,
    here: Arc<dyn Host>,
}

impl Fleet for Machines {
    fn hosts(&self) -> Vec<Arc<dyn Host>> {
        let joined = self.joined.hosts();
        if joined.is_empty() {
            vec![Arc::clone(&self.here)]
        } else {
            joined
        }
    }

    fn host(&self, host_id: Uuid) -> Option<Arc<dyn Host>> {
        if self.here.facts().host_id == host_id {
            return Some(Arc::clone(&self.here));
        }
        self.joined.host(host_id)
    }
}

/// Opens the engine of Apache Kafka, and puts it beside the embedded one.
pub(crate) async fn open(
    context: &Context,
    embedded: &Arc<EmbeddedEngine>,
    joined: &Arc<RemoteFleet>,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn Engine>> {
    let here = LocalHost::open(LocalHostConfig {
        data_directory: context.data_dir.host(),
        host_id: Uuid::new_v5(&Uuid::NAMESPACE_OID, THIS_MACHINE.as_bytes()),
        name: THIS_MACHINE.to_owned(),
        zone: String::new(),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        search_path: search_path(context),
        own_program: context.executable.clone(),
        clock: Arc::clone(clock),
    })
    .await
    .context("this machine cannot be a host")?;
    let kafka = KafkaEngine::open(KafkaEngineConfig {
        directory: context.data_dir.kafka_clusters(),
        bundles: context.data_dir.kafka_bundles(),
        maven: "mvn".into(),
        maven_environment: Vec::new(),
        fleet: Arc::new(Machines {
            joined: Arc::clone(joined),
            here: Arc::clone(&here) as Arc<dyn Host>,
        }),
        here: Some(here),
        clock: Arc::clone(clock),
        archive_classes_after: ARCHIVE_CLASSES_AFTER,
    })
    .await
    .context("the clusters of Apache Kafka cannot be taken up")?;
    let engines = Engines::new(vec![Arc::clone(embedded) as Arc<dyn Engine>, kafka]).await?;
    Ok(Arc::new(engines))
}

fn search_path(context: &Context) -> OsString {
    let mut variables = context.child_environment.iter();
    let path = variables.find(|(name, _)| name == "PATH");
    path.map(|(_, value)| value.clone()).unwrap_or_default()
}
