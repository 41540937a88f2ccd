//! The functions that there are.

use std::sync::Arc;

use plugin_framework::Function;

use super::{arns, client_configuration, texts};

/// All of them.
pub(crate) fn all() -> Vec<Arc<dyn Function>> {
    let all = [
        arns::parse_cluster_arn(),
        arns::topic_arn(),
        texts::bootstrap_brokers(),
        texts::parse_server_properties(),
        texts::server_properties(),
        client_configuration::client_configuration(),
    ];
    all.into_iter().map(|one| Arc::new(one) as Arc<dyn Function>).collect()
}
