//! The data sources: each a question to the control plane, with its schema. `look_up` is what they share.

mod brokers;
mod clusters;
mod configurations;
mod look_up;
mod topics;
mod versions;

use std::sync::Arc;

use plugin_framework::DataSource;

use self::look_up::LookUp;
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
        LookUp::<versions::KafkaVersion>::shared(control_plane),
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
