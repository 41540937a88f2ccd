//! Nodes on their hosts: files, formatting, processes.

use std::{collections::BTreeMap, sync::Arc};

use engine::{ClusterSpec, EngineError};
use futures::future::try_join;
use hosts::{Host, UnitFile, UnitName, UnitPhase, UnitProcess, UnitStatus};
use server_properties::definition;

use super::Cluster;
use crate::{
    bundle::Bundle,
    errors::host_error,
    format::{META_PROPERTIES, format},
    jmx_exporter,
    launch::{self, Asked, LOG, PROPERTIES},
    node_properties::{self, AUTHORITY, CLIENT_AUTHORITIES, ClusterPart, DATA, IDENTITY},
    placement::Node,
    releases::Release,
};

/// The process that a node was last started with, below its directory.
pub(crate) const PROCESS: &str = "process.json";
/// Longest file of ours.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 20;
/// How much of a log is looked at.
const LOG_TAIL_BYTES: u64 = 64 << 10;
/// Ends one after the other by which a node is known never to serve.
const HOPELESS: u32 = 3;

/// What a node should be.
#[derive(Clone, Debug)]
pub(super) struct WantedNode {
    pub(super) properties: String,
    pub(super) process: UnitProcess,
    pub(super) client_authorities: Option<String>,
}

impl WantedNode {
    fn files(&self) -> Vec<UnitFile> {
        let file = |path: &str, content: Vec<u8>, is_secret| UnitFile {
            path: path.to_owned(),
            content,
            is_secret,
        };
        let mut files = vec![
            launch::logging_file(),
            file(PROCESS, process_text(&self.process), false),
            file(PROPERTIES, self.properties.clone().into_bytes(), true),
        ];
        if jmx_exporter::is_in(&self.process.command.arguments) {
            files.push(jmx_exporter::rules());
        }
        if let Some(pem) = &self.client_authorities {
            files.push(file(CLIENT_AUTHORITIES, pem.clone().into_bytes(), false));
        }
        files
    }
}

fn process_text(process: &UnitProcess) -> Vec<u8> {
    serde_json::to_vec(process).expect("a structure of texts and numbers is serialisable")
}

