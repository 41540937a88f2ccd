//! ARNs, taken apart and put together.

use plugin_framework::{
    FunctionError, Parameter, Signature,
    value::{Object, Type, Value},
};

use super::pure::{Pure, text};
use crate::arn;

/// `parse_cluster_arn(arn)`.
pub(super) fn parse_cluster_arn() -> Pure {
    let parts = ["partition", "region", "account_id", "cluster_name", "cluster_uuid"];
    Pure {
        name: "parse_cluster_arn",
        signature: Signature {
            summary: "Takes the ARN of a cluster apart",
            description: "Gives `partition`, `region`, `account_id`, `cluster_name` and `cluster_uuid` of the ARN of a cluster.",
            parameters: vec![Parameter::new("arn", Type::String, "ARN of a cluster.")],
            variadic: None,
            returns: Type::Object(parts.map(|part| (part.to_owned(), Type::String)).into()),
        },
        call: |arguments| {
            let arn = text(arguments, 0);
            let head: Vec<&str> = arn.split(':').collect();
            let (Some(cluster), [_, partition, _, region, account, ..]) = (arn::cluster(arn), head.as_slice()) else {
                return Err(not_a_cluster(arn));
            };
            let mut parts = Object::new();
            parts
                .set_string("partition", partition)
                .set_string("region", region)
                .set_string("account_id", account)
                .set_string("cluster_name", &cluster.name)
                .set_string("cluster_uuid", &cluster.uuid);
            Ok(parts.into_value())
        },
    }
}

/// `topic_arn(cluster_arn, topic_name)`.
pub(super) fn topic_arn() -> Pure {
    Pure {
        name: "topic_arn",
        signature: Signature {
            summary: "The ARN of a topic",
            description: "The ARN of a topic, made of its cluster's and its name, also of a topic that does not exist yet: \
                          for policies.",
            parameters: vec![
                Parameter::new("cluster_arn", Type::String, "ARN of the cluster."),
                Parameter::new(
                    "topic_name",
                    Type::String,
                    "Name of the topic, or a pattern such as `orders-*`.",
                ),
            ],
            variadic: None,
            returns: Type::String,
        },
        call: |arguments| {
            let (cluster_arn, topic) = (text(arguments, 0), text(arguments, 1));
            if arn::cluster(cluster_arn).is_none() {
                return Err(not_a_cluster(cluster_arn));
            }
            if topic.is_empty() {
                return Err(FunctionError::argument(1, "topic_name must not be empty"));
            }
            let made = cluster_arn.replacen(":cluster/", ":topic/", 1);
            Ok(Value::string(format!("{made}/{topic}")))
        },
    }
}

fn not_a_cluster(arn: &str) -> FunctionError {
    FunctionError::argument(
        0,
        format!("{arn:?} is not the ARN of a cluster, arn:PARTITION:kafka:REGION:ACCOUNT:cluster/NAME/UUID"),
    )
}

#[cfg(test)]
mod tests {
    use plugin_framework::Function;

    use super::*;

    const ARN: &str = "arn:aws:kafka:eu-west-1:111122223333:cluster/orders/9d2e-1";

    #[test]
    fn arns_come_apart_and_together() {
        let parts = parse_cluster_arn().call(&[Value::string(ARN)]).unwrap();
        let parts = Object::from_value(parts).unwrap();
        assert_eq!(parts.string("region"), Some("eu-west-1"));
        assert_eq!(parts.string("account_id"), Some("111122223333"));
        assert_eq!(parts.string("cluster_uuid"), Some("9d2e-1"));
        let made = topic_arn().call(&[Value::string(ARN), Value::string("lines")]).unwrap();
        let expected = "arn:aws:kafka:eu-west-1:111122223333:topic/orders/9d2e-1/lines";
        assert_eq!(made.as_str(), Some(expected));
        for function in [parse_cluster_arn(), topic_arn()] {
            let wrong = function
                .call(&[Value::string("orders"), Value::string("lines")])
                .unwrap_err();
            assert_eq!(wrong.argument, Some(0));
        }
    }
}
