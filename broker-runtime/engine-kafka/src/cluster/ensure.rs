//! Makes a cluster what its specification says. Every step looks first and does what is missing, so that it can be repeated
//! after a failure at any place.

use std::{sync::Arc, time::Duration};

use engine::{ClusterSpec, EngineError, Step, TopicError};
use futures::future::{join_all, try_join_all};
use hosts::{HostState, UnitName};
use uuid::Uuid;

use super::{Cluster, refused};
use crate::{
    description::{Description, Phase},
    errors::host_error,
    launch,
    placement::{Node, Nodes},
    releases::Release,
};

/// How long nodes may take to join: Java starts slowly on a machine that is busy.
const JOIN_LIMIT: Duration = Duration::from_secs(120);

/// A change that is written down.
pub(crate) struct Begun {
    before: Arc<Description>,
    /// All nodes, when it is done.
    nodes: Nodes,
    /// Brokers that are none any more then.
    leaving: Vec<i32>,
    uneven: bool,
    release: Release,
}

impl Cluster {
    /// Writes down the places that nodes are to have, before anything is done that follows from it.
    pub(crate) async fn begin(&self, spec: &ClusterSpec, nodes: Nodes, release: Release) -> Result<Begun, EngineError> {
        let before = self.description();
        let leaving = leaving(&before.nodes, &nodes);
        let uneven = before.uneven || before.broker_count != spec.broker_count;
        let on_the_way = with_leaving(&nodes, &before.nodes, &leaving);
        let moved = moved_away(&before, &on_the_way);
        let moved: Vec<(UnitName, Uuid, bool)> = moved
            .into_iter()
            .map(|(unit, host_id)| (unit, host_id, self.is_lost(host_id)))
            .collect();
        self.describe(|next| {
            next.nodes = on_the_way;
            next.broker_count = next.broker_count.max(spec.broker_count);
            next.uneven = uneven;
            next.release = release.number.to_owned();
            next.set_listeners(spec.listeners);
            next.node_exporters |= spec.exporters.node;
            let (lost, drained): (Vec<_>, Vec<_>) = moved.into_iter().partition(|(_, _, is_lost)| *is_lost);
            if !lost.is_empty() {
                // Nobody may come upon what they have there.
                next.left_behind.append(&mut next.drained);
            }
            let named = |units: Vec<(UnitName, Uuid, bool)>| {
                units.into_iter().map(|(unit, host_id, _)| (unit.to_string(), host_id))
            };
            next.left_behind.extend(named(lost));
            next.drained.extend(named(drained));
        })
        .await?;
        Ok(Begun {
            before,
            nodes,
            leaving,
            uneven,
            release,
        })
    }

    /// Makes the cluster what `spec` says.
    pub(crate) async fn ensure(self: &Arc<Self>, spec: &ClusterSpec, begun: Begun) -> Result<(), EngineError> {
        self.leave_classes().await;
        self.report_step(Step::StartBrokers);
        let ensured = self.ensure_steps(spec, begun).await;
        self.report(None);
        if ensured.is_ok() {
            self.archive_classes();
        }
        ensured
    }

    async fn ensure_steps(&self, spec: &ClusterSpec, begun: Begun) -> Result<(), EngineError> {
        let Begun {
            before,
            nodes,
            leaving,
            uneven,
            release,
        } = begun;
        self.clean_up().await?;
        let bundle = self.settings.bundles.ready(release).await?;
        let wanted = self.wanted_nodes(spec, &bundle)?;
        self.check_exporters(spec, &wanted).await?;
        let starting = wanted.iter().map(|(id, node)| self.start_node(*id, node, &bundle));
        try_join_all(starting).await?;
        self.ensure_node_exporters(spec).await?;
        self.wait_for_brokers().await?;
        self.ensure_quorum().await?;
        self.report_step(Step::ApplySettings);
        self.apply_settings(spec, &before).await?;
        self.restart_outdated(&wanted, &bundle).await?;
        self.leave_old_hosts().await?;
        if !self.description().taken_from.is_empty() {
            self.spread_leaders().await?;
        }
        // Nodes of a new cluster have had their certificates from their first start.
        if before.phase != Phase::Creating || spec.certificate_rotations > 0 {
            self.rotate_certificates(spec.certificate_rotations).await?;
        }
        if uneven {
            self.report_step(Step::MoveData);
            self.even_out(&leaving).await?;
        }
        self.report_step(Step::StopBrokers);
        self.dismiss(&leaving, &nodes).await?;
        self.describe(|next| {
            // What the quorum calls their directories has been learned meanwhile.
            next.nodes.retain(|id, _| nodes.contains_key(id));
            for (id, node) in &mut next.nodes {
                node.is_broker = nodes.get(id).is_some_and(|wanted| wanted.is_broker);
            }
            next.broker_count = spec.broker_count;
            next.uneven = false;
            next.taken_from.clear();
            next.phase = Phase::Established;
        })
        .await?;
        if !leaving.is_empty() {
            // Those that go on as controllers are no brokers any more.
            let wanted = self.wanted_nodes(spec, &bundle)?;
            self.restart_outdated(&wanted, &bundle).await?;
        }
        self.finalize(release).await
    }

