//! Who reaches a cluster from elsewhere, and whether it keeps itself even: as a configuration asks for it and as the control plane
//! reports it. Both are off when nobody says.

use std::time::Duration;

use control_plane_api::{
    clusters::{Cluster, Provisioned},
    connectivity::{ConnectivityInfo, PublicAccess},
    updates::{Rebalancing, UpdateConnectivityRequest, UpdateRebalancingRequest},
};
use control_plane_client::{Client, Result};
use plugin_framework::{
    schema::{Attribute, Nesting, Schema},
    value::{Object, Value},
};

/// Words of the API.
const PUBLIC: &str = "SERVICE_PROVIDED_EIPS";
const NOT_PUBLIC: &str = "DISABLED";
const DUAL: &str = "DUAL";
const IPV4: &str = "IPV4";
const ACTIVE: &str = "ACTIVE";
const PAUSED: &str = "PAUSED";

/// Both, every default filled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Connectivity {
    /// Clients of other machines get in.
    pub(super) public: bool,
    /// So do clients that use IPv6.
    pub(super) dual: bool,
    /// Replicas and leaderships are evened out.
    pub(super) rebalancing: bool,
}

impl Connectivity {
    /// What a configuration, a plan or a state asks for. `None` while something in it is unknown.
    pub(super) fn of(object: &Object) -> Option<Self> {
        let group = object.get("broker_node_group_info");
        let inner = Object::from_value(group.clone()).unwrap_or_default();
        let info = inner.get("connectivity_info");
        if group.is_unknown() || !info.is_wholly_known() || !object.get("rebalancing").is_wholly_known() {
            return None;
        }
        let info = Object::from_value(info.clone()).unwrap_or_default();
        let public = info.block("public_access").unwrap_or_default();
        let rebalancing = object.block("rebalancing").unwrap_or_default();
        Some(Self {
            public: public.string("type") == Some(PUBLIC),
            dual: info.string("network_type") == Some(DUAL),
            rebalancing: rebalancing.string("status") == Some(ACTIVE),
        })
    }

    /// What a cluster is.
    pub(super) fn of_cluster(provisioned: &Provisioned) -> Self {
        let info = provisioned.broker_node_group_info.connectivity_info.as_ref();
        let public = info.and_then(|info| info.public_access.as_ref()?.kind.as_deref());
        Self {
            public: public == Some(PUBLIC),
            dual: info.and_then(|info| info.network_type.as_deref()) == Some(DUAL),
            rebalancing: provisioned.rebalancing.as_ref().is_some_and(|it| it.status == ACTIVE),
        }
    }

    /// Writes it into a state. What the state already says, by its words or by its silence, is left as it is.
    pub(super) fn write(self, state: &mut Object) {
        let was = Self::of(state);
        if was.is_none_or(|was| (was.public, was.dual) != (self.public, self.dual)) {
            let mut group = state.block("broker_node_group_info").unwrap_or_else(empty_group);
            let mut public = Object::new();
            public.set_string("type", if self.public { PUBLIC } else { NOT_PUBLIC });
            let mut info = Object::new();
            info.set_string("network_type", if self.dual { DUAL } else { IPV4 })
                .set("public_access", public.into_value());
            group.set("connectivity_info", info.into_value());
            state.set("broker_node_group_info", group.into_value());
        }
        if was.is_none_or(|was| was.rebalancing != self.rebalancing) {
            let mut block = Object::new();
            block.set_string("status", if self.rebalancing { ACTIVE } else { PAUSED });
            state.set("rebalancing", block.into_value());
        }
    }

    /// As requests have it; nothing when it is as it is by itself.
    pub(super) fn info(self) -> Option<ConnectivityInfo> {
        (self.public || self.dual).then(|| self.full_info())
    }

    fn full_info(self) -> ConnectivityInfo {
        ConnectivityInfo {
            public_access: Some(PublicAccess {
                kind: Some(if self.public { PUBLIC } else { NOT_PUBLIC }.to_owned()),
            }),
            network_type: Some(if self.dual { DUAL } else { IPV4 }.to_owned()),
            vpc_connectivity: None,
        }
    }

    /// As requests have it.
    pub(super) fn rebalancing(self) -> Option<Rebalancing> {
        self.rebalancing.then(|| Rebalancing {
            status: ACTIVE.to_owned(),
        })
    }

