//! Whether something could be made, asked of the control plane while planning: an apply that fails half-way is worse than a plan
//! that says why. Only a runtime that runs is asked, and what it cannot know yet is left to the apply.
//!
//! Each new resource is a question of its own, and topics, of which there are many, are [asked for together](super::topic).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use control_plane_client::{Client, Error, Result};
use plugin_framework::{Diagnostics, value::Path};

use crate::{control_plane::ControlPlane, diagnostics};

/// What the plans of this process say about each other.
#[derive(Debug, Default)]
pub(crate) struct Foresight(Mutex<Plans>);

#[derive(Debug, Default)]
struct Plans {
    /// The apply has begun.
    is_applied: bool,
    /// Types and names of what is there and in the state: a new one of that name takes its place.
    there: BTreeSet<(&'static str, String)>,
    /// What the logs of clusters may grow by, by the names of the clusters.
    declared_gib: BTreeMap<String, u64>,
    /// Clusters that will have changed by the time that something is made in them, with the number of brokers.
    changing: BTreeMap<String, Option<i64>>,
}

impl Foresight {
    fn plans<T>(&self, look: impl FnOnce(&mut Plans) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One of this name is there, and core knows of it.
    pub(super) fn is_there(&self, type_name: &'static str, name: &str) {
        self.plans(|plans| plans.there.insert((type_name, name.to_owned())));
    }

    /// The apply has begun: what is planned from here on was planned before, and the next call says whether it can be made.
    pub(super) fn is_applied(&self) {
        self.plans(|plans| plans.is_applied = true);
    }

    /// Whether the apply has begun.
    pub(super) fn is_in_apply(&self) -> bool {
        self.plans(|plans| plans.is_applied)
    }

    /// The logs of a cluster may grow by so much; the sum of all that this plan has said so of.
    pub(super) fn declares(&self, cluster_name: &str, gib: u64) -> u64 {
        self.plans(|plans| {
            plans.declared_gib.insert(cluster_name.to_owned(), gib);
            plans.declared_gib.values().sum()
        })
    }

    /// A cluster changes.
    pub(super) fn cluster_changes(&self, arn: &str, brokers: Option<i64>) {
        self.plans(|plans| plans.changing.insert(arn.to_owned(), brokers));
    }

    /// The number of brokers that a changing cluster will have; `None` where it does not change, `Some(None)` where nobody knows.
    pub(super) fn brokers_after_change(&self, arn: &str) -> Option<Option<i64>> {
        self.plans(|plans| plans.changing.get(arn).copied())
    }

    /// Says why something that is there cannot be changed, where somebody knows. `ask` is given the client.
    pub(super) async fn check_change<Asking: Future<Output = Result<()>> + Send>(
        &self,
        control_plane: &ControlPlane,
        doing: &str,
        ask: impl FnOnce(Client) -> Asking + Send,
    ) -> Diagnostics {
        if self.is_in_apply() {
            return Diagnostics::none();
        }
        let Some(client) = control_plane.client_if_running().await else {
            return Diagnostics::none();
        };
        match ask(client).await {
            Err(error @ Error::BadRequest { .. }) => diagnostics::of_call(doing, &error),
            _ => Diagnostics::none(),
        }
    }

    /// Says why one of this type and name cannot be made, where somebody knows. `ask` is given the client. A name that is taken
    /// is a warning: what has it may be destroyed by the same apply, and a destroy plans, too, what it does not make.
    pub(super) async fn check<Asking: Future<Output = Result<()>> + Send>(
        &self,
        control_plane: &ControlPlane,
        (type_name, name): (&'static str, &str),
        doing: &str,
        ask: impl FnOnce(Client) -> Asking + Send,
    ) -> Diagnostics {
        let is_asked = self.plans(|plans| !plans.is_applied && !plans.there.contains(&(type_name, name.to_owned())));
        if !is_asked {
            return Diagnostics::none();
        }
        let Some(client) = control_plane.client_if_running().await else {
            return Diagnostics::none();
        };
        match ask(client).await {
            Err(error @ Error::BadRequest { .. }) => diagnostics::of_call(doing, &error),
            Err(error) if error.is_conflict() && error.to_string().contains("already exists") => {
                let named_by = if type_name == "msk_cluster" {
                    "cluster_name"
                } else {
                    "name"
                };
                let mut diagnostics = Diagnostics::none();
                diagnostics.attribute_warning(
                    Path::attribute(named_by),
                    "The name is taken",
                    format!(
                        "{error}. This apply cannot {doing}, unless it destroys what has the name first. Choose another name, take it \
                         over with terraform import, or write a moved block when it stands in the state under another address."
                    ),
                );
                diagnostics
            }
            _ => Diagnostics::none(),
        }
    }
}
