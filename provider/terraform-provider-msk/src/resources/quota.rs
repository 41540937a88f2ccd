//! `msk_quota`: how much a user, a client id, or a user's clients with an id may ask of each broker, and how often an address may
//! connect.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use control_plane_api::quotas::Quota as ClientQuota;
use control_plane_client::{Client, Result};
use plugin_framework::{
    ApplyRequest, Context, DeleteRequest, Diagnostics, Plan, ReadRequest, Resource, StateSink,
    model::{Field, Model},
    schema::Schema,
    value::{Object, Path, Value},
};

use super::{batch::Batch, cluster_of::name_cluster};
use crate::{arn, control_plane::ControlPlane, diagnostics, moved, patience::patiently, timeouts};

/// Between the parts of an id.
const SEPARATOR: char = '|';

/// Stands for all that have no quota of their own.
const DEFAULT_ENTITY: &str = "<default>";

/// Every whole number up to it is exact as a float, which Kafka's quotas are: 2^53.
const RATE_MAX: i64 = 9_007_199_254_740_992;

const REPLACES: &str = "whom a quota is for is its identity";

/// Connections a second, at most: Kafka's INT.
const CONNECTIONS_MAX: i64 = 2_147_483_647;

/// A client quota of Kafka: how much a user or a client id may ask of each broker, or how often an address may connect.
#[derive(Clone, Debug, Default, Model)]
struct QuotaModel {
    /// ARN of the cluster.
    #[attribute(required, replaces = REPLACES, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// Name of the user, or `<default>`: every user without a quota of its own. Without it, everybody who uses the client id.
    #[attribute(optional, replaces = REPLACES, check = not_empty)]
    user: Field<String>,
    /// `client.id`, or `<default>`: every one without a quota of its own. Without it, all clients of the user together.
    #[attribute(optional, replaces = REPLACES, check = not_empty)]
    client_id: Field<String>,
    /// IP address, or `<default>`: every one without a quota of its own. Alone, without `user` and `client_id`.
    #[attribute(optional, replaces = REPLACES, check = address)]
    ip: Field<String>,
    /// Bytes a second that they may produce to a broker.
    #[attribute(optional, between = (1, RATE_MAX))]
    producer_byte_rate: Field<f64>,
    /// Bytes a second that they may fetch from a broker.
    #[attribute(optional, between = (1, RATE_MAX))]
    consumer_byte_rate: Field<f64>,
    /// Time of one processor that their requests may take on a broker, in percent.
    #[attribute(optional, check = above_nothing)]
    request_percentage: Field<f64>,
    /// Partitions that they may create and delete a second, in the whole cluster.
    #[attribute(optional, check = above_nothing)]
    controller_mutation_rate: Field<f64>,
    /// Connections a second that the address may make to a broker.
    #[attribute(optional, between = (1, CONNECTIONS_MAX))]
    connection_creation_rate: Field<f64>,
    /// The ARN of the cluster, the user and the client id, with `|` between them; for an address the ARN, `|||`, and the address.
    #[attribute(computed, stable)]
    id: Field<String>,
}

impl QuotaModel {
    /// The quota, as the control plane has it.
    fn quota(&self) -> ClientQuota {
        ClientQuota {
            user: self.user.cloned(),
            client_id: self.client_id.cloned(),
            ip: self.ip.cloned(),
            producer_byte_rate: self.producer_byte_rate.copied(),
            consumer_byte_rate: self.consumer_byte_rate.copied(),
            request_percentage: self.request_percentage.copied(),
            controller_mutation_rate: self.controller_mutation_rate.copied(),
            connection_creation_rate: self.connection_creation_rate.copied(),
        }
    }

    fn set_id(&mut self) {
        self.id = id(&self.cluster_arn.or_default(), &self.quota()).into();
    }

    /// What users and client ids can have.
    fn of_clients(&self) -> [&Field<f64>; 4] {
        [
            &self.producer_byte_rate,
            &self.consumer_byte_rate,
            &self.request_percentage,
            &self.controller_mutation_rate,
        ]
    }

