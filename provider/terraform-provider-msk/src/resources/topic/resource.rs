//! `msk_topic`: a topic of a cluster, managed through the control plane.

use std::sync::Arc;

use async_trait::async_trait;
use control_plane_api::{
    extensions::TopicToValidate,
    topics::{DescribeTopicResponse, UpdateTopicRequest},
};
use control_plane_client::{Client, Result};
use plugin_framework::{
    ApplyRequest, Context, DeleteRequest, Diagnostics, Plan, ReadRequest, Resource, StateSink, model::Model,
    schema::Schema, value::Object,
};

use super::{
    model::TopicModel,
    plan::{refuse, too_many_replicas},
    replication,
    validations::Validations,
};
use crate::{
    arn,
    control_plane::ControlPlane,
    diagnostics, moved,
    patience::patiently,
    resources::{
        batch::Batch,
        cluster_of::name_cluster,
        creations::{Creations, is_settled, settle},
        deletion_protection,
        foresight::Foresight,
        without_effect,
    },
    timeouts,
};

/// So many reads of topics of a cluster ask one by one, before one asks for all of them.
const READS_MIN: usize = 8;
/// Topics that are read at once, at most; a cluster with more is asked topic by topic.
const READ_AT_ONCE_MAX: usize = 10_000;

/// A topic that is there.
struct Found {
    topic: DescribeTopicResponse,
    /// Its creation was given up: there is nothing to [`settle`].
    is_settled: bool,
}

