//! `msk_topic`: a topic of a cluster, managed through the control plane.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use control_plane_api::{
    server_properties::{topic_definition, topic_definitions, validate_topic_config},
    topics::{CreateTopicRequest, DescribeTopicResponse, UpdateTopicRequest},
};
use control_plane_client::{Client, Result};
use plugin_framework::{
    ApplyRequest, Context, DeleteRequest, Diagnostics, Plan, ReadRequest, Resource, StateSink,
    schema::{Attribute, Schema},
    value::{Object, Path, Value},
};

use super::{
    batch::Batch,
    cluster_of::name_cluster,
    creations::{Creations, settle},
    deletion_protection,
    foresight::Foresight,
    replication, without_effect,
};
use crate::{arn, control_plane::ControlPlane, diagnostics, moved, patience::patiently, timeouts};

/// Longest name, as Kafka has it.
const NAME_CHARS_MAX: usize = 249;
/// Most replicas of a partition.
const REPLICAS_MAX: i64 = 32_767;

/// So many reads of topics of a cluster ask one by one, before one asks for all of them.
const READS_MIN: usize = 8;
/// Topics that are read at once, at most; a cluster with more is asked topic by topic.
const READ_AT_ONCE_MAX: usize = 10_000;

/// How alike two names are when one is suggested for the other.
const SIMILARITY_MIN: f64 = 0.8;

/// The resource type.
pub(crate) struct Topic {
    control_plane: Arc<ControlPlane>,
    creations: Arc<Creations>,
    foresight: Arc<Foresight>,
    reads: Batch<DescribeTopicResponse>,
    schema: Schema,
}

impl Topic {
    pub(crate) fn new(
        control_plane: Arc<ControlPlane>,
        (creations, foresight): (Arc<Creations>, Arc<Foresight>),
    ) -> Self {
        Self {
            control_plane,
            creations,
            foresight,
            reads: Batch::new(READS_MIN),
            schema: schema(),
        }
    }

    /// Says why the topic could not be made.
    async fn foresee(&self, planned: &Object) -> Diagnostics {
        let needed = [
            "cluster_arn",
            "name",
            "partition_count",
            "replication_factor",
            "configs",
        ];
        if !needed.into_iter().all(|name| planned.get(name).is_wholly_known()) {
            return Diagnostics::none();
        }
        let (cluster_arn, name) = identity(planned);
        if let Some(brokers) = self.foresight.brokers_after_change(&cluster_arn) {
            return brokers.map_or_else(Diagnostics::none, |brokers| too_many_replicas(planned, brokers));
        }
        let wanted = create_request(planned);
        let key = format!("{cluster_arn}|{name}");
        let token = self.creations.token("msk_topic", &key);
        let arn = cluster_arn.clone();
        let asked = |client: Client| async move { client.validate_topic(&arn, &wanted, &token).await };
        let (named, doing) = (("msk_topic", key.as_str()), format!("create topic {name:?}"));
        self.foresight.check(&self.control_plane, named, &doing, asked).await
    }

    /// Says why the topic could not have the number of replicas that it is to have.
    async fn foresee_replicas(&self, prior: &Object, planned: &Object) -> Diagnostics {
        let wanted = planned.i64("replication_factor");
        let Some(factor) = wanted.filter(|_| wanted != prior.i64("replication_factor")) else {
            return Diagnostics::none();
        };
        let (cluster_arn, name) = identity(prior);
        if let Some(brokers) = self.foresight.brokers_after_change(&cluster_arn) {
            return brokers.map_or_else(Diagnostics::none, |brokers| too_many_replicas(planned, brokers));
        }
        let doing = format!("change the replicas of topic {name:?}");
        let asked =
            |client: Client| async move { client.validate_replication_factor(&cluster_arn, &name, factor).await };
        self.foresight.check_change(&self.control_plane, &doing, asked).await
    }

    /// The topic, out of what one question for all has answered where many are read.
    async fn find(&self, client: &Client, cluster_arn: &str, name: &str) -> Result<Option<DescribeTopicResponse>> {
        let all = async {
            let found = client.describe_topics(cluster_arn, READ_AT_ONCE_MAX).await?;
            let topics = found.topics.into_iter().map(|topic| (topic.topic_name.clone(), topic));
            Ok(found.complete.then(|| topics.collect()))
        };
        match self.reads.take(cluster_arn, name, all).await {
            Some(found) => Ok(found),
            None => client.describe_topic(cluster_arn, name).await.map(Some),
        }
    }
}

