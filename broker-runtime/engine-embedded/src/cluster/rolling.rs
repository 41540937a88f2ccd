//! Rolling restart: brokers whose configuration file is not what it should be are restarted one after the other, each only
//! while all replicas are in sync, so that no partition is without a leader and none under its minimum of replicas.

use std::{collections::BTreeMap, time::Duration};

use cluster_files::durable_file::{self, Readers};
use engine::{EngineError, Progress, Step};
use kafka_metadata::{BrokerEpoch, BrokerId, MetadataImage};

use super::{
    Cluster, Progress as State,
    broker::{self, supervisor_error},
    description::{BegunRestart, Process},
    running::blocking,
};
use crate::{
    addresses::{PortTaken, probe},
    broker_config::BrokerConfigFile,
};

/// How long replicas may take to be back in sync.
const IN_SYNC_LIMIT: Duration = Duration::from_secs(120);

impl Cluster {
    /// Restarts every broker whose configuration is another now, and brings a restart that was interrupted to its end.
    pub(super) async fn restart_outdated(&self, configs: &BTreeMap<i32, BrokerConfigFile>) -> Result<(), EngineError> {
        let staying: Vec<i32> = configs.keys().copied().collect();
        let total = u64::try_from(staying.len()).unwrap_or(u64::MAX);
        // The one whose restart was interrupted comes first: it may be about to end, and no other may be down then.
        let first = self.description().restart.map(|begun| begun.broker_id);
        let mut configs: Vec<_> = configs.iter().collect();
        configs.sort_by_key(|(broker_id, _)| first != Some(**broker_id));
        for (done, (broker_id, config)) in (0..).zip(configs.iter().copied()) {
            let (path, wanted) = (self.layout.broker(*broker_id).config(), config.to_json());
            let current = blocking(move || durable_file::read(&path)).await?;
            let begun = self.description().restart.filter(|it| it.broker_id == *broker_id);
            let outdated = current.as_deref() != Some(&wanted);
            if !outdated && begun.is_none() {
                continue;
            }
            self.report(Some(Progress {
                done,
                total,
                ..Progress::begun(Step::RestartBrokers)
            }));
            match begun {
                Some(begun) if !outdated && begun.process != self.process(*broker_id) => {
                    tracing::info!(broker_id, cluster = %self.layout.root().display(), "taking up the restart of a broker");
                    self.finish_restart(begun, &staying).await?;
                }
                _ => {
                    self.make_ready(*broker_id, config, current.unwrap_or_default()).await?;
                    self.wait_in_sync().await?;
                    tracing::info!(broker_id, cluster = %self.layout.root().display(), "restarting a broker with a new configuration");
                    self.restart(*broker_id, wanted, &staying).await?;
                }
            }
        }
        if configs.is_empty() {
            return Ok(());
        }
        self.wait_for_brokers(&staying).await
    }

    /// The configuration is replaced while the broker is down: whatever runs has read the file that is there. That this has
    /// begun is written down first: who takes it up, when this process is killed, would not see it from the metadata, in
    /// which a process that is about to end, or has just ended, still serves with all replicas in sync.
    async fn restart(&self, broker_id: i32, config: Vec<u8>, staying: &[i32]) -> Result<(), EngineError> {
        let Some(supervised) = self.broker(broker_id) else {
            return Ok(());
        };
        let begun = BegunRestart {
            broker_id,
            process: self.process(broker_id),
            epoch: epoch_of(&self.image(), broker_id),
        };
        self.describe(self.description().in_restart(Some(begun))).await?;
        let failed = |source| supervisor_error(format!("restarting broker {broker_id}"), source);
        supervised.stop().await.map_err(failed)?;
        let path = self.layout.broker(broker_id).config();
        let replaced = blocking(move || durable_file::replace(&path, &config, Readers::User)).await;
        // It has to run again, also with the old configuration.
        supervised.restart(None).await.map_err(failed)?;
        replaced?;
        self.finish_restart(begun, staying).await
    }

    /// The process of the broker that follows has been started: waits until it serves and all replicas are in sync.
    async fn finish_restart(&self, begun: BegunRestart, staying: &[i32]) -> Result<(), EngineError> {
        let broker_id = begun.broker_id;
        let what = format!(
            "restarting broker {broker_id} of cluster {:?}",
            self.description().cluster_name
        );
        self.wait(&what, IN_SYNC_LIMIT, |image| {
            if epoch_of(image, broker_id) == begun.epoch {
                return Ok(State::Waiting(format!("broker {broker_id} has not registered again")));
            }
            Ok(State::Done(()))
        })
        .await?;
        self.wait_for_brokers(staying).await?;
        self.wait_in_sync().await?;
        self.describe(self.description().in_restart(None)).await
    }

    /// The process of a broker.
    fn process(&self, broker_id: i32) -> Option<Process> {
        Process::of(&self.broker(broker_id)?.status().borrow())
    }

    /// What the broker needs for its new configuration: a certificate for all of its addresses, and ports that are free as
    /// far as it does not have them yet. Those of the configuration it was started with are its own, whether it is running,
    /// ending or starting just now.
    async fn make_ready(&self, broker_id: i32, config: &BrokerConfigFile, current: Vec<u8>) -> Result<(), EngineError> {
        let (layout, authority, description) = (
            self.layout.clone(),
            std::sync::Arc::clone(&self.authority),
            self.description(),
        );
        let now_ms = self.settings.clock.now_ms();
        let mut new = config.sockets();
        blocking(move || {
            broker::certify(&layout, &authority, &description, broker_id, now_ms)?;
            let own = BrokerConfigFile::sockets_of(&current);
            new.retain(|socket| !own.contains(socket));
            probe(new).map_err(PortTaken::into_error)
        })
        .await
    }

    async fn wait_in_sync(&self) -> Result<(), EngineError> {
        let what = format!(
            "getting the replicas of cluster {:?} in sync",
            self.description().cluster_name
        );
        self.wait(&what, IN_SYNC_LIMIT, |image| {
            Ok(match image.out_of_sync() {
                None => State::Done(()),
                Some(missing) => State::Waiting(missing),
            })
        })
        .await
    }
}

fn epoch_of(image: &MetadataImage, broker_id: i32) -> Option<BrokerEpoch> {
    image
        .brokers
        .get(&BrokerId(broker_id))
        .map(|broker| broker.broker_epoch)
}
