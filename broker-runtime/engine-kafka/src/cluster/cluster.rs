//! A cluster that exists, and what all of them have in common.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use clock::Clock;
use cluster_files::{
    certificates::{Authority, Held},
    durable_file::{self, Readers},
};
use engine::{EngineError, Progress, Step, TopicError};
use hosts::{Fleet, Host};
use parking_lot::Mutex;
use uuid::Uuid;

use super::classes::WithoutArchive;
use crate::{
    admin::Kafka,
    blocking::blocking,
    bundle::Bundles,
    classes::MissingArchives,
    description::{Description, Layout},
    placement::Node,
};

/// What all clusters have in common.
pub(crate) struct Settings {
    pub(crate) fleet: Arc<dyn Fleet>,
    pub(crate) bundles: Arc<Bundles>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long after a change archives of classes are made.
    pub(crate) archive_classes_after: Duration,
    pub(crate) missing_archives: MissingArchives,
}

/// A cluster that exists.
pub(crate) struct Cluster {
    pub(super) settings: Arc<Settings>,
    pub(super) layout: Layout,
    description: Mutex<Arc<Description>>,
    pub(super) authority: Authority,
    pub(super) authority_pem: Vec<u8>,
    pub(crate) kafka: Kafka,
    progress: Mutex<Option<Progress>>,
    /// When certificates of nodes end, as far as that is known.
    pub(super) certificate_ends: Mutex<BTreeMap<i32, i64>>,
    /// What the logs of each broker take up, and when that was looked at.
    pub(super) log_bytes: Mutex<Option<(Instant, BTreeMap<i32, u64>)>>,
    pub(super) without_archive: WithoutArchive,
}

impl Cluster {
    /// Takes up what is written down; makes the authority where it is missing.
    pub(crate) async fn open(
        settings: Arc<Settings>,
        layout: Layout,
        description: Description,
    ) -> Result<Arc<Self>, EngineError> {
        let now_ms = settings.clock.now_ms();
        let (files, name) = (layout.clone(), description.cluster_name.clone());
        let (authority, authority_pem, identity) = blocking(move || {
            let authority = Authority::open(&files.authority(), &files.authority_key(), &name, now_ms)?;
            let identity = identity(&authority, &files, &name, now_ms)?;
            let pem = durable_file::read(&files.authority())?.unwrap_or_default();
            Ok((authority, pem, identity))
        })
        .await?;
        let kafka = Kafka::new(
            description.brokers(),
            &authority_pem,
            &identity,
            Arc::clone(&settings.clock),
        )
        .map_err(|source| EngineError::Internal {
            context: format!("certificates of cluster {:?} cannot be used", description.cluster_name),
            source: source.into(),
        })?;
        Ok(Arc::new(Self {
            settings,
            layout,
            description: Mutex::new(Arc::new(description)),
            authority,
            authority_pem,
            kafka,
            progress: Mutex::default(),
            certificate_ends: Mutex::default(),
            log_bytes: Mutex::default(),
            without_archive: WithoutArchive::default(),
        }))
    }

    /// What is written down.
    pub(crate) fn description(&self) -> Arc<Description> {
        Arc::clone(&self.description.lock())
    }

    /// How far the change that is under way has come.
    pub(crate) fn progress(&self) -> Option<Progress> {
        *self.progress.lock()
    }

    pub(super) fn report(&self, progress: Option<Progress>) {
        *self.progress.lock() = progress;
    }

    /// No change is under way any more.
    pub(crate) fn report_nothing(&self) {
        self.report(None);
    }

    pub(super) fn report_step(&self, step: Step) {
        self.report(Some(Progress::begun(step)));
    }

    /// Changes what is written down, before anything is done that follows from it.
    pub(super) async fn describe(&self, change: impl FnOnce(&mut Description)) -> Result<(), EngineError> {
        let mut next = (*self.description()).clone();
        change(&mut next);
        let next = Arc::new(next);
        let (layout, written) = (self.layout.clone(), Arc::clone(&next));
        blocking(move || layout.write(&written)).await?;
        self.kafka.set_brokers(next.brokers());
        *self.description.lock() = next;
        Ok(())
    }

    pub(super) fn name(&self) -> String {
        self.description().cluster_name.clone()
    }

    fn host(&self, host_id: Uuid, host_name: &str) -> Result<Arc<dyn Host>, EngineError> {
        self.settings
            .fleet
            .host(host_id)
            .ok_or_else(|| EngineError::Environment {
                problem: format!(
                    "host {host_name} has left the fleet, and cluster {:?} has a node on it",
                    self.name()
                ),
                remedy: "let it join again, or remove the cluster".to_owned(),
            })
    }

    pub(super) fn host_of(&self, node: &Node) -> Result<Arc<dyn Host>, EngineError> {
        self.host(node.host_id, &node.host_name)
    }
}

/// The control plane's own certificate; another one where it ends before long.
fn identity(authority: &Authority, files: &Layout, name: &str, now_ms: i64) -> Result<Vec<u8>, EngineError> {
    let path = files.identity();
    if let Some(text) = durable_file::read(&path)?
        && let Some(held) = Held::of(&text)
        && !authority.is_due(&held, 0, now_ms)
    {
        return Ok(text);
    }
    let text = authority.make(&format!("control plane of {name}"), &[], 0, now_ms)?;
    durable_file::replace(&path, text.as_bytes(), Readers::User)?;
    Ok(text.into_bytes())
}

/// What a refusal of Kafka means to the caller of the engine.
pub(super) fn refused(context: &str, error: TopicError) -> EngineError {
    match error {
        TopicError::InvalidRequest(reason) => EngineError::Unsupported {
            reason: format!("{context}: {reason}"),
        },
        TopicError::Timeout(last_state) => EngineError::Timeout {
            what: context.to_owned(),
            waited_ms: 0,
            last_state,
        },
        other => EngineError::Internal {
            context: context.to_owned(),
            source: other.into(),
        },
    }
}
