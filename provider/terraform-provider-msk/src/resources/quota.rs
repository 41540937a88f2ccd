//! `msk_quota`: how much a user, a client id, or a user's clients with an id may ask of each broker.

use std::sync::Arc;

use async_trait::async_trait;
use control_plane_api::quotas::Quota as ClientQuota;
use control_plane_client::{Client, Result};
use plugin_framework::{
    ApplyRequest, Context, DeleteRequest, Diagnostics, Plan, ReadRequest, Resource, StateSink,
    schema::{Attribute, Schema},
    value::{Number, Object, Path, Value},
};

use super::batch::Batch;
use crate::{arn, control_plane::ControlPlane, diagnostics, patience::patiently, timeouts};

/// Between the parts of an id.
const SEPARATOR: char = '|';
const VALUES: [&str; 3] = ["producer_byte_rate", "consumer_byte_rate", "request_percentage"];

/// Every whole number up to it is exact as a float, which Kafka's quotas are: 2^53.
const RATE_MAX: i64 = 9_007_199_254_740_992;

/// The resource type.
pub(crate) struct Quota {
    control_plane: Arc<ControlPlane>,
    reads: Batch<ClientQuota>,
    schema: Schema,
}

impl Quota {
    pub(crate) fn new(control_plane: Arc<ControlPlane>) -> Self {
        Self {
            control_plane,
            // One quota is found in all of them in any case.
            reads: Batch::new(0),
            schema: schema(),
        }
    }

    /// The quota of the same entity, out of what one question has answered where many are read.
    async fn look_up(&self, client: &Client, cluster_arn: &str, quota: &ClientQuota) -> Result<Option<ClientQuota>> {
        let all = async {
            let quotas = client.list_quotas(cluster_arn).await?;
            Ok(Some(
                quotas
                    .into_iter()
                    .map(|quota| (id(cluster_arn, &quota), quota))
                    .collect(),
            ))
        };
        match self.reads.take(cluster_arn, &id(cluster_arn, quota), all).await {
            Some(found) => Ok(found),
            None => find(client, cluster_arn, quota).await,
        }
    }

    /// Gives the entity the values of `wanted`.
    async fn put(
        &self,
        context: &Context,
        doing: &str,
        wanted: (String, ClientQuota),
    ) -> std::result::Result<(), Diagnostics> {
        let client = self.control_plane.client().await?;
        let (cluster_arn, quota) = wanted;
        self.reads.forget(&cluster_arn).await;
        let put = client.put_quota(&cluster_arn, &quota);
        let put = patiently(context, timeouts::DEFAULT, doing, put).await;
        put.map_err(|error| diagnostics::of_call(doing, &error))
    }
}