    fn limits_nothing(&self) -> bool {
        self.connection_creation_rate.is_null() && self.of_clients().into_iter().all(Field::is_null)
    }

    /// Why it cannot be whom it is for, and the argument that says so. What is not known yet may turn out to be nothing.
    fn misfit(&self) -> Option<(&'static str, &'static str)> {
        if self.ip.is_null() {
            let of_address = self.connection_creation_rate.known().is_some();
            return of_address.then_some((
                "connection_creation_rate",
                "Only an address, ip, has a connection_creation_rate.",
            ));
        }
        self.ip.known()?;
        if self.user.known().is_some() || self.client_id.known().is_some() {
            return Some((
                "ip",
                "A quota of an address is for whoever connects from it: leave out user and client_id.",
            ));
        }
        let more = self.of_clients().into_iter().any(|value| value.known().is_some());
        more.then_some((
            "ip",
            "Of an address, connection_creation_rate is what can be limited, and nothing else.",
        ))
    }
}

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
            schema: QuotaModel::schema(),
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
        &["cluster_arn", "user", "client_id", "ip"]
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        let mut diagnostics = Diagnostics::none();
        let config = QuotaModel::from_object(config);
        if config.user.is_null() && config.client_id.is_null() && config.ip.is_null() {
            diagnostics.attribute_error(
                Path::attribute("user"),
                "A quota is for somebody",
                "Name a user, a client_id, or both, or an ip; \"<default>\" stands for all that have no quota of their own.",
            );
        }
        if config.limits_nothing() {
            diagnostics.attribute_error(
                Path::attribute("producer_byte_rate"),
                "A quota limits something",
                "Set one of producer_byte_rate, consumer_byte_rate, request_percentage, controller_mutation_rate; for an \
                 address connection_creation_rate.",
            );
        }
        if let Some((argument, detail)) = config.misfit() {
            diagnostics.attribute_error(
                Path::attribute(argument),
                "A quota of an address is one by itself",
                detail,
            );
        }
        diagnostics
    }

    async fn plan(&self, _context: &Context, _plan: &mut Plan<'_>) -> Diagnostics {
        Diagnostics::none()
    }

    async fn create(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let mut planned = QuotaModel::from_object(&request.planned);
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let (cluster_arn, quota) = (planned.cluster_arn.or_default(), planned.quota());
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
        if let Err(diagnostics) = self.put(context, &doing, (cluster_arn, quota)).await {
            return diagnostics;
        }
        planned.set_id();
        sink.save(planned.to_object());
        Diagnostics::none()
    }

    async fn read(&self, context: &Context, request: ReadRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = QuotaModel::from_object(&request.prior);
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let quota = state.quota();
        let has = |cluster_arn: String| {
            let (client, quota) = (client.clone(), quota.clone());
            async move { Ok(find(&client, &cluster_arn, &quota).await?.is_some()) }
        };
        let what = describe(&quota);
        if let Err(diagnostics) = name_cluster(&client, &mut state.cluster_arn, &what, has).await {
            return diagnostics;
        }
        let cluster_arn = state.cluster_arn.or_default();
        let doing = format!("read {}", describe(&quota));
        let found = self.look_up(&client, &cluster_arn, &quota);
        match patiently(context, timeouts::DEFAULT, &doing, found).await {
            Ok(Some(found)) => {
                state.producer_byte_rate = found.producer_byte_rate.into();
                state.consumer_byte_rate = found.consumer_byte_rate.into();
                state.request_percentage = found.request_percentage.into();
                state.controller_mutation_rate = found.controller_mutation_rate.into();
                state.connection_creation_rate = found.connection_creation_rate.into();
                state.set_id();
                sink.save(state.to_object());
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
        let planned = QuotaModel::from_object(&request.planned);
        let quota = planned.quota();
        let doing = format!("change {}", describe(&quota));
        match self
            .put(context, &doing, (planned.cluster_arn.or_default(), quota))
            .await
        {
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
        let prior = QuotaModel::from_object(&request.prior);
        let (cluster_arn, quota) = (prior.cluster_arn.or_default(), prior.quota());
        let doing = format!("delete {}", describe(&quota));
        let nothing = quota.of_same_entity();
        self.reads.forget(&cluster_arn).await;
        let deleted = client.put_quota(&cluster_arn, &nothing);
        match patiently(context, timeouts::DEFAULT, &doing, deleted).await {
            Err(error) if !error.is_not_found() => diagnostics::of_call(&doing, &error),
            _ => Diagnostics::none(),
        }
    }

    fn moved_state(&self, source: &str, state: &serde_json::Value) -> Option<Object> {
        Some(moved_entity(source, state)?.to_object())
    }

    async fn import(&self, _context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        let parts: Vec<&str> = id.trim().split(SEPARATOR).collect();
        let (cluster_arn, user, client_id, ip) = match *parts.as_slice() {
            [cluster_arn, user, client_id] => (cluster_arn, user, client_id, ""),
            [cluster_arn, "", "", ip] if address_of(ip).is_some() => (cluster_arn, "", "", ip),
            _ => return Err(no_id(id)),
        };
        if arn::cluster(cluster_arn).is_none() || [user, client_id, ip].iter().all(|part| part.is_empty()) {
            return Err(no_id(id));
        }
        let state = QuotaModel {
            cluster_arn: cluster_arn.into(),
            user: Some(user).filter(|user| !user.is_empty()).into(),
            client_id: Some(client_id).filter(|id| !id.is_empty()).into(),
            ip: Some(ip).filter(|ip| !ip.is_empty()).into(),
            ..QuotaModel::default()
        };
        Ok(state.to_object())
    }
}

/// Whom a quota of Mongey's provider is for.
fn moved_entity(source: &str, state: &serde_json::Value) -> Option<QuotaModel> {
    let mut moved = QuotaModel::default();
    let mut entity = |state: &serde_json::Value, kind: &str, name: &str| {
        let text = |attribute| moved::text(source, source, state, attribute);
        let name = text(name).unwrap_or(DEFAULT_ENTITY);
        match text(kind)? {
            "user" => moved.user = name.into(),
            "client-id" => moved.client_id = name.into(),
            "ip" => moved.ip = name.into(),
            _ => return None,
        }
        Some(())
    };
    match source {
        "kafka_quota" => entity(state, "entity_type", "entity_name")?,
        "kafka_quota_composite" => {
            for one in state.get("entity")?.as_array()? {
                entity(one, "type", "name")?;
            }
        }
        _ => return None,
    }
    Some(moved)
}

fn no_id(id: &str) -> Diagnostics {
    Diagnostics::from_error(
        "This is not the id of a quota",
        format!(
            "{id:?} has not the form CLUSTER_ARN|USER|CLIENT_ID, such as arn:aws:kafka:…|app| for all clients of the user app, or \
             arn:aws:kafka:…||<default> for every client id; that of an address has the form CLUSTER_ARN|||IP."
        ),
    )
}

/// The quota of the same entity.
async fn find(client: &Client, cluster_arn: &str, quota: &ClientQuota) -> Result<Option<ClientQuota>> {
    let all = client.list_quotas(cluster_arn).await?;
    Ok(all.into_iter().find(|other| other.entity() == quota.entity()))
}

fn id(cluster_arn: &str, quota: &ClientQuota) -> String {
    let (user, client_id, ip) = quota.entity();
    let mut parts = vec![cluster_arn, user.unwrap_or_default(), client_id.unwrap_or_default()];
    parts.extend(ip);
    parts.join(&SEPARATOR.to_string())
}

/// The identity of a quota that exists.
pub(crate) fn identity(cluster_arn: &str, quota: &ClientQuota) -> Object {
    let mut identity = Object::new();
    identity
        .set_string("cluster_arn", cluster_arn)
        .set_optional_string("user", quota.user.as_deref())
        .set_optional_string("client_id", quota.client_id.as_deref())
        .set_optional_string("ip", quota.ip.as_deref());
    identity
}

/// For messages.
fn describe(quota: &ClientQuota) -> String {
    format!("the quota of {}", whose(quota))
}

/// Whom a quota is for, in a line.
pub(crate) fn whose(quota: &ClientQuota) -> String {
    match quota.entity() {
        (Some(user), Some(client_id), _) => format!("user {user:?} with client id {client_id:?}"),
        (Some(user), None, _) => format!("user {user:?}"),
        (None, Some(client_id), _) => format!("client id {client_id:?}"),
        (None, None, ip) => format!("address {:?}", ip.unwrap_or_default()),
    }
}

/// An address, or what stands for all of them, as it is kept.
fn address_of(text: &str) -> Option<String> {
    if text == DEFAULT_ENTITY {
        return Some(text.to_owned());
    }
    Some(text.parse::<IpAddr>().ok()?.to_string())
}

fn address(value: &Value) -> Vec<String> {
    let Some(text) = value.as_str() else {
        return Vec::new();
    };
    match address_of(text) {
        Some(address) if address == text => Vec::new(),
        Some(address) => vec![format!("write it as {address:?}")],
        None => vec![format!(
            "{text:?} is not an IP address; say \"<default>\" for all of them"
        )],
    }
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
    use serde_json::json;

    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(QuotaModel::schema().problems(), Vec::<String>::new());
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
        let of_address = ClientQuota {
            ip: Some("::1".to_owned()),
            ..ClientQuota::default()
        };
        assert_eq!(id("arn", &of_address), "arn|||::1");
        assert_eq!(whose(&of_address), "address \"::1\"");
    }

    #[test]
    fn quotas_of_mongeys_provider_are_ours() {
        let entity = |source: &str, state: &serde_json::Value| {
            let moved = moved_entity(source, state)?;
            Some([moved.user.cloned(), moved.client_id.cloned(), moved.ip.cloned()])
        };
        let of = |kind: &str, name: serde_json::Value| {
            entity("kafka_quota", &json!({"entity_type": kind, "entity_name": name}))
        };
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(of("user", json!("app")), Some([named("app"), None, None]));
        assert_eq!(of("client-id", json!("app")), Some([None, named("app"), None]));
        assert_eq!(of("client-id", json!("")), Some([None, named("<default>"), None]));
        assert_eq!(of("user", json!(null)), Some([named("<default>"), None, None]));
        assert_eq!(of("ip", json!("127.0.0.1")), Some([None, None, named("127.0.0.1")]));
        assert_eq!(of("group", json!("g")), None);
        let both = json!({"entity": [{"type": "client-id", "name": ""}, {"type": "user", "name": "app"}]});
        let found = entity("kafka_quota_composite", &both);
        assert_eq!(found, Some([named("app"), named("<default>"), None]));
        assert!(moved_entity("kafka_topic", &both).is_none());
    }
    #[test]
    fn addresses_are_by_themselves_and_have_their_own_rate() {
        let misfit = |set: &dyn Fn(&mut QuotaModel)| {
            let mut quota = QuotaModel::default();
            set(&mut quota);
            quota.misfit().map(|(argument, _)| argument)
        };
        let rate = || Some(1.0);
        assert_eq!(
            misfit(&|it| (it.ip, it.connection_creation_rate) = ("::1".into(), rate().into())),
            None
        );
        assert_eq!(
            misfit(&|it| (it.user, it.controller_mutation_rate) = ("a".into(), rate().into())),
            None
        );
        assert_eq!(misfit(&|it| (it.ip, it.user) = ("::1".into(), "a".into())), Some("ip"));
        assert_eq!(
            misfit(&|it| (it.ip, it.controller_mutation_rate) = ("::1".into(), rate().into())),
            Some("ip")
        );
        assert_eq!(
            misfit(&|it| (it.user, it.connection_creation_rate) = ("a".into(), rate().into())),
            Some("connection_creation_rate")
        );
        assert_eq!(misfit(&|it| (it.ip, it.user) = (Field::unknown(), "a".into())), None);
        assert_eq!(address_of("0::1").as_deref(), Some("::1"));
        assert_eq!(address_of("localhost"), None);
    }
}