impl Cluster {
    /// What each node should be, by its id.
    pub(super) fn wanted_nodes(
        &self,
        spec: &ClusterSpec,
        bundle: &Bundle,
    ) -> Result<BTreeMap<i32, WantedNode>, EngineError> {
        let description = self.description();
        let static_ones: BTreeMap<String, String> = spec
            .server_properties
            .iter()
            .filter(|(name, _)| !is_dynamic(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let cluster = ClusterPart {
            nodes: &description.nodes,
            listeners: spec.listeners,
            client_certificates: spec.client_certificates.as_ref().map(|it| it.required),
            principal: &description.principal,
            from_the_start: &description.from_the_start,
            static_properties: &static_ones,
        };
        let asked = Asked {
            vcpus: spec.resources.map(|resources| resources.vcpus),
            has_exporter: spec.exporters.jmx,
        };
        let mut wanted = BTreeMap::new();
        for (id, node) in &description.nodes {
            let facts = self.host_of(node)?.facts();
            let unit = launch::unit(description.cluster_id, *id);
            let restarts = spec.reboots.get(id).copied().unwrap_or_default();
            let properties = node_properties::render(&cluster, *id, node, &facts.unit_directory(&unit), restarts);
            let process = launch::process(&facts, &unit, bundle, node, &asked);
            let client_authorities = spec.client_certificates.as_ref().map(|it| it.authorities_pem.clone());
            let one = WantedNode {
                properties,
                process,
                client_authorities,
            };
            wanted.insert(*id, one);
        }
        Ok(wanted)
    }

    /// Starts a node that does not run. One that is new gets its files and is formatted first; what another one has read is
    /// left as it is.
    pub(super) async fn start_node(&self, id: i32, wanted: &WantedNode, bundle: &Bundle) -> Result<(), EngineError> {
        let description = self.description();
        let Some(node) = description.nodes.get(&id) else {
            return Ok(());
        };
        let host = self.host_of(node)?;
        let unit = launch::unit(description.cluster_id, id);
        match host.status(&unit).await.map_err(host_error)?.map(|status| status.phase) {
            // Whoever was stopping it does not start it any more.
            Some(UnitPhase::Stopping) => host.stop(&unit, false).await.map_err(host_error)?,
            Some(UnitPhase::Stopped) | None => {}
            Some(UnitPhase::Running | UnitPhase::Waiting) => return Ok(()),
        }
        let formatted = format!("{DATA}/{META_PROPERTIES}");
        let is_formatted = host
            .read_file(&unit, &formatted, FILE_BYTES_MAX)
            .await
            .map_err(host_error)?;
        self.certify(&*host, id, node).await?;
        host.write_files(&unit, &wanted.files()).await.map_err(host_error)?;
        let check = async {
            match is_formatted {
                None => launch::check_java(&*host, &unit).await.map(Some),
                // Java says itself what is wrong with it.
                Some(_) => Ok(launch::check_java(&*host, &unit).await.ok()),
            }
        };
        // Also for a node that was away while the version changed.
        let put = async {
            let put = host.put_bundle(&bundle.digest, &bundle.archive).await;
            put.map_err(host_error)
        };
        let (java, ()) = try_join(check, put).await?;
        self.choose_classes(&*host, (id, node), bundle, java.as_ref()).await?;
        if is_formatted.is_none() {
            self.format(&*host, id, node, bundle.release).await?;
        }
        host.start(&unit, &wanted.process).await.map_err(host_error)
    }

    /// Gives a new node its directory. What was begun before is written once more.
    async fn format(&self, host: &dyn Host, id: i32, node: &Node, release: Release) -> Result<(), EngineError> {
        let description = self.description();
        let unit = launch::unit(description.cluster_id, id);
        let formatted = format(&description, (id, node), release, self.settings.clock.now_ms())?;
        for files in [formatted.metadata, vec![formatted.meta_properties]] {
            host.write_files(&unit, &files).await.map_err(host_error)?;
        }
        Ok(())
    }

    /// Gives a node a certificate where it has none of use.
    pub(super) async fn certify(&self, host: &dyn Host, id: i32, node: &Node) -> Result<(), EngineError> {
        let unit = launch::unit(self.description().cluster_id, id);
        let there = self.held(host, id).await?;
        if let Some(held) = there {
            self.certificate_ends.lock().insert(id, held.expires_at_ms);
            return Ok(());
        }
        let text = self.make_identity(id, node, 0)?;
        // In this order: where the second one is, both are, also after a kill between them.
        let files = [
            UnitFile {
                path: AUTHORITY.to_owned(),
                content: self.authority_pem.clone(),
                is_secret: false,
            },
            UnitFile {
                path: IDENTITY.to_owned(),
                content: text.into_bytes(),
                is_secret: true,
            },
        ];
        host.write_files(&unit, &files).await.map_err(host_error)?;
        self.held(host, id).await.map(drop)
    }

    /// Whether the node has read something else than what it should have.
    pub(super) async fn is_outdated(&self, id: i32, wanted: &WantedNode) -> Result<bool, EngineError> {
        let description = self.description();
        let Some(node) = description.nodes.get(&id) else {
            return Ok(false);
        };
        let host = self.host_of(node)?;
        let unit = launch::unit(description.cluster_id, id);
        for file in wanted.files() {
            let current = host
                .read_file(&unit, &file.path, FILE_BYTES_MAX)
                .await
                .map_err(host_error)?;
            if current.as_deref() != Some(&file.content) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Stops a node whose files will be replaced; what it needs then is there before.
    pub(super) async fn stop_for_replacement(&self, id: i32, bundle: &Bundle) -> Result<(), EngineError> {
        let description = self.description();
        let Some(node) = description.nodes.get(&id) else {
            return Ok(());
        };
        self.host_of(node)?
            .put_bundle(&bundle.digest, &bundle.archive)
            .await
            .map_err(host_error)?;
        self.stop_node(id).await
    }

    /// Stops a node, which gives its leaderships away first.
    pub(super) async fn stop_node(&self, id: i32) -> Result<(), EngineError> {
        let description = self.description();
        let Some(node) = description.nodes.get(&id) else {
            return Ok(());
        };
        let unit = launch::unit(description.cluster_id, id);
        self.host_of(node)?.stop(&unit, false).await.map_err(host_error)
    }

    /// Starts a node that has been stopped, as it was started before.
    pub(crate) async fn start_again(&self, id: i32) -> Result<(), EngineError> {
        let description = self.description();
        let Some(node) = description.nodes.get(&id) else {
            return Ok(());
        };
        let host = self.host_of(node)?;
        let unit = launch::unit(description.cluster_id, id);
        let process = self.process_of(&*host, &unit).await?;
        host.start(&unit, &process).await.map_err(host_error)
    }

    /// Replaces the files of a node that has been stopped, and starts it.
    pub(super) async fn start_replaced(
        &self,
        id: i32,
        wanted: &WantedNode,
        bundle: &Bundle,
    ) -> Result<(), EngineError> {
        let description = self.description();
        let Some(node) = description.nodes.get(&id) else {
            return Ok(());
        };
        let host = self.host_of(node)?;
        let unit = launch::unit(description.cluster_id, id);
        host.write_files(&unit, &wanted.files()).await.map_err(host_error)?;
        let java = launch::check_java(&*host, &unit).await.ok();
        self.choose_classes(&*host, (id, node), bundle, java.as_ref()).await?;
        host.start(&unit, &wanted.process).await.map_err(host_error)
    }

    /// The process that a node was last started with.
    async fn process_of(&self, host: &dyn Host, unit: &UnitName) -> Result<UnitProcess, EngineError> {
        let process = self.last_process(host, unit).await?;
        process.ok_or_else(|| EngineError::Internal {
            context: format!("{PROCESS} of unit {} on host {}", unit.as_str(), host.facts().name),
            source: "it is not there".into(),
        })
    }

    /// The same of one that may never have been started.
    pub(super) async fn last_process(
        &self,
        host: &dyn Host,
        unit: &UnitName,
    ) -> Result<Option<UnitProcess>, EngineError> {
        let text = host
            .read_file(unit, PROCESS, FILE_BYTES_MAX)
            .await
            .map_err(host_error)?;
        let Some(text) = text else { return Ok(None) };
        let process = serde_json::from_slice(&text).map_err(|source| EngineError::Internal {
            context: format!("{PROCESS} of unit {} on host {}", unit.as_str(), host.facts().name),
            source: source.into(),
        })?;
        Ok(Some(process))
    }

    /// The unit of a node as it is.
    pub(super) async fn status(&self, id: i32, node: &Node) -> Result<Option<UnitStatus>, EngineError> {
        let host = self.host_of(node)?;
        let unit = launch::unit(self.description().cluster_id, id);
        host.status(&unit).await.map_err(host_error)
    }

    /// Gives up on a node that ends again and again, with what it says.
    pub(super) async fn diagnose(&self, id: i32, node: &Node) -> Result<(), EngineError> {
        let host: Arc<dyn Host> = self.host_of(node)?;
        let unit = launch::unit(self.description().cluster_id, id);
        let Some(status) = host.status(&unit).await.map_err(host_error)? else {
            return Ok(());
        };
        if status.restarts < HOPELESS {
            return Ok(());
        }
        let log = host.read_file(&unit, LOG, LOG_TAIL_BYTES).await.map_err(host_error)?;
        let log = log.unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        Err(EngineError::Environment {
            problem: format!(
                "node {id} of cluster {:?} on host {} does not stay up: {}",
                self.name(),
                node.host_name,
                last_words(&log)
            ),
            remedy: format!(
                "see {} on that host",
                host.facts().unit_directory(&unit).join(LOG).display()
            ),
        })
    }
}

/// The line of a log that tells most of why a node has ended.
fn last_words(log: &str) -> &str {
    let tells = |line: &&str| {
        ["FATAL", "ERROR", "Exception", "Error:"]
            .iter()
            .any(|word| line.contains(word))
    };
    let told = log.lines().rev().find(tells);
    told.or_else(|| log.lines().last()).unwrap_or("it says nothing")
}

/// Whether a change of this property needs no restart.
pub(super) fn is_dynamic(name: &str) -> bool {
    definition(name).is_some_and(|definition| !definition.needs_restart())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_tells_why() {
        let log =
            "[1] INFO starting\n[2] ERROR Exiting Kafka due to fatal exception (kafka.Kafka$)\n\tat x\n[3] INFO bye\n";
        assert!(last_words(log).starts_with("[2] ERROR"));
        assert_eq!(last_words(""), "it says nothing");
    }

    #[test]
    fn properties_are_told_apart() {
        assert!(is_dynamic("log.retention.ms"));
        assert!(!is_dynamic("num.partitions"));
    }
}
