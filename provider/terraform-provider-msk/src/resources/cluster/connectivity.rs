//! Who reaches a cluster from elsewhere, and whether it keeps itself even: as a configuration asks for it and as the control plane
//! reports it. Both are off when nobody says.

use std::time::Duration;

use control_plane_api::{
    clusters::{Cluster, Provisioned},
    connectivity,
    updates::{Rebalancing, UpdateConnectivityRequest, UpdateRebalancingRequest},
};
use control_plane_client::{Client, Result};
use plugin_framework::model::{Field, Model};

use super::model::ClusterModel;

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
    pub(super) fn of(cluster: &ClusterModel) -> Option<Self> {
        let group = &cluster.broker_node_group_info;
        let info = group.known().map(|group| &group.connectivity_info);
        let is_known = info.is_none_or(Field::is_wholly_known) && cluster.rebalancing.is_wholly_known();
        if group.is_unknown() || !is_known {
            return None;
        }
        let info = info.and_then(Field::known).cloned().unwrap_or_default();
        let public = info.public_access.known().map(|it| &it.r#type);
        let rebalancing = cluster.rebalancing.known().map(|it| &it.status);
        Some(Self {
            public: public.and_then(Field::as_str) == Some(PUBLIC),
            dual: info.network_type.as_str() == Some(DUAL),
            rebalancing: rebalancing.and_then(Field::as_str) == Some(ACTIVE),
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
    pub(super) fn write(self, state: &mut ClusterModel) {
        let was = Self::of(state);
        if was.is_none_or(|was| (was.public, was.dual) != (self.public, self.dual)) {
            let mut group = state.broker_node_group_info.known().cloned().unwrap_or_default();
            let public = PublicAccess {
                r#type: if self.public { PUBLIC } else { NOT_PUBLIC }.into(),
            };
            group.connectivity_info = Field::Known(ConnectivityInfo {
                network_type: if self.dual { DUAL } else { IPV4 }.into(),
                public_access: public.into(),
                vpc_connectivity: Field::Null,
            });
            state.broker_node_group_info = group.into();
        }
        if was.is_none_or(|was| was.rebalancing != self.rebalancing) {
            state.rebalancing = Field::Known(RebalancingBlock {
                status: if self.rebalancing { ACTIVE } else { PAUSED }.into(),
            });
        }
    }

    /// As requests have it; nothing when it is as it is by itself.
    pub(super) fn info(self) -> Option<connectivity::ConnectivityInfo> {
        (self.public || self.dual).then(|| self.full_info())
    }

    fn full_info(self) -> connectivity::ConnectivityInfo {
        connectivity::ConnectivityInfo {
            public_access: Some(connectivity::PublicAccess {
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

/// How clients from elsewhere reach brokers.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct ConnectivityInfo {
    /// `DUAL` opens every listener on IPv6 as well. Default: `IPV4`.
    #[attribute(optional, one_of = &[IPV4, DUAL])]
    network_type: Field<String>,
    #[block]
    public_access: Field<PublicAccess>,
    #[block]
    vpc_connectivity: Field<VpcConnectivity>,
}

impl ConnectivityInfo {
    /// Clients of other networks are to be let in. Switched off, it says what is so.
    pub(super) fn asks_for_connections(&self) -> bool {
        let vpc = self.vpc_connectivity.known();
        let authentication = vpc.and_then(|vpc| vpc.client_authentication.known());
        authentication.is_some_and(|authentication| {
            let sasl = authentication.sasl.known().cloned().unwrap_or_default();
            authentication.tls.is_true() || sasl.iam.is_true() || sasl.scram.is_true()
        })
    }
}

/// Clients of other machines.
#[derive(Clone, Debug, Default, PartialEq, Model)]
struct PublicAccess {
    /// `SERVICE_PROVIDED_EIPS` lets them in, on the address that the runtime was started with (`broker-runtime serve
    /// --public-address`), by SASL only. Default: `DISABLED`.
    #[attribute(optional, one_of = &[NOT_PUBLIC, PUBLIC])]
    r#type: Field<String>,
}

/// Has no effect here: there are no connections from other networks yet.
#[derive(Clone, Debug, Default, PartialEq, Model)]
struct VpcConnectivity {
    #[block]
    client_authentication: Field<VpcAuthentication>,
}

/// Has no effect here.
#[derive(Clone, Debug, Default, PartialEq, Model)]
struct VpcAuthentication {
    /// Has no effect here.
    #[attribute(optional)]
    tls: Field<bool>,
    #[block]
    sasl: Field<VpcSasl>,
}

/// Has no effect here.
#[derive(Clone, Debug, Default, PartialEq, Model)]
struct VpcSasl {
    /// Has no effect here.
    #[attribute(optional)]
    iam: Field<bool>,
    /// Has no effect here.
    #[attribute(optional)]
    scram: Field<bool>,
}

/// Whether replicas and leaderships are kept even among brokers, whatever made them uneven.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(super) struct RebalancingBlock {
    /// `ACTIVE` or `PAUSED`; without the block, as `PAUSED`.
    #[attribute(required, one_of = &[ACTIVE, PAUSED])]
    status: Field<String>,
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
            let mut state = ClusterModel::default();
            connectivity.write(&mut state);
            assert_eq!(Connectivity::of(&state), Some(connectivity));
            let says_nothing = state == ClusterModel::default();
            assert_eq!(says_nothing, connectivity == Connectivity::default());
            let mut provisioned = Provisioned::default();
            provisioned.broker_node_group_info.connectivity_info = connectivity.info();
            provisioned.rebalancing = connectivity.rebalancing();
            assert_eq!(Connectivity::of_cluster(&provisioned), connectivity);
        }
    }

    #[test]
    fn an_unknown_part_makes_the_whole_unknown() {
        let rebalancing = RebalancingBlock {
            status: Field::unknown(),
        };
        let state = ClusterModel {
            rebalancing: rebalancing.into(),
            ..ClusterModel::default()
        };
        assert_eq!(Connectivity::of(&state), None);
    }
}