#[async_trait]
impl Resource for Topic {
    fn type_name(&self) -> &'static str {
        "msk_topic"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn identity(&self) -> &'static [&'static str] {
        &["cluster_arn", "name"]
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        let configs = config.map_of_strings("configs").unwrap_or_default();
        let mut diagnostics = without_effect::warning("configs", configs.keys().map(String::as_str));
        diagnostics.extend(replication::warn(config));
        diagnostics
    }

    async fn plan(&self, _context: &Context, plan: &mut Plan<'_>) -> Diagnostics {
        match plan.prior {
            Some(prior) => {
                let (cluster_arn, name) = identity(prior);
                self.foresight.is_there("msk_topic", &format!("{cluster_arn}|{name}"));
            }
            None => return self.foresee(plan.planned).await,
        }
        let Some(prior) = plan.prior.filter(|_| plan.replaces.is_empty()) else {
            return deletion_protection::check_replacement(plan, "The topic");
        };
        let mut diagnostics = refuse(prior, plan.planned);
        diagnostics.extend(self.foresee_replicas(prior, plan.planned).await);
        diagnostics
    }

    async fn plan_delete(&self, _context: &Context, prior: &Object) -> Diagnostics {
        deletion_protection::check(prior, "The topic")
    }

    async fn create(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        self.foresight.is_applied();
        let planned = request.planned;
        let (cluster_arn, name) = identity(&planned);
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let wanted = create_request(&planned);
        self.reads.forget(&cluster_arn).await;
        let doing = format!("create topic {name:?}");
        let begun = self
            .creations
            .begin(self.type_name(), &format!("{cluster_arn}|{name}"), sink);
        let token = match begun {
            Ok(token) => token,
            Err(diagnostics) => return diagnostics,
        };
        let made = client.create_topic(&cluster_arn, &wanted, Some(&token));
        match patiently(context, timeouts::DEFAULT, &doing, made).await {
            Ok(made) => {
                let mut state = planned;
                state
                    .set_string("arn", &made.topic_arn)
                    .set_string("id", &made.topic_arn);
                sink.save(state);
                Diagnostics::none()
            }
            Err(error) if error.is_conflict() && error.to_string().contains("already exists") => {
                diagnostics::of_existing("topic", &name, &format!("msk_topic.NAME '{cluster_arn}|{name}'"))
            }
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }

    async fn read(&self, context: &Context, request: ReadRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = request.prior;
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let (_, name) = identity(&state);
        let has = |cluster_arn: String| {
            let (client, name) = (client.clone(), name.clone());
            async move { client.describe_topic(&cluster_arn, &name).await.map(|_| true) }
        };
        if let Err(diagnostics) = name_cluster(&client, &mut state, &format!("topic {name:?}"), has).await {
            return diagnostics;
        }
        let (cluster_arn, name) = identity(&state);
        let doing = format!("read topic {name:?}");
        match patiently(
            context,
            timeouts::DEFAULT,
            &doing,
            self.find(&client, &cluster_arn, &name),
        )
        .await
        {
            Ok(None) => {
                sink.remove();
                Diagnostics::none()
            }
            Ok(Some(found)) => {
                self.foresight.is_there("msk_topic", &format!("{cluster_arn}|{name}"));
                write(&mut state, &found);
                settle(&client, sink).await;
                sink.save(state);
                Diagnostics::none()
            }
            Err(error) if error.is_not_found() => {
                sink.remove();
                Diagnostics::none()
            }
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }

    async fn update(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let (planned, prior) = (request.planned, request.prior.unwrap_or_default());
        let (cluster_arn, name) = identity(&planned);
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        self.reads.forget(&cluster_arn).await;
        let doing = format!("change topic {name:?}");
        let mut state = prior.clone();
        // New partitions get as many replicas as the others have, so these come first.
        if let Some(factor) = planned.i64("replication_factor")
            && prior.i64("replication_factor") != Some(factor)
        {
            if let Err(diagnostics) = replication::change(context, &client, (&cluster_arn, &name), factor).await {
                return diagnostics;
            }
            state.set_i64("replication_factor", factor);
            sink.save(state.clone());
        }
        let mut updates = Vec::new();
        if planned.i64("partition_count") != prior.i64("partition_count") {
            updates.push(UpdateTopicRequest {
                partition_count: planned.i64("partition_count"),
                configs: None,
            });
        }
        if planned.get("configs") != prior.get("configs") {
            updates.push(UpdateTopicRequest {
                partition_count: None,
                configs: Some(encode(&planned)),
            });
        }
        for update in updates {
            let call = client.update_topic(&cluster_arn, &name, &update);
            if let Err(error) = patiently(context, timeouts::DEFAULT, &doing, call).await {
                return diagnostics::of_call(&doing, &error);
            }
            // What is done stays known when the next one fails.
            let done = if update.configs.is_some() {
                "configs"
            } else {
                "partition_count"
            };
            state.set(done, planned.get(done).clone());
            sink.save(state.clone());
        }
        sink.save(planned);
        Diagnostics::none()
    }

    async fn delete(&self, context: &Context, request: DeleteRequest) -> Diagnostics {
        let (cluster_arn, name) = identity(&request.prior);
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        self.reads.forget(&cluster_arn).await;
        let doing = format!("delete topic {name:?}");
        match patiently(
            context,
            timeouts::DEFAULT,
            &doing,
            client.delete_topic(&cluster_arn, &name),
        )
        .await
        {
            Err(error) if !error.is_not_found() => diagnostics::of_call(&doing, &error),
            _ => Diagnostics::none(),
        }
    }

    fn moved_id(&self, source: &str, state: &serde_json::Value) -> Option<String> {
        moved::id_of(source, "aws_msk_topic", state, &["cluster_arn", "name"])
    }

    fn moved_state(&self, source: &str, state: &serde_json::Value) -> Option<Object> {
        let name = moved::text(source, "kafka_topic", state, "name")?;
        let mut moved = Object::from_value(self.schema.empty_value()).unwrap_or_default();
        moved.set_string("name", name);
        Some(moved)
    }

    async fn import(&self, _context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        let (cluster_arn, name) = arn::in_cluster(id).ok_or_else(|| {
            Diagnostics::from_error(
                "This is not the id of a topic",
                format!("{id:?} is not the ARN of a cluster and the name of a topic with | between them."),
            )
        })?;
        let mut state = Object::from_value(self.schema.empty_value()).unwrap_or_default();
        state.set_string("cluster_arn", cluster_arn).set_string("name", name);
        Ok(state)
    }
}

fn schema() -> Schema {
    let stable = |description| Attribute::string().computed().stable().description(description);
    Schema::new()
        .description("A topic of a cluster.")
        .attribute(
            "cluster_arn",
            Attribute::string()
                .required()
                .replaces("a topic belongs to one cluster")
                .description("ARN of the cluster."),
        )
        .attribute(
            "name",
            Attribute::string()
                .required()
                .replaces("the name is the identity of a topic")
                .check(|value| check_name(value.as_str().unwrap_or_default()))
                .description("Name of the topic: 1 to 249 letters, digits, `.`, `_` and `-`."),
        )
        .attribute(
            "partition_count",
            Attribute::number()
                .required()
                .between(1, i64::from(i32::MAX))
                .description("Number of partitions. It can grow in place; a smaller number is refused."),
        )
        .attribute(
            "replication_factor",
            Attribute::number().required().between(1, REPLICAS_MAX).description(
                "Number of brokers that keep a copy of each partition; it changes in place, while clients work.",
            ),
        )
        .attribute(
            "configs",
            Attribute::map_of_strings()
                .optional()
                .check(check_configs)
                .description("Settings of the topic that differ from the cluster's, such as `retention.ms`."),
        )
        .attribute("deletion_protection", deletion_protection::attribute())
        .attribute("arn", stable("ARN of the topic."))
        .attribute("id", stable("ARN of the topic."))
}

/// The request for a new topic.
fn create_request(planned: &Object) -> CreateTopicRequest {
    CreateTopicRequest {
        topic_name: planned.string("name").unwrap_or_default().to_owned(),
        partition_count: planned.i64("partition_count").unwrap_or_default(),
        replication_factor: planned.i64("replication_factor").unwrap_or_default(),
        configs: Some(encode(planned)),
    }
}

/// A cluster that changes in the same apply will have too few brokers for the topic.
fn too_many_replicas(planned: &Object, brokers: i64) -> Diagnostics {
    let replicas = planned.i64("replication_factor").unwrap_or_default();
    if replicas <= brokers {
        return Diagnostics::none();
    }
    Diagnostics::from_attribute_error(
        Path::attribute("replication_factor"),
        "There will be too few brokers for the topic",
        format!(
            "Each replica needs a broker of its own: replication_factor is {replicas}, and the cluster will have {brokers} brokers."
        ),
    )
}

fn identity(object: &Object) -> (String, String) {
    let text = |name: &str| object.string(name).unwrap_or_default().to_owned();
    (text("cluster_arn"), text("name"))
}

/// What Kafka cannot do to a topic that exists.
fn refuse(prior: &Object, planned: &Object) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let both = |name: &str| prior.i64(name).zip(planned.i64(name));
    if let Some((has, wants)) = both("partition_count").filter(|(has, wants)| wants < has) {
        diagnostics.attribute_error(
            Path::attribute("partition_count"),
            "Partitions cannot be taken away from a topic",
            format!("The topic has {has} partitions, and partition_count is {wants}. Set it to {has} or more."),
        );
    }
    diagnostics
}

