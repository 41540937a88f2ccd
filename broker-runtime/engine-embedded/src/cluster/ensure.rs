//! Makes a cluster what its specification says. Every step looks first and does what is missing, so that it can be
//! repeated after a failure at any place.

use std::{collections::BTreeMap, time::Duration};

use cluster_files::durable_file::{self, Readers};
use engine::{ClusterSpec, EngineError, Step};
use futures::future::try_join_all;
use kafka_metadata::{
    BrokerId, ConfigResource, MetadataImage, MetadataOffset,
    instructions::{self, CERTIFICATES, MONITORING, MOVING_BYTES_PER_SECOND, VOLUME_BYTES},
    rpc::{AlterConfigResource, ControllerError, ControllerRequest, ControllerResponse},
};

use super::{
    Cluster, Phase, Progress, broker, data_key::ensure_data_key, description::Description, moving::moving, properties,
    running::blocking,
};
use crate::{
    broker_config::{BrokerConfigFile, BrokerPart, ClientCertificatesEntry, ClusterPart, EncryptionEntry},
    scram,
};

/// How long brokers may take to join.
const JOIN_LIMIT: Duration = Duration::from_secs(30);
/// How long brokers may take to take up a change of metadata.
const APPLY_LIMIT: Duration = Duration::from_secs(10);

impl Cluster {
    /// Makes the cluster what `spec` says. The specification has been validated.
    pub(crate) async fn ensure(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        self.report_step(Step::StartBrokers);
        let ensured = self.ensure_steps(spec).await;
        self.report(None);
        ensured
    }

    async fn ensure_steps(&self, spec: &ClusterSpec) -> Result<(), EngineError> {
        let before = self.description();
        self.clean_up().await?;
        if let Some(certificates) = &spec.client_certificates {
            let path = self.layout.client_authorities(&certificates.authorities_pem);
            let pem = certificates.authorities_pem.clone();
            blocking(move || durable_file::replace(&path, pem.as_bytes(), Readers::User)).await?;
        }
        if let Some(key_arn) = &spec.encryption_key {
            let (keys, layout, key_arn) = (self.settings.keys.clone(), self.layout.clone(), key_arn.clone());
            let cluster_id = spec.cluster_id;
            blocking(move || ensure_data_key(&keys, &layout, &key_arn, cluster_id)).await?;
        }
        let configs = self.configs(spec);
        let staying: Vec<i32> = configs.keys().copied().collect();
        let leaving: Vec<i32> = before.broker_ids().filter(|id| !staying.contains(id)).collect();
        let uneven = before.uneven || before.broker_count != spec.broker_count;
        self.controller
            .update_default_properties(spec.server_properties.clone());
        // What was in force before is only forgotten once the new is: else nobody would take back what it set. And whoever
        // is to leave is still here.
        let on_the_way = before
            .wanted(spec)
            .with_properties(before.server_properties.clone())
            .with_users_of(&before)
            .with_certificates_of(&before)
            .on_the_way(before.broker_count.max(spec.broker_count), uneven);
        self.describe(on_the_way).await?;
        try_join_all(
            configs
                .iter()
                .map(|(id, config)| self.start_broker(*id, config.clone())),
        )
        .await?;
        self.report_step(Step::ApplySettings);
        self.apply_metadata(spec, &before).await?;
        let applied = self.image().applied;
        self.wait_for_brokers(&staying).await?;
        self.wait_applied(applied).await?;
        self.restart_outdated(&configs).await?;
        self.certify_brokers(&staying, spec.certificate_rotations).await?;
        self.retire(&leaving).await?;
        if uneven {
            self.report_step(Step::MoveData);
            self.even_out().await?;
        }
        self.report_step(Step::StopBrokers);
        self.dismiss(&leaving).await?;
        let established = self.description().wanted(spec).in_phase(Phase::Established);
        // Also where a broker that was being restarted has left.
        self.describe(established.in_restart(None)).await?;
        self.deliver_logs().await;
        self.clean_up().await
    }

    /// The configuration each broker should have.
    fn configs(&self, spec: &ClusterSpec) -> BTreeMap<i32, BrokerConfigFile> {
        let description = self.description();
        let cluster = ClusterPart {
            kafka_cluster_id: description.kafka_cluster_id(),
            version: spec.kafka_version.clone(),
            resources: spec.resources,
            static_properties: properties::static_ones(&spec.server_properties),
            controller_socket: self.layout.socket_for_brokers(),
            ca_path: self.layout.ca_certificate(),
            encryption: spec.encryption_key.as_ref().map(|key_arn| EncryptionEntry {
                data_key_path: self.layout.data_key(),
                key_path: self.settings.keys.path(key_arn),
            }),
            client_certificates: spec
                .client_certificates
                .as_ref()
                .map(|certificates| ClientCertificatesEntry {
                    authorities_path: self.layout.client_authorities(&certificates.authorities_pem),
                    required: certificates.required,
                }),
        };
        let wanted = description.wanted(spec);
        let ids = wanted.broker_ids();
        ids.map(|id| {
            let (files, shared) = (self.layout.broker(id), wanted.plan().shared_addresses());
            let broker = BrokerPart {
                broker_id: id,
                zone: wanted.zone(id),
                endpoints: wanted.endpoints(id),
                exporters: wanted.plan().exporters(id),
                log_dir: files.data(),
                identity_path: files.identity(&shared),
            };
            let config = BrokerConfigFile::new(&cluster, broker);
            (id, config.rebooted(spec.reboots.get(&id).copied().unwrap_or_default()))
        })
        .collect()
    }

