//! Another number of replicas for a topic that exists: asked for again and again, since a few partitions go at a time, until all of them
//! are in sync. What is begun goes on when nobody asks any more, and the next apply asks on from there.

use std::time::Duration;

use control_plane_api::extensions::ReplicationFactorUpdate;
use control_plane_client::{Client, Error};
use plugin_framework::{Context, Diagnostics, value::Path};

use super::model::TopicModel;
use crate::{diagnostics, patience::patiently, timeouts};

/// Pause after the first answer; it doubles each time.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// Longest pause between two questions.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Gives a topic `factor` replicas of each partition. Gives up when no partition arrives for as long as anything may take.
pub(super) async fn change(
    context: &Context,
    client: &Client,
    (cluster_arn, name): (&str, &str),
    factor: i64,
) -> Result<(), Diagnostics> {
    let doing = format!("change the replicas of topic {name:?}");
    let failed = |error: &Error| diagnostics::of_call(&doing, error);
    let (mut remaining, mut waited, mut pause) = (None, Duration::ZERO, PAUSE_MIN);
    loop {
        let asked = client.update_replication_factor(cluster_arn, name, factor);
        let answer = patiently(context, timeouts::DEFAULT, &doing, asked)
            .await
            .map_err(|error| failed(&error))?;
        if answer.remaining_partitions == 0 {
            return Ok(());
        }
        if remaining != Some(answer.remaining_partitions) {
            tracing::info!(
                topic = name,
                remaining = answer.remaining_partitions,
                "changing replicas of partitions"
            );
            (remaining, waited) = (Some(answer.remaining_partitions), Duration::ZERO);
        }
        let is_stopped = tokio::time::timeout(pause, context.stop.cancelled()).await.is_ok();
        waited += pause;
        pause = (pause * 2).min(PAUSE_MAX);
        if is_stopped || waited >= timeouts::DEFAULT {
            return Err(failed(&Error::Timeout {
                what: describe(name, factor, &answer),
                after: waited,
            }));
        }
    }
}

/// What is going on, and how far it is.
fn describe(name: &str, factor: i64, answer: &ReplicationFactorUpdate) -> String {
    let done = answer.partition_count.saturating_sub(answer.remaining_partitions);
    let mut text = format!(
        "changing topic {name:?} to {factor} replicas: {done} of {} partitions have them, ",
        answer.partition_count
    );
    if let Some(waits_for) = &answer.waits_for {
        text.push_str(waits_for);
        text.push_str("; this");
    } else {
        text.push_str("and the rest");
    }
    text
}

/// What a topic that wants more replicas in sync than it has will do.
pub(super) fn warn(config: &TopicModel) -> Diagnostics {
    let configs = config.configs.or_default();
    let wanted = configs
        .get("min.insync.replicas")
        .and_then(|text| text.trim().parse::<i64>().ok());
    let mut diagnostics = Diagnostics::none();
    if let Some((wanted, replicas)) = wanted
        .zip(config.replication_factor.copied())
        .filter(|(wanted, replicas)| wanted > replicas)
    {
        diagnostics.attribute_warning(
            Path::attribute("replication_factor"),
            "Fewer replicas than min.insync.replicas",
            format!(
                "min.insync.replicas is {wanted}, and each partition has {replicas} of them. Brokers then ask for all {replicas}, as Kafka \
                 does: while one of them is away, producers with acks=all are refused. Set replication_factor to more than \
                 min.insync.replicas."
            ),
        );
    }
    diagnostics
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn fewer_replicas_than_are_to_be_in_sync_are_warned_about() {
        let topic = |factor: i64, min: &str| {
            let configs = BTreeMap::from([("min.insync.replicas".to_owned(), min.to_owned())]);
            let topic = TopicModel {
                replication_factor: factor.into(),
                configs: configs.into(),
                ..TopicModel::default()
            };
            format!("{:?}", warn(&topic))
        };
        assert!(topic(1, "2").contains("Brokers then ask for all 1"));
        assert_eq!(topic(2, "2"), format!("{:?}", Diagnostics::none()));
    }

    #[test]
    fn whoever_gives_up_says_how_far_it_is() {
        let answer = ReplicationFactorUpdate {
            partition_count: 12,
            remaining_partitions: 9,
            waits_for: Some("t-3 waits for broker 3, which is away".to_owned()),
        };
        let text = describe("t", 3, &answer);
        assert!(
            text.contains("3 of 12 partitions") && text.contains("broker 3"),
            "{text}"
        );
    }
}