/// The resource type.
pub(crate) struct Topic {
    control_plane: Arc<ControlPlane>,
    creations: Arc<Creations>,
    foresight: Arc<Foresight>,
    reads: Batch<Found>,
    validations: Validations,
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
            validations: Validations::default(),
            schema: TopicModel::schema(),
        }
    }

    /// Says why the topic could not be made.
    async fn foresee(&self, planned: &TopicModel) -> Diagnostics {
        if !planned.can_be_asked_for() {
            return Diagnostics::none();
        }
        let (cluster_arn, name) = planned.identity();
        if let Some(brokers) = self.foresight.brokers_after_change(&cluster_arn) {
            return brokers.map_or_else(Diagnostics::none, |brokers| too_many_replicas(planned, brokers));
        }
        let wanted = planned.create_request();
        let key = format!("{cluster_arn}|{name}");
        let token = self.creations.token("msk_topic", &key);
        let validations = &self.validations;
        let asked = |client: Client| async move {
            let one_of_many = TopicToValidate {
                topic: wanted.clone(),
                idempotency_token: token.clone(),
            };
            let ask = |topics| client.validate_topics(&cluster_arn, topics);
            if validations.is_fine(&cluster_arn, one_of_many, ask).await {
                return Ok(());
            }
            client.validate_topic(&cluster_arn, &wanted, &token).await
        };
        let (named, doing) = (("msk_topic", key.as_str()), format!("create topic {name:?}"));
        self.foresight.check(&self.control_plane, named, &doing, asked).await
    }

    /// Says why the topic could not have the number of replicas that it is to have.
    async fn foresee_replicas(&self, prior: &TopicModel, planned: &TopicModel) -> Diagnostics {
        let wanted = planned.replication_factor.copied();
        let Some(factor) = wanted.filter(|_| wanted != prior.replication_factor.copied()) else {
            return Diagnostics::none();
        };
        let (cluster_arn, name) = prior.identity();
        if let Some(brokers) = self.foresight.brokers_after_change(&cluster_arn) {
            return brokers.map_or_else(Diagnostics::none, |brokers| too_many_replicas(planned, brokers));
        }
        let doing = format!("change the replicas of topic {name:?}");
        let asked =
            |client: Client| async move { client.validate_replication_factor(&cluster_arn, &name, factor).await };
        self.foresight.check_change(&self.control_plane, &doing, asked).await
    }

    /// The topic, out of what one question for all has answered where many are read.
    async fn find(&self, client: &Client, cluster_arn: &str, name: &str) -> Result<Option<Found>> {
        let all = async {
            let described = client.describe_topics(cluster_arn, READ_AT_ONCE_MAX).await?;
            let repeatable = described.repeatable;
            let topics = described.topics.into_iter().map(|topic| {
                let name = topic.topic_name.clone();
                let is_settled = repeatable.as_ref().is_some_and(|names| !names.contains(&name));
                (name, Found { topic, is_settled })
            });
            Ok(described.complete.then(|| topics.collect()))
        };
        match self.reads.take(cluster_arn, name, all).await {
            Some(found) => Ok(found),
            None => {
                let topic = client.describe_topic(cluster_arn, name).await?;
                let is_settled = false;
                Ok(Some(Found { topic, is_settled }))
            }
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
        let config = TopicModel::from_object(config);
        let configs = config.configs.or_default();
        let mut diagnostics = without_effect::warning("configs", configs.keys().map(String::as_str));
        diagnostics.extend(replication::warn(&config));
        diagnostics
    }

    async fn plan(&self, _context: &Context, plan: &mut Plan<'_>) -> Diagnostics {
        let planned = TopicModel::from_object(plan.planned);
        let Some(prior) = plan.prior.map(TopicModel::from_object) else {
            return self.foresee(&planned).await;
        };
        let (cluster_arn, name) = prior.identity();
        self.foresight.is_there("msk_topic", &format!("{cluster_arn}|{name}"));
        if !plan.replaces.is_empty() {
            return deletion_protection::check_replacement(plan, "The topic");
        }
        let mut diagnostics = refuse(&prior, &planned);
        diagnostics.extend(self.foresee_replicas(&prior, &planned).await);
        diagnostics
    }

    async fn plan_delete(&self, _context: &Context, prior: &Object) -> Diagnostics {
        deletion_protection::check(prior, "The topic")
    }

    async fn create(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        self.foresight.is_applied();
        let mut state = TopicModel::from_object(&request.planned);
        let (cluster_arn, name) = state.identity();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let wanted = state.create_request();
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
                state.arn = made.topic_arn.as_str().into();
                state.id = made.topic_arn.as_str().into();
                sink.save(state.to_object());
                Diagnostics::none()
            }
            Err(error) if error.is_conflict() && error.to_string().contains("already exists") => {
                diagnostics::of_existing("topic", &name, &format!("msk_topic.NAME '{cluster_arn}|{name}'"))
            }
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }

    async fn read(&self, context: &Context, request: ReadRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = TopicModel::from_object(&request.prior);
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let name = state.name.or_default();
        let has = |cluster_arn: String| {
            let (client, name) = (client.clone(), name.clone());
            async move { client.describe_topic(&cluster_arn, &name).await.map(|_| true) }
        };
        let what = format!("topic {name:?}");
        if let Err(diagnostics) = name_cluster(&client, &mut state.cluster_arn, &what, has).await {
            return diagnostics;
        }
        let cluster_arn = state.cluster_arn.or_default();
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
                state.write(&found.topic);
                if found.is_settled {
                    is_settled(sink);
                } else {
                    settle(&client, sink).await;
                }
                sink.save(state.to_object());
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
        let planned = TopicModel::from_object(&request.planned);
        let mut state = TopicModel::from_object(&request.prior.unwrap_or_default());
        let (cluster_arn, name) = planned.identity();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        self.reads.forget(&cluster_arn).await;
        let doing = format!("change topic {name:?}");
        // New partitions get as many replicas as the others have, so these come first. What is done stays known when the next fails.
        let factor = planned.replication_factor.copied();
        if let Some(factor) = factor.filter(|_| planned.replication_factor != state.replication_factor) {
            if let Err(diagnostics) = replication::change(context, &client, (&cluster_arn, &name), factor).await {
                return diagnostics;
            }
            state.replication_factor = factor.into();
            sink.save(state.to_object());
        }
        let update = |update: UpdateTopicRequest| {
            let (client, cluster_arn, name) = (&client, &cluster_arn, &name);
            async move { client.update_topic(cluster_arn, name, &update).await }
        };
        if planned.partition_count != state.partition_count {
            let call = update(UpdateTopicRequest {
                partition_count: planned.partition_count.copied(),
                configs: None,
            });
            if let Err(error) = patiently(context, timeouts::DEFAULT, &doing, call).await {
                return diagnostics::of_call(&doing, &error);
            }
            state.partition_count = planned.partition_count.clone();
            sink.save(state.to_object());
        }
        if planned.configs != state.configs {
            let call = update(UpdateTopicRequest {
                partition_count: None,
                configs: Some(planned.encoded_configs()),
            });
            if let Err(error) = patiently(context, timeouts::DEFAULT, &doing, call).await {
                return diagnostics::of_call(&doing, &error);
            }
        }
        sink.save(planned.to_object());
        Diagnostics::none()
    }

    async fn delete(&self, context: &Context, request: DeleteRequest) -> Diagnostics {
        let (cluster_arn, name) = TopicModel::from_object(&request.prior).identity();
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
        let moved = TopicModel {
            name: name.into(),
            ..TopicModel::default()
        };
        Some(moved.to_object())
    }

    async fn import(&self, _context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        let (cluster_arn, name) = arn::in_cluster(id).ok_or_else(|| {
            Diagnostics::from_error(
                "This is not the id of a topic",
                format!("{id:?} is not the ARN of a cluster and the name of a topic with | between them."),
            )
        })?;
        Ok(TopicModel::named(cluster_arn, name).to_object())
    }
}