    async fn start_broker(&self, broker_id: i32, config: BrokerConfigFile) -> Result<(), EngineError> {
        if self.broker(broker_id).is_some() {
            return Ok(());
        }
        let (layout, description) = (self.layout.clone(), self.description());
        let (authority, now_ms) = (std::sync::Arc::clone(&self.authority), self.settings.clock.now_ms());
        blocking(move || broker::prepare(&layout, &authority, &description, broker_id, &config, now_ms)).await?;
        self.supervise(broker_id).await
    }

    /// Dynamic properties and SCRAM users.
    async fn apply_metadata(&self, spec: &ClusterSpec, before: &Description) -> Result<(), EngineError> {
        let image = self.image();
        let changes = properties::dynamic_changes(&image, &before.server_properties, &spec.server_properties);
        if !changes.is_empty() {
            let resources = vec![AlterConfigResource {
                resource: ConfigResource::Brokers,
                changes,
            }];
            let request = ControllerRequest::AlterConfigs {
                resources,
                validate_only: false,
            };
            let answer = self.ask("setting the dynamic properties", request).await?;
            if let ControllerResponse::Results(results) = answer
                && let Some(error) = results.into_iter().find_map(Result::err)
            {
                return Err(EngineError::Unsupported {
                    reason: format!("a server property was refused: {error}"),
                });
            }
        }
        let mut instructions = BTreeMap::from([(MONITORING.to_owned(), spec.monitoring.clone())]);
        instructions.extend(
            spec.volume_bytes
                .map(|bytes| (VOLUME_BYTES.to_owned(), bytes.to_string())),
        );
        let in_force = instructions::in_force(&image);
        // Of new ones they are told once those are there.
        let certificates = match in_force.get(CERTIFICATES) {
            Some(told) => told.clone(),
            None => self.certificates().await?,
        };
        instructions.insert(CERTIFICATES.to_owned(), certificates);
        // Data may be on its way, at a rate that holds until it has come.
        if let Some(rate) = in_force.get(MOVING_BYTES_PER_SECOND)
            && !moving(&image).is_empty()
        {
            instructions.insert(MOVING_BYTES_PER_SECOND.to_owned(), rate.clone());
        }
        if instructions != in_force {
            self.ask("telling the brokers", ControllerRequest::Instruct { instructions })
                .await?;
        }
        let records = scram::changes(&image, before.scram_users.as_ref(), &spec.scram_users);
        if !records.is_empty() {
            self.ask("setting the SCRAM users", ControllerRequest::AlterScram { records })
                .await?;
        }
        Ok(())
    }

    pub(super) async fn ask(
        &self,
        context: &str,
        request: ControllerRequest,
    ) -> Result<ControllerResponse, EngineError> {
        let failed = |source: ControllerError| EngineError::Internal {
            context: context.to_owned(),
            source: source.into(),
        };
        self.controller.call(request).await.map_err(failed)
    }

    /// Waits until every broker has joined; gives up early on one that never will.
    pub(super) async fn wait_for_brokers(&self, ids: &[i32]) -> Result<(), EngineError> {
        let description = self.description();
        let what = format!("starting the brokers of cluster {:?}", description.cluster_name);
        self.wait(&what, JOIN_LIMIT, |image| {
            let missing: Vec<String> = ids.iter().filter_map(|id| self.absence(image, *id)).collect();
            if missing.is_empty() {
                return Ok(Progress::Done(()));
            }
            for &id in ids {
                if let Some(supervised) = self.broker(id) {
                    broker::diagnose(&description, &self.layout, id, &supervised.status().borrow())?;
                }
            }
            Ok(Progress::Waiting(missing.join(", ")))
        })
        .await
    }

    /// What keeps a broker from serving, in words. One that has joined may still not be known to its supervisor, which
    /// tells of a process only once it has recorded it.
    fn absence(&self, image: &MetadataImage, broker_id: i32) -> Option<String> {
        match image.brokers.get(&BrokerId(broker_id)) {
            None => return Some(format!("broker {broker_id} has not registered")),
            Some(broker) if broker.fenced => return Some(format!("broker {broker_id} has not caught up")),
            Some(_) => (),
        }
        let phase = self
            .broker(broker_id)
            .map(|supervised| supervised.status().borrow().phase);
        (phase != Some(supervisor::Phase::Running)).then(|| format!("broker {broker_id} is not recorded as running"))
    }

    /// Waits until every broker that serves has taken up the metadata up to this offset.
    pub(crate) async fn wait_applied(&self, newest: Option<MetadataOffset>) -> Result<(), EngineError> {
        let Some(newest) = newest else {
            return Ok(());
        };
        let what = format!(
            "telling the brokers of cluster {:?} of a change",
            self.description().cluster_name
        );
        let applied_by = self.controller.applied_by();
        let mut news = applied_by.clone();
        self.wait_woken(&what, APPLY_LIMIT, &mut news, |image| {
            let applied = applied_by.borrow();
            let behind = image.brokers.values().filter(|broker| !broker.fenced);
            let behind = behind
                .map(|broker| broker.broker_id)
                .find(|id| applied.get(id).is_none_or(|at| *at < newest));
            Ok(match behind {
                None => Progress::Done(()),
                Some(id) => Progress::Waiting(format!("broker {id} has not applied metadata offset {newest}")),
            })
        })
        .await
    }
}