#[async_trait]
impl Resource for Quota {
    fn type_name(&self) -> &'static str {
        "msk_quota"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn identity(&self) -> &'static [&'static str] {
        &["cluster_arn", "user", "client_id"]
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        let mut diagnostics = Diagnostics::none();
        if config.is_null("user") && config.is_null("client_id") {
            diagnostics.attribute_error(
                Path::attribute("user"),
                "A quota is for somebody",
                "Name a user, a client_id, or both; \"<default>\" stands for all that have no quota of their own.",
            );
        }
        if VALUES.iter().all(|name| config.is_null(name)) {
            diagnostics.attribute_error(
                Path::attribute("producer_byte_rate"),
                "A quota limits something",
                format!("Set one of {}.", VALUES.join(", ")),
            );
        }
        diagnostics
    }

    async fn plan(&self, _context: &Context, _plan: &mut Plan<'_>) -> Diagnostics {
        Diagnostics::none()
    }

    async fn create(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let mut planned = request.planned;
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let (cluster_arn, quota) = parts(&planned);
        let doing = format!("create {}", describe(&quota));
        match patiently(context, timeouts::DEFAULT, &doing, find(&client, &cluster_arn, &quota)).await {
            Ok(None) => {}
            // An earlier try has got this far.
            Ok(Some(found)) if found == quota => {}
            Ok(Some(_)) => {
                return Diagnostics::from_error(
                    format!("There is a quota of {} already", whose(&quota)),
                    format!(
                        "It was not made by this configuration. Take it over with: terraform import msk_quota.NAME '{}'",
                        id(&cluster_arn, &quota)
                    ),
                );
            }
            Err(error) => return diagnostics::of_call(&doing, &error),
        }
        if let Err(diagnostics) = self.put(context, &doing, (cluster_arn.clone(), quota.clone())).await {
            return diagnostics;
        }
        planned.set_string("id", id(&cluster_arn, &quota));
        sink.save(planned);
        Diagnostics::none()
    }

    async fn read(&self, context: &Context, request: ReadRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = request.prior;
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let (cluster_arn, quota) = parts(&state);
        let doing = format!("read {}", describe(&quota));
        let found = self.look_up(&client, &cluster_arn, &quota);
        match patiently(context, timeouts::DEFAULT, &doing, found).await {
            Ok(Some(found)) => {
                for (name, value) in VALUES.into_iter().zip(values(&found)) {
                    state.set(
                        name,
                        value.map_or(Value::Null, |value| Value::Number(Number::from_f64(value))),
                    );
                }
                state.set_string("id", id(&cluster_arn, &quota));
                sink.save(state);
                Diagnostics::none()
            }
            Ok(None) => {
                sink.remove();
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
        let (cluster_arn, quota) = parts(&request.planned);
        let doing = format!("change {}", describe(&quota));
        match self.put(context, &doing, (cluster_arn, quota)).await {
            Ok(()) => {
                sink.save(request.planned);
                Diagnostics::none()
            }
            Err(diagnostics) => diagnostics,
        }
    }

    async fn delete(&self, context: &Context, request: DeleteRequest) -> Diagnostics {
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let (cluster_arn, quota) = parts(&request.prior);
        let doing = format!("delete {}", describe(&quota));
        let nothing = ClientQuota {
            user: quota.user,
            client_id: quota.client_id,
            ..ClientQuota::default()
        };
        self.reads.forget(&cluster_arn).await;
        let deleted = client.put_quota(&cluster_arn, &nothing);
        match patiently(context, timeouts::DEFAULT, &doing, deleted).await {
            Err(error) if !error.is_not_found() => diagnostics::of_call(&doing, &error),
            _ => Diagnostics::none(),
        }
    }

    async fn import(&self, _context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        let parts: Vec<&str> = id.trim().split(SEPARATOR).collect();
        let &[cluster_arn, user, client_id] = parts.as_slice() else {
            return Err(no_id(id));
        };
        if arn::cluster(cluster_arn).is_none() || (user.is_empty() && client_id.is_empty()) {
            return Err(no_id(id));
        }
        let mut state = Object::from_value(self.schema.empty_value()).unwrap_or_default();
        state.set_string("cluster_arn", cluster_arn);
        state.set_optional_string("user", Some(user).filter(|user| !user.is_empty()));
        state.set_optional_string("client_id", Some(client_id).filter(|id| !id.is_empty()));
        Ok(state)
    }
}

fn no_id(id: &str) -> Diagnostics {
    Diagnostics::from_error(
        "This is not the id of a quota",
        format!(
            "{id:?} has not the form CLUSTER_ARN|USER|CLIENT_ID, such as arn:aws:kafka:…|app| for all clients of the user app, or \
             arn:aws:kafka:…||<default> for every client id."
        ),
    )
}

/// The quota of the same entity.
async fn find(client: &Client, cluster_arn: &str, quota: &ClientQuota) -> Result<Option<ClientQuota>> {
    let all = client.list_quotas(cluster_arn).await?;
    Ok(all.into_iter().find(|other| other.entity() == quota.entity()))
}

/// In the order of [`VALUES`].
fn values(quota: &ClientQuota) -> [Option<f64>; 3] {
    [
        quota.producer_byte_rate,
        quota.consumer_byte_rate,
        quota.request_percentage,
    ]
}

/// The ARN of the cluster and the quota that an object describes.
fn parts(object: &Object) -> (String, ClientQuota) {
    let text = |name: &str| object.string(name).map(str::to_owned);
    let number = |name: &str| object.get(name).as_f64();
    let quota = ClientQuota {
        user: text("user"),
        client_id: text("client_id"),
        producer_byte_rate: number("producer_byte_rate"),
        consumer_byte_rate: number("consumer_byte_rate"),
        request_percentage: number("request_percentage"),
    };
    (text("cluster_arn").unwrap_or_default(), quota)
}

fn id(cluster_arn: &str, quota: &ClientQuota) -> String {
    let (user, client_id) = quota.entity();
    [cluster_arn, user.unwrap_or_default(), client_id.unwrap_or_default()].join(&SEPARATOR.to_string())
}

/// The identity of a quota that exists.
pub(crate) fn identity(cluster_arn: &str, quota: &ClientQuota) -> Object {
    let mut identity = Object::new();
    identity
        .set_string("cluster_arn", cluster_arn)
        .set_optional_string("user", quota.user.as_deref())
        .set_optional_string("client_id", quota.client_id.as_deref());
    identity
}

/// For messages.
fn describe(quota: &ClientQuota) -> String {
    format!("the quota of {}", whose(quota))
}

/// Whom a quota is for, in a line.
pub(crate) fn whose(quota: &ClientQuota) -> String {
    match quota.entity() {
        (Some(user), Some(client_id)) => format!("user {user:?} with client id {client_id:?}"),
        (Some(user), None) => format!("user {user:?}"),
        (None, client_id) => format!("client id {:?}", client_id.unwrap_or_default()),
    }
}

fn schema() -> Schema {
    let entity = |description| {
        Attribute::string()
            .optional()
            .replaces("whom a quota is for is its identity")
            .check(not_empty)
            .description(description)
    };
    let rate = |description| {
        Attribute::number()
            .optional()
            .between(1, RATE_MAX)
            .description(description)
    };
    Schema::new()
        .description("A client quota of Kafka: how much a user or a client id may ask of each broker.")
        .attribute(
            "cluster_arn",
            Attribute::string()
                .required()
                .replaces("whom a quota is for is its identity")
                .description("ARN of the cluster.")
                .check(arn::check_cluster),
        )
        .attribute(
            "user",
            entity("Name of the user, or `<default>`: every user without a quota of its own. Without it, everybody who uses the client id."),
        )
        .attribute(
            "client_id",
            entity("`client.id`, or `<default>`: every one without a quota of its own. Without it, all clients of the user together."),
        )
        .attribute(
            "producer_byte_rate",
            rate("Bytes a second that they may produce to a broker."),
        )
        .attribute(
            "consumer_byte_rate",
            rate("Bytes a second that they may fetch from a broker."),
        )
        .attribute(
            "request_percentage",
            Attribute::number()
                .optional()
                .check(above_nothing)
                .description("Time of one processor that their requests may take on a broker, in percent."),
        )
        .attribute(
            "id",
            Attribute::string()
                .computed()
                .stable()
                .description("The ARN of the cluster, the user and the client id, with `|` between them."),
        )
}

fn not_empty(value: &Value) -> Vec<String> {
    match value.as_str() {
        Some("") => vec!["it is empty; leave it out, or say \"<default>\"".to_owned()],
        Some(text) if text.contains(SEPARATOR) => {
            vec![format!("{text:?} has a {SEPARATOR:?} in it, which ids cannot hold")]
        }
        _ => Vec::new(),
    }
}

fn above_nothing(value: &Value) -> Vec<String> {
    match value.as_f64() {
        Some(number) if number > 0.0 => Vec::new(),
        _ => vec!["a number greater than 0 is required".to_owned()],
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
    fn entities_are_told_apart_by_their_ids() {
        let quota = |user: Option<&str>, client_id: Option<&str>| ClientQuota {
            user: user.map(str::to_owned),
            client_id: client_id.map(str::to_owned),
            ..ClientQuota::default()
        };
        assert_eq!(id("arn", &quota(Some("a"), None)), "arn|a|");
        assert_eq!(id("arn", &quota(None, Some("a"))), "arn||a");
        assert_eq!(id("arn", &quota(Some("<default>"), Some("c"))), "arn|<default>|c");
    }
}
