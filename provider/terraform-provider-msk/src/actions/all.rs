//! The actions that there are.

use std::sync::Arc;

use plugin_framework::Action;

use super::{
    elect_leaders::ElectLeaders, of_cluster::OfCluster, rebalance::Rebalance, reboot_broker::RebootBroker,
    rotate_certificates::RotateCertificates,
};
use crate::control_plane::ControlPlane;

/// All of them.
pub(crate) fn all(control_plane: &Arc<ControlPlane>) -> Vec<Arc<dyn Action>> {
    vec![
        OfCluster::<RebootBroker>::shared(control_plane),
        OfCluster::<Rebalance>::shared(control_plane),
        OfCluster::<ElectLeaders>::shared(control_plane),
        OfCluster::<RotateCertificates>::shared(control_plane),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_their_schemas() {
        for action in all(&Arc::default()) {
            let problems = action.schema().problems();
            assert!(problems.is_empty(), "{}: {problems:?}", action.type_name());
        }
    }
}
