//! Makes creations repeatable: an apply that was killed before Terraform could write its state leaves something behind
//! that no state knows of, and the next apply finds it again.
//!
//! A creation carries a token that is the same whenever the same workspace of the same directory creates a resource of
//! the same type and name. The state keeps the token privately until the next read, which proves that the state was
//! written; from then on the control plane refuses the name like any other that is taken.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use control_plane_client::Client;
use plugin_framework::{Diagnostics, StateSink};
use uuid::Uuid;

/// Where the token is in the private state.
const PRIVATE_KEY: &str = "create_token";

/// The creations of this process, which is those of one apply.
#[derive(Debug)]
pub(crate) struct Creations {
    working_directory: PathBuf,
    workspace: String,
    begun: Mutex<BTreeSet<String>>,
}

impl Creations {
    /// Creations of the configuration in a directory, for one of its workspaces.
    pub(crate) fn new(working_directory: PathBuf, workspace: String) -> Self {
        Self {
            working_directory,
            workspace,
            begun: Mutex::default(),
        }
    }

    /// The token that the creation of a resource will have.
    pub(super) fn token(&self, type_name: &str, name: &str) -> String {
        let (directory, workspace) = (self.working_directory.display(), &self.workspace);
        let origin = format!("{directory}#{workspace}#{type_name}#{name}");
        Uuid::new_v5(&Uuid::NAMESPACE_URL, origin.as_bytes()).to_string()
    }

    /// The token for creating a resource. The error is that this apply has made one of that name already.
    pub(super) fn begin(
        &self,
        type_name: &str,
        name: &str,
        sink: &mut StateSink,
    ) -> std::result::Result<String, Diagnostics> {
        let token = self.token(type_name, name);
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if !begun.insert(token.clone()) {
            return Err(Diagnostics::from_error(
                format!("Two {type_name} resources have the name {name:?}"),
                "Both are in this configuration, and there can be one only. Give one of them another name.",
            ));
        }
        sink.private.set(PRIVATE_KEY, token.clone());
        Ok(token)
    }
}

/// Called when a state is read: what it holds was created and written down, so nobody needs to find it again. A token that
/// cannot be given up now is given up at the next read.
pub(super) async fn settle(client: &Client, sink: &mut StateSink) {
    let Some(token) = sink.private.string(PRIVATE_KEY).map(str::to_owned) else {
        return;
    };
    match client.forget_idempotency_token(&token).await {
        Ok(()) => sink.private.remove(PRIVATE_KEY),
        Err(error) => tracing::debug!(%error, "the creation's token is kept"),
    }
}

/// The same where the control plane has said that it knows of no such token any more: a plan only sees what it has settled, and its
/// state is not written, so without this every plan would give up every token again.
pub(super) fn is_settled(sink: &mut StateSink) {
    sink.private.remove(PRIVATE_KEY);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_that_of_directory_workspace_type_and_name() {
        let token = |place: &str, kind: &str, name: &str| {
            let mut sink = StateSink::default();
            let (directory, workspace) = place.split_once('#').unwrap();
            let creations = Creations::new(directory.into(), workspace.to_owned());
            let token = creations.begin(kind, name, &mut sink).unwrap();
            assert_eq!(sink.private.string(PRIVATE_KEY), Some(token.as_str()));
            token
        };
        let first = token("/a#default", "msk_cluster", "orders");
        assert_eq!(token("/a#default", "msk_cluster", "orders"), first);
        assert_ne!(token("/b#default", "msk_cluster", "orders"), first);
        assert_ne!(token("/a#staging", "msk_cluster", "orders"), first);
        assert_ne!(token("/a#default", "msk_topic", "orders"), first);
        assert_ne!(token("/a#default", "msk_cluster", "shop"), first);
    }

    #[test]
    fn second_resource_of_a_name_is_refused() {
        let creations = Creations::new("/a".into(), "default".to_owned());
        let mut sink = StateSink::default();
        creations.begin("msk_cluster", "orders", &mut sink).unwrap();
        let refused = creations.begin("msk_cluster", "orders", &mut sink).unwrap_err();
        assert!(format!("{refused:?}").contains("orders"), "{refused:?}");
    }
}