    /// Waits until every broker serves, and the controller can write.
    pub(super) async fn wait_for_brokers(&self) -> Result<(), EngineError> {
        let what = format!("starting the nodes of cluster {:?}", self.name());
        self.wait(&what, JOIN_LIMIT, || async {
            let missing = self.absent().await;
            if missing.is_some() {
                let description = self.description();
                let looks = description.nodes.iter().map(|(id, node)| self.diagnose(*id, node));
                join_all(looks).await.into_iter().collect::<Result<(), _>>()?;
            }
            Ok(missing)
        })
        .await
    }

    /// Why the cluster does not serve in full, in words.
    async fn absent(&self) -> Option<String> {
        let in_words = |error: TopicError| Some(error.to_string());
        let image = match self.kafka.image(&[]).await {
            Ok(image) => image,
            Err(error) => return in_words(error),
        };
        let description = self.description();
        let brokers = description.nodes.iter().filter(|(_, node)| node.is_broker);
        let missing: Vec<String> = brokers
            .filter_map(|(id, _)| match image.brokers.get(&kafka_metadata::BrokerId(*id)) {
                None => Some(format!("broker {id} has not registered")),
                Some(broker) if broker.fenced => Some(format!("broker {id} has not caught up")),
                Some(_) => None,
            })
            .collect();
        if !missing.is_empty() {
            return Some(missing.join(", "));
        }
        self.kafka.prove_writable().await.err().and_then(in_words)
    }

    /// Ends brokers that hold nothing any more, and forgets them; those that are controllers stay as such.
    async fn dismiss(&self, leaving: &[i32], nodes: &Nodes) -> Result<(), EngineError> {
        let description = self.description();
        for id in leaving {
            let Some(node) = description.nodes.get(id) else {
                continue;
            };
            let host = self.host_of(node)?;
            let unit = launch::unit(description.cluster_id, *id);
            host.stop(&unit, false).await.map_err(host_error)?;
            let context = format!("removing broker {id}");
            self.kafka
                .unregister(*id)
                .await
                .map_err(|error| refused(&context, error))?;
            if description.node_exporters {
                self.end_node_exporter(*id, node).await?;
            }
            if !nodes.contains_key(id) {
                host.remove(&unit).await.map_err(host_error)?;
            }
            tracing::info!(broker_id = id, cluster = self.name(), "broker has left");
        }
        Ok(())
    }

    /// Whether nothing on this host can be stopped or read any more.
    fn is_lost(&self, host_id: Uuid) -> bool {
        let host = self.settings.fleet.host(host_id);
        host.is_none_or(|host| host.facts().state == HostState::Dead)
    }

    /// Removes what nodes have left on hosts that were dead, where these are back.
    async fn clean_up(&self) -> Result<(), EngineError> {
        let left_behind = self.description().left_behind.clone();
        for (name, host_id) in left_behind {
            let gone = match (self.settings.fleet.host(host_id), UnitName::new(name.as_str())) {
                (Some(host), Some(unit)) => host.remove(&unit).await.is_ok(),
                // A host that has left the fleet is nobody's concern any more.
                _ => true,
            };
            if gone {
                self.describe(|next| next.left_behind.retain(|other, _| *other != name))
                    .await?;
            }
        }
        Ok(())
    }
}

/// Brokers that are none in the end.
fn leaving(before: &Nodes, wanted: &Nodes) -> Vec<i32> {
    let brokers = before.iter().filter(|(_, node)| node.is_broker);
    let gone = brokers.filter(|(id, _)| !wanted.get(id).is_some_and(|node| node.is_broker));
    gone.map(|(id, _)| *id).collect()
}

/// The nodes that are wanted, and those that are to leave, as they are.
fn with_leaving(wanted: &Nodes, before: &Nodes, leaving: &[i32]) -> Nodes {
    let mut all = wanted.clone();
    for id in leaving {
        if let Some(node) = before.get(id) {
            all.insert(*id, node.clone());
        }
    }
    all
}

/// Units of nodes that are somewhere else now, and of the pages beside them.
fn moved_away(before: &Description, now: &Nodes) -> Vec<(UnitName, Uuid)> {
    let elsewhere = |id: &i32, node: &Node| now.get(id).is_some_and(|other| other.host_id != node.host_id);
    let moved = before.nodes.iter().filter(|(id, node)| elsewhere(id, node));
    moved
        .flat_map(|(id, node)| before.units_of(*id).map(move |unit| (unit, node.host_id)))
        .collect()
}