    /// Makes a cluster so.
    pub(super) async fn bring_about(self, client: &Client, arn: &str, limit: Duration) -> Result<Cluster> {
        let mut cluster = client.wait_for_cluster(arn, limit).await?;
        let has = |cluster: &Cluster| cluster.provisioned.as_ref().map(Self::of_cluster).unwrap_or_default();
        let is = has(&cluster);
        if (is.public, is.dual) != (self.public, self.dual) {
            let request = UpdateConnectivityRequest {
                current_version: cluster.current_version,
                connectivity_info: Some(self.full_info()),
                ..UpdateConnectivityRequest::default()
            };
            let begun = client.update_connectivity(arn, &request).await?;
            client.wait_for_operation(&begun.cluster_operation_arn, limit).await?;
            cluster = client.wait_for_cluster(arn, limit).await?;
        }
        if has(&cluster).rebalancing != self.rebalancing {
            let status = if self.rebalancing { ACTIVE } else { PAUSED };
            let request = UpdateRebalancingRequest {
                current_version: cluster.current_version,
                rebalancing: Rebalancing {
                    status: status.to_owned(),
                },
            };
            let begun = client.update_rebalancing(arn, &request).await?;
            client.wait_for_operation(&begun.cluster_operation_arn, limit).await?;
            cluster = client.wait_for_cluster(arn, limit).await?;
        }
        Ok(cluster)
    }
}

/// A `broker_node_group_info` that says nothing.
fn empty_group() -> Object {
    let mut group = Object::new();
    for name in [
        "instance_type",
        "az_distribution",
        "client_subnets",
        "security_groups",
        "storage_info",
    ] {
        group.set(name, Value::Null);
    }
    group
}

/// The block in `broker_node_group_info`.
pub(super) fn connectivity_info() -> Schema {
    let public = Schema::new()
        .description("Clients of other machines.")
        .attribute(
            "type",
            Attribute::string().optional().one_of(&[NOT_PUBLIC, PUBLIC]).description(
                "`SERVICE_PROVIDED_EIPS` lets them in, on the address that the runtime was started with (`broker-runtime serve \
                 --public-address`), by SASL only. Default: `DISABLED`.",
            ),
        );
    let switch = || Attribute::bool().optional().description("Has no effect here.");
    let sasl = Schema::new()
        .description("Has no effect here.")
        .attribute("iam", switch())
        .attribute("scram", switch());
    let authentication = Schema::new()
        .description("Has no effect here.")
        .attribute("tls", switch())
        .block("sasl", Nesting::Single, sasl);
    let vpc = Schema::new()
        .description("Has no effect here: there are no connections from other networks yet.")
        .block("client_authentication", Nesting::Single, authentication);
    Schema::new()
        .description("How clients from elsewhere reach brokers.")
        .attribute(
            "network_type",
            Attribute::string()
                .optional()
                .one_of(&[IPV4, DUAL])
                .description("`DUAL` opens every listener on IPv6 as well. Default: `IPV4`."),
        )
        .block("public_access", Nesting::Single, public)
        .block("vpc_connectivity", Nesting::Single, vpc)
}

/// The block `rebalancing`.
pub(super) fn rebalancing() -> Schema {
    Schema::new()
        .description("Whether replicas and leaderships are kept even among brokers, whatever made them uneven.")
        .attribute(
            "status",
            Attribute::string()
                .required()
                .one_of(&[ACTIVE, PAUSED])
                .description("`ACTIVE` or `PAUSED`; without the block, as `PAUSED`."),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_can_be_written_and_read_again() {
        for number in 0..8 {
            let connectivity = Connectivity {
                public: number & 1 > 0,
                dual: number & 2 > 0,
                rebalancing: number & 4 > 0,
            };
            let mut state = Object::new();
            connectivity.write(&mut state);
            assert_eq!(Connectivity::of(&state), Some(connectivity));
            assert_eq!(state == Object::new(), connectivity == Connectivity::default());
            let mut provisioned = Provisioned::default();
            provisioned.broker_node_group_info.connectivity_info = connectivity.info();
            provisioned.rebalancing = connectivity.rebalancing();
            assert_eq!(Connectivity::of_cluster(&provisioned), connectivity);
        }
    }

    #[test]
    fn an_unknown_part_makes_the_whole_unknown() {
        let mut state = Object::new();
        let mut block = Object::new();
        block.set("status", Value::unknown());
        state.set("rebalancing", block.into_value());
        assert_eq!(Connectivity::of(&state), None);
    }
}