fn check_name(name: &str) -> Vec<String> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return vec![format!("a name has 1 to {NAME_CHARS_MAX} characters")];
    }
    if name == "." || name == ".." {
        return vec![format!("{name:?} is not allowed as a name")];
    }
    match name.chars().find(|character| !allowed(*character)) {
        Some(wrong) => vec![format!(
            "{wrong:?} may not be in a name, which has letters, digits, '.', '_' and '-' only"
        )],
        None => Vec::new(),
    }
}

fn check_configs(value: &Value) -> Vec<String> {
    let entries = value.as_map().into_iter().flatten();
    entries
        .filter_map(|(name, value)| match topic_definition(name) {
            None => Some(unknown(name)),
            Some(_) => validate_topic_config(name, value.as_str()?)
                .err()
                .map(|problem| format!("{name}: {problem}")),
        })
        .collect()
}

fn unknown(name: &str) -> String {
    let known = topic_definitions().iter().map(|definition| definition.name);
    let nearest = known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match nearest {
        Some((similarity, known)) if similarity >= SIMILARITY_MIN => {
            format!("{name:?} is not a setting of topics; did you mean {known}?")
        }
        _ => format!("{name:?} is not a setting of topics"),
    }
}

/// The settings, as the API takes them.
fn encode(object: &Object) -> String {
    let configs = object.map_of_strings("configs").unwrap_or_default();
    STANDARD.encode(serde_json::to_vec(&configs).unwrap_or_default())
}

