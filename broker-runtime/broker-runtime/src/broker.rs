//! `broker-runtime broker`: one broker, until it is told to end.

use std::{num::NonZero, path::Path, sync::Arc};

use anyhow::{Context, Result};
use clock::SystemClock;
use kafka_broker::BrokerConfig;

use crate::{limits, logging};

/// Threads that run tasks, at most, where nothing says how many processors the broker may use; disks have threads of their own.
const WORKER_THREADS_MAX: usize = 8;

/// Runs the broker that the file describes.
pub(crate) fn run(config: &Path, log_file: Option<&Path>, log_filter: &str) -> Result<()> {
    limits::reuse_buffers();
    let loggers = Arc::new(logging::of_broker(log_filter, log_file)?);
    limits::raise_open_files();
    let config = BrokerConfig::load(config)?;
    if let Some(bytes) = config.memory_bytes {
        limits::bound_memory(bytes);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(worker_threads(config.vcpus))
        .enable_all()
        .build()
        .context("the broker cannot start its threads")?;
    let clock = Arc::new(SystemClock);
    runtime.spawn(limits::give_memory_back(clock.clone()));
    runtime.block_on(kafka_broker::run(config, clock, loggers))?;
    Ok(())
}

/// As many as there are processors, of those that the broker may use.
fn worker_threads(vcpus: Option<u32>) -> usize {
    let most = vcpus.and_then(|vcpus| usize::try_from(vcpus).ok());
    let there_are = std::thread::available_parallelism().map_or(1, NonZero::get);
    // A single thread would let a request that computes for long hold up the heartbeats.
    there_are.min(most.unwrap_or(WORKER_THREADS_MAX)).max(2)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, net::Ipv4Addr};

    use engine_embedded::{
        addresses::BrokerEndpoint,
        broker_config::{BrokerConfigFile, BrokerPart, ClientCertificatesEntry, ClusterPart, EncryptionEntry},
    };
    use kafka_broker::config::ListenerName;

    use super::*;

    fn cluster() -> ClusterPart {
        ClusterPart {
            kafka_cluster_id: "abcdefghijklmnopqrstuv".to_owned(),
            version: "4.1.x.kraft".to_owned(),
            resources: Some(engine::BrokerResources {
                vcpus: 2,
                memory_bytes: 1 << 33,
                partitions_max: 1000,
            }),
            static_properties: BTreeMap::from([("num.partitions".to_owned(), "3".to_owned())]),
            controller_socket: "controller.sock".into(),
            ca_path: "/ca.pem".into(),
            encryption: Some(EncryptionEntry {
                data_key_path: "/data-key.json".into(),
                key_path: "/kms/key.json".into(),
            }),
            client_certificates: Some(ClientCertificatesEntry {
                authorities_path: "/clients.pem".into(),
                required: true,
            }),
        }
    }

    /// The engine writes the file and the broker reads it; neither crate knows the other.
    #[test]
    fn configuration_of_the_engine_is_what_a_broker_reads() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = cluster();
        let all = [
            ListenerName::Plaintext,
            ListenerName::Internal,
            ListenerName::Tls,
            ListenerName::SaslScram,
            ListenerName::SaslScramPublic,
            ListenerName::PlaintextIpv6,
            ListenerName::TlsIpv6,
            ListenerName::SaslScramIpv6,
            ListenerName::SaslIam,
            ListenerName::SaslIamPublic,
            ListenerName::SaslIamIpv6,
        ];
        let endpoint = |name: ListenerName, port| BrokerEndpoint {
            name: name.as_str(),
            address: (Ipv4Addr::new(127, 16, 0, 2), port).into(),
            tls: !name.as_str().starts_with("PLAINTEXT"),
            sasl: name.as_str().starts_with("SASL"),
        };
        let broker = BrokerPart {
            broker_id: 2,
            zone: "zone-a".to_owned(),
            endpoints: all
                .into_iter()
                .zip(9092..)
                .map(|(name, port)| endpoint(name, port))
                .collect(),
            exporters: (Some((Ipv4Addr::new(127, 16, 0, 2), 11_001).into()), None),
            log_dir: folder.path().join("data"),
            identity_path: folder.path().join("broker.identity.pem"),
        };
        let file = BrokerConfigFile::new(&cluster, broker).rebooted(2);
        let path = folder.path().join("config.json");
        std::fs::write(&path, file.to_json()).unwrap();
        let config = BrokerConfig::load(&path).unwrap();
        assert_eq!((config.broker_id.0, config.rack.as_deref()), (2, Some("zone-a")));
        assert_eq!((config.vcpus, config.memory_bytes), (Some(2), Some(1 << 33)));
        assert_eq!(config.server_properties, cluster.static_properties);
        assert_eq!(
            (config.jmx_exporter.map(|it| it.port()), config.node_exporter),
            (Some(11_001), None)
        );
        let encryption = config.encryption.as_ref();
        assert_eq!(encryption.unwrap().key_path, cluster.encryption.unwrap().key_path);
        let listener = |name| {
            let listener = config.listener(name).unwrap();
            (listener.port, listener.tls, listener.sasl, listener.mutual_tls)
        };
        assert_eq!(listener(ListenerName::Plaintext), (9092, false, false, false));
        assert_eq!(listener(ListenerName::Internal), (9093, true, false, true));
        assert_eq!(listener(ListenerName::Tls), (9094, true, false, false));
        assert_eq!(listener(ListenerName::SaslScram), (9095, true, true, false));
        let asked: Vec<ListenerName> = config
            .listeners
            .iter()
            .filter(|listener| listener.client_certificates.is_some())
            .map(|listener| listener.name)
            .collect();
        assert_eq!(asked, [ListenerName::Tls, ListenerName::TlsIpv6], "nobody else");
        assert_eq!(config.listeners.len(), all.len());
    }
}
