//! Certificates of a cluster's brokers are replaced while the brokers run: the files first, then the brokers are told to read
//! them, then each is looked at until it shows what it was given. All certificates are of the cluster's authority, so brokers
//! with old ones and with new ones believe each other, and clients believe both.

use std::{sync::Arc, time::Duration};

use cluster_files::certificates::Held;
use engine::{EngineError, Progress, Step};
use kafka_client::shows;
use kafka_metadata::{
    BrokerId,
    instructions::{self, CERTIFICATES},
    rpc::ControllerRequest,
};
use uuid::Uuid;

use super::{Cluster, broker, running::blocking};

/// How long a broker may take to show what it was given.
const SHOW_LIMIT: Duration = Duration::from_secs(20);
/// Pause before it is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Cluster {
    /// Gives new certificates to brokers whose own are of an earlier rotation or end before long.
    pub(super) async fn certify_brokers(&self, ids: &[i32], rotation: u64) -> Result<(), EngineError> {
        let rotating = rotation > self.description().certificate_rotations;
        if rotating {
            self.report_step(Step::RenewCertificates);
        }
        let renewed = self.renew(ids, rotation).await?;
        self.tell_of_certificates().await?;
        if !rotating && renewed == 0 {
            return Ok(());
        }
        let total = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        for (done, &id) in (0..).zip(ids) {
            if rotating {
                self.report(Some(Progress {
                    done,
                    total,
                    ..Progress::begun(Step::RenewCertificates)
                }));
            }
            self.wait_until_shown(id).await?;
        }
        Ok(())
    }

    /// The same for those that end before long, and returns how many that were. Brokers that do not serve read theirs when
    /// they start.
    pub(crate) async fn renew_certificates(&self) -> Result<usize, EngineError> {
        let ids: Vec<i32> = self.broker_ids().collect();
        let renewed = self.renew(&ids, self.description().certificate_rotations).await?;
        self.tell_of_certificates().await?;
        for id in ids {
            let image = self.image();
            if image.brokers.get(&BrokerId(id)).is_some_and(|broker| !broker.fenced) {
                self.wait_until_shown(id).await?;
            }
        }
        Ok(renewed)
    }

    async fn renew(&self, ids: &[i32], rotation: u64) -> Result<usize, EngineError> {
        let (layout, authority, ids) = (self.layout.clone(), Arc::clone(&self.authority), ids.to_vec());
        let (description, now_ms) = (self.description(), self.settings.clock.now_ms());
        blocking(move || {
            let mut renewed = 0;
            for id in ids {
                if broker::renew(&layout, &authority, &description, id, (rotation, now_ms))? {
                    tracing::info!(broker = id, cluster = description.cluster_name, "certificate was made");
                    renewed += 1;
                }
            }
            Ok(renewed)
        })
        .await
    }

    /// A text that is another one when any broker has another certificate.
    pub(super) async fn certificates(&self) -> Result<String, EngineError> {
        let (layout, description) = (self.layout.clone(), self.description());
        blocking(move || {
            let shared = description.plan().shared_addresses();
            let mut serials = Vec::new();
            for id in description.broker_ids() {
                let held = Held::read(&layout.broker(id).identity(&shared))?;
                serials.extend(held.map(|held| held.serial));
            }
            Ok(Uuid::new_v5(&Uuid::NAMESPACE_OID, serials.join(",").as_bytes()).to_string())
        })
        .await
    }

    /// Has the brokers read their certificates, unless they were told of these.
    async fn tell_of_certificates(&self) -> Result<(), EngineError> {
        let mut instructions = instructions::in_force(&self.image());
        let certificates = self.certificates().await?;
        if instructions.get(CERTIFICATES) == Some(&certificates) {
            return Ok(());
        }
        instructions.insert(CERTIFICATES.to_owned(), certificates);
        let request = ControllerRequest::Instruct { instructions };
        self.ask("telling the brokers of their certificates", request).await?;
        Ok(())
    }

    async fn wait_until_shown(&self, broker_id: i32) -> Result<(), EngineError> {
        let description = self.description();
        let path = self
            .layout
            .broker(broker_id)
            .identity(&description.plan().shared_addresses());
        let held = blocking(move || Held::read(&path)).await?;
        let endpoint = description
            .endpoints(broker_id)
            .into_iter()
            .find(|it| !it.is_for_clients());
        let (Some(held), Some(endpoint)) = (held, endpoint) else {
            return Ok(());
        };
        let begun = self.settings.clock.monotonic();
        loop {
            let instead = match shows(endpoint.address, &held.certificate).await {
                Ok(true) => return Ok(()),
                Ok(false) => "it shows another one".to_owned(),
                Err(error) => engine::chain(&error),
            };
            let waited = self.settings.clock.monotonic().saturating_duration_since(begun);
            if waited >= SHOW_LIMIT {
                return Err(EngineError::Timeout {
                    what: format!(
                        "giving broker {broker_id} of cluster {:?} another certificate",
                        description.cluster_name
                    ),
                    waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
                    last_state: format!("it does not show the one with serial number {}: {instead}", held.serial),
                });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}
