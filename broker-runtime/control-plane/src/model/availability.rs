//! What really happens behind each operation. The table in `docs/guides/api.md` is made from this and compared by a test.

/// How much of an operation there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// It does what Amazon MSK does.
    Real,
    /// It does part of it; the text says what is refused.
    Partly(&'static str),
    /// Requests are validated and then refused; the text says why.
    Refused(&'static str),
    /// There is never anything to find; lists are empty.
    Empty(&'static str),
}

use Availability::{Empty, Partly, Real, Refused};

const VPC: &str = "Connections from other networks are not available yet: clients connect to the brokers' addresses";
const REPLICATION: &str = "Replicators are not available yet";
const CHANNELS: &str = "Channels to object stores are not available yet";

/// What there is of the operation `name`.
pub(crate) fn availability(name: &str) -> Availability {
    match name {
        "CreateCluster" => Partly("tiered storage is refused"),
        "CreateClusterV2" => Partly("as CreateCluster; the brokers of a serverless cluster follow the load"),
        "UpdateBrokerStorage" | "UpdateStorage" => Partly(
            "brokers whose logs have the size refuse producers, a larger one takes effect at once; \
             throughput and tiered storage are refused",
        ),
        "UpdateBrokerType" => {
            Partly("processors, memory and the number of partitions follow the type, as far as the machine has them")
        }
        "UpdateConnectivity" => Partly("public access needs `serve --public-address`; private connectivity is refused"),
        "UpdateMonitoring" => Partly(
            "levels say how much brokers report to the control plane's page of metrics; exporters for Prometheus and delivery of logs to directories are real; CloudWatch and Firehose are refused",
        ),
        "UpdateSecurity" => Partly(
            "who connects with IAM needs every permission for the data of the cluster; authorities of client certificates are imported with `broker-runtime authorities`",
        ),
        "UpdateRebalancing" => Partly("brokers get equal numbers of replicas and leaderships, whatever their load"),
        "CreateVpcConnection" | "RejectClientVpcConnection" => Refused(VPC),
        "DeleteVpcConnection" | "DescribeVpcConnection" | "ListVpcConnections" | "ListClientVpcConnections" => {
            Empty(VPC)
        }
        "CreateReplicator" => Refused(REPLICATION),
        "DeleteReplicator" | "DescribeReplicator" | "ListReplicators" | "UpdateReplicationInfo" => Empty(REPLICATION),
        "CreateChannel" => Refused(CHANNELS),
        "DeleteChannel" | "DescribeChannel" | "ListChannels" | "UpdateChannel" => Empty(CHANNELS),
        _ => Real,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::model::model;

    /// The table of the docs.
    fn table() -> String {
        let mut text = "| operation | request | what happens |\n|---|---|---|\n".to_owned();
        for operation in &model().operations {
            let what = match availability(operation.name) {
                Real => "real".to_owned(),
                Partly(limits) => format!("real; {limits}"),
                Refused(why) => format!("refused. {why}"),
                Empty(why) => format!("finds nothing. {why}"),
            };
            let pages = if operation.pages { ", pages" } else { "" };
            writeln!(
                text,
                "| `{}` | `{} {}`{pages} | {what} |",
                operation.name, operation.method, operation.path
            )
            .unwrap();
        }
        text
    }

    #[test]
    fn docs_say_of_each_operation_what_is_real() {
        let page = include_str!("../../../../docs/guides/api.md");
        let table = table();
        assert!(page.contains(&table), "docs/guides/api.md must hold:\n{table}");
    }
}
