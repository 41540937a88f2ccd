//! The list resources that there are: one a resource type.

use std::sync::Arc;

use plugin_framework::ListResource;

use super::{clusters, configurations, in_cluster, listing::Listing};
use crate::control_plane::ControlPlane;

/// All of them.
pub(crate) fn all(control_plane: &Arc<ControlPlane>) -> Vec<Arc<dyn ListResource>> {
    vec![
        Listing::<clusters::Provisioned>::shared(control_plane),
        Listing::<clusters::Serverless>::shared(control_plane),
        Listing::<configurations::Configurations>::shared(control_plane),
        Listing::<in_cluster::Topics>::shared(control_plane),
        Listing::<in_cluster::Acls>::shared(control_plane),
        Listing::<in_cluster::Quotas>::shared(control_plane),
        Listing::<in_cluster::Users>::shared(control_plane),
        Listing::<in_cluster::Associations>::shared(control_plane),
        Listing::<in_cluster::AllAssociations>::shared(control_plane),
        Listing::<in_cluster::Policies>::shared(control_plane),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_their_schemas() {
        for list in all(&Arc::default()) {
            let problems = list.schema().problems();
            assert!(problems.is_empty(), "{}: {problems:?}", list.type_name());
        }
    }
}