/// What a state says after an answer of the control plane.
/// The topic's own configuration.
pub(crate) fn topic_configs(topic: &DescribeTopicResponse) -> BTreeMap<String, String> {
    let bytes = STANDARD.decode(&topic.configs).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn write(state: &mut Object, topic: &DescribeTopicResponse) {
    state
        .set_string("arn", &topic.topic_arn)
        .set_string("id", &topic.topic_arn)
        .set_string("name", &topic.topic_name)
        .set_i64("partition_count", topic.partition_count)
        .set_i64("replication_factor", topic.replication_factor);
    let configs = topic_configs(topic);
    // Null and the empty map are one to the control plane; the state keeps the one it has.
    if state.map_of_strings("configs").unwrap_or_default() != configs {
        let value = if configs.is_empty() {
            Value::Null
        } else {
            Value::map_of_strings(&configs)
        };
        state.set("configs", value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(schema().problems(), Vec::<String>::new());
    }

    #[test]
    fn settings_are_checked_by_name_and_value() {
        let problems = |name: &str, value: &str| {
            let map = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            check_configs(&Value::map_of_strings(&map))
        };
        assert!(problems("retention.ms", "60000").is_empty());
        assert!(problems("retention.mss", "1")[0].contains("did you mean retention.ms"));
        assert_eq!(problems("retention.ms", "soon").len(), 1);
    }

    #[test]
    fn fewer_partitions_are_refused() {
        let topic = |partitions, replicas| {
            let mut object = Object::new();
            object
                .set_i64("partition_count", partitions)
                .set_i64("replication_factor", replicas);
            object
        };
        assert!(!refuse(&topic(3, 3), &topic(4, 3)).has_errors());
        assert!(refuse(&topic(3, 3), &topic(2, 3)).has_errors());
        assert!(!refuse(&topic(3, 3), &topic(3, 2)).has_errors());
    }
}
