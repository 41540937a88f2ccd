//! The data sources that there are.

use std::sync::Arc;

use plugin_framework::DataSource;

use super::{access, brokers, clusters, configurations, hosts, look_up::LookUp, topics, versions};
use crate::control_plane::ControlPlane;

/// All of them.
pub(crate) fn all(control_plane: &Arc<ControlPlane>) -> Vec<Arc<dyn DataSource>> {
    vec![
        LookUp::<clusters::Cluster>::shared(control_plane),
        LookUp::<clusters::Clusters>::shared(control_plane),
        LookUp::<brokers::BootstrapBrokers>::shared(control_plane),
        LookUp::<brokers::BrokerNodes>::shared(control_plane),
        LookUp::<configurations::Configuration>::shared(control_plane),
        LookUp::<configurations::Configurations>::shared(control_plane),
        LookUp::<topics::Topic>::shared(control_plane),
        LookUp::<topics::Topics>::shared(control_plane),
        LookUp::<access::ExistingAcl>::shared(control_plane),
        LookUp::<access::Acls>::shared(control_plane),
        LookUp::<access::Quota>::shared(control_plane),
        LookUp::<access::Quotas>::shared(control_plane),
        LookUp::<access::ScramSecret>::shared(control_plane),
        LookUp::<access::ScramSecrets>::shared(control_plane),
        LookUp::<access::ClusterPolicy>::shared(control_plane),
        LookUp::<hosts::Hosts>::shared(control_plane),
        LookUp::<versions::KafkaVersion>::shared(control_plane),
        LookUp::<versions::KafkaVersions>::shared(control_plane),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_their_schemas() {
        for data_source in all(&Arc::default()) {
            let problems = data_source.schema().problems();
            assert!(problems.is_empty(), "{}: {problems:?}", data_source.type_name());
        }
    }
}
