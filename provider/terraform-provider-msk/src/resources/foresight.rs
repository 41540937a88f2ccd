//! Whether something could be made, asked of the control plane while planning: an apply that fails half-way is worse than a plan
//! that says why. Only a runtime that runs is asked, and what it cannot know yet is left to the apply.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use control_plane_client::{Client, Error, Result};

use crate::control_plane::ControlPlane;

/// What the plans of this process say about each other.
#[derive(Debug, Default)]
pub(crate) struct Foresight(Mutex<Plans>);

#[derive(Debug, Default)]
struct Plans {
    /// Types and names of what is there and planned to change: a new one of that name takes its place.
    there: BTreeSet<(&'static str, String)>,
    /// Clusters that will have changed by the time that something is made in them, with the number of brokers.
    changing: BTreeMap<String, Option<i64>>,
}

impl Foresight {
    fn plans<T>(&self, look: impl FnOnce(&mut Plans) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One of this name is there, and core plans what becomes of it.
    pub(super) fn is_there(&self, type_name: &'static str, name: &str) {
        self.plans(|plans| plans.there.insert((type_name, name.to_owned())));
    }

    /// A cluster changes.
    pub(super) fn cluster_changes(&self, arn: &str, brokers: Option<i64>) {
        self.plans(|plans| plans.changing.insert(arn.to_owned(), brokers));
    }

    /// The number of brokers that a changing cluster will have; `None` where it does not change, `Some(None)` where nobody knows.
    pub(super) fn brokers_after_change(&self, arn: &str) -> Option<Option<i64>> {
        self.plans(|plans| plans.changing.get(arn).copied())
    }

    /// Why one of this type and name cannot be made; `None` where it can, or where nobody knows. `ask` is given the client.
    pub(super) async fn refusal<Asking: Future<Output = Result<()>> + Send>(
        &self,
        control_plane: &ControlPlane,
        (type_name, name): (&'static str, &str),
        ask: impl FnOnce(Client) -> Asking + Send,
    ) -> Option<Error> {
        if self.plans(|plans| plans.there.contains(&(type_name, name.to_owned()))) {
            return None;
        }
        let client = control_plane.client_if_running().await?;
        let refused = ask(client).await.err()?;
        let is_certain = matches!(refused, Error::BadRequest { .. })
            || refused.is_conflict() && refused.to_string().contains("already exists");
        is_certain.then_some(refused)
    }
}
