//! `msk_serverless_cluster`: a cluster whose number of brokers follows its load, between bounds.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use control_plane_api::{
    clusters::{Cluster, CreateClusterV2Request},
    security::Enabled,
    serverless::{Serverless, ServerlessClientAuthentication, ServerlessSasl, VpcConfig},
};
use control_plane_client::{Client, Result};
use plugin_framework::{
    ApplyRequest, Context, DeleteRequest, Diagnostics, Plan, ReadRequest, Resource, StateSink,
    model::{Field, FieldType},
    schema::{Attribute, Nesting, Schema},
    value::{Object, Path, Value},
};

use super::{
    cluster::check_name,
    creations::{Creations, settle},
    deletion_protection,
    existing::{self, change_tags, find_by_id, not_created, unless_not_up},
};
use crate::{arn, control_plane::ControlPlane, diagnostics, moved, patience::patiently, timeouts};

/// Bounds of a cluster that names none, and the most brokers a cluster may have.
const MIN_DEFAULT: i64 = 3;
const MAX_DEFAULT: i64 = 6;
const BROKERS_MAX: i64 = 15;
/// Tags by which the control plane knows the bounds.
const MIN_TAG: &str = "openmsk:min-brokers";
const MAX_TAG: &str = "openmsk:max-brokers";

/// How clients prove who they are.
const AUTHENTICATION: &str = "client_authentication";

/// The resource type.
pub(crate) struct ServerlessCluster {
    control_plane: Arc<ControlPlane>,
    creations: Arc<Creations>,
    schema: Schema,
}

impl ServerlessCluster {
    pub(crate) fn new(control_plane: Arc<ControlPlane>, creations: Arc<Creations>) -> Self {
        Self {
            control_plane,
            creations,
            schema: schema(),
        }
    }
}

#[async_trait]
impl Resource for ServerlessCluster {
    fn type_name(&self) -> &'static str {
        "msk_serverless_cluster"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn identity(&self) -> &'static [&'static str] {
        &["arn"]
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        let mut diagnostics = Diagnostics::none();
        let bounds = (config.i64("min_broker_count"), config.i64("max_broker_count"));
        let (min, max) = (bounds.0.unwrap_or(MIN_DEFAULT), bounds.1.unwrap_or(MAX_DEFAULT));
        let known = !config.is_unknown("min_broker_count") && !config.is_unknown("max_broker_count");
        if known && min > max {
            diagnostics.attribute_error(
                Path::attribute("min_broker_count"),
                "The bounds leave no number of brokers",
                format!("min_broker_count is {min} and max_broker_count is {max}. Left out, they are {MIN_DEFAULT} and {MAX_DEFAULT}."),
            );
        }
        if config
            .map_of_strings("tags")
            .is_some_and(|tags| tags.contains_key(MIN_TAG) || tags.contains_key(MAX_TAG))
        {
            diagnostics.attribute_error(
                Path::attribute("tags"),
                "These tags have arguments of their own",
                format!("Set min_broker_count and max_broker_count instead of the tags {MIN_TAG} and {MAX_TAG}."),
            );
        }
        diagnostics
    }

    async fn plan(&self, _context: &Context, plan: &mut Plan<'_>) -> Diagnostics {
        // It keeps the way in it was made with. A block that comes or goes says the same as one that changes.
        let known = plan.planned.get(AUTHENTICATION).is_wholly_known();
        if plan
            .prior
            .is_some_and(|prior| !known || has_iam(prior) != has_iam(plan.planned))
        {
            plan.replaces.push(Path::attribute(AUTHENTICATION));
        }
        deletion_protection::check_replacement(plan, "The cluster")
    }

    async fn plan_delete(&self, _context: &Context, prior: &Object) -> Diagnostics {
        deletion_protection::check(prior, "The cluster")
    }

    async fn create(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let planned = request.planned;
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let name = planned.string("cluster_name").unwrap_or_default().to_owned();
        let wanted = CreateClusterV2Request {
            cluster_name: name.clone(),
            tags: tags(&planned),
            provisioned: None,
            serverless: Some(serverless(&planned)),
        };
        let (limit, what) = (timeouts::of(&planned, "create"), format!("creating cluster {name:?}"));
        let token = match self.creations.begin(self.type_name(), &name, sink) {
            Ok(token) => token,
            Err(diagnostics) => return diagnostics,
        };
        let created = client.create_cluster_v2(&wanted, Some(&token));
        let cluster_arn = match patiently(context, limit, &what, created).await {
            Ok(created) => created.cluster_arn,
            Err(error) => return not_created(&client, self.type_name(), &name, &error).await,
        };
        let mut state = planned;
        write_identity(&mut state, &cluster_arn);
        sink.save(state.clone());
        let finished = async {
            let cluster = client.wait_for_cluster(&cluster_arn, limit).await?;
            write_cluster(&mut state, &cluster);
            write_endpoints(&client, &mut state, &cluster_arn).await
        };
        match patiently(context, limit, &what, finished).await {
            Ok(()) => {
                sink.save(state);
                Diagnostics::none()
            }
            Err(error) => diagnostics::of_call(&format!("create cluster {name:?}"), &error),
        }
    }

    async fn read(&self, context: &Context, request: ReadRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = request.prior;
        let cluster_arn = state.string("arn").unwrap_or_default().to_owned();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let found = async {
            let cluster = client.describe_cluster_v2(&cluster_arn).await?;
            write_cluster(&mut state, &cluster);
            let written = write_endpoints(&client, &mut state, &cluster_arn).await;
            unless_not_up(&client, &cluster_arn, written).await?;
            Ok(cluster)
        };
        match patiently(
            context,
            timeouts::DEFAULT,
            &format!("reading cluster {cluster_arn}"),
            found,
        )
        .await
        {
            Ok(cluster) if cluster.serverless.is_none() => Diagnostics::from_error(
                format!("Cluster {:?} is not serverless", cluster.cluster_name),
                "It has a number of brokers of its own: manage it as msk_cluster.",
            ),
            Ok(_) => {
                settle(&client, sink).await;
                sink.save(state);
                Diagnostics::none()
            }
            Err(error) if error.is_not_found() => {
                sink.remove();
                Diagnostics::none()
            }
            Err(error) => diagnostics::of_call(&format!("read cluster {cluster_arn}"), &error),
        }
    }

    async fn update(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let planned = request.planned;
        let cluster_arn = planned.string("arn").unwrap_or_default().to_owned();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let mut state = planned.clone();
        let changed = async {
            let cluster = client.describe_cluster_v2(&cluster_arn).await?;
            change_tags(&client, &cluster, &tags(&planned)).await?;
            let cluster = client.describe_cluster_v2(&cluster_arn).await?;
            write_cluster(&mut state, &cluster);
            write_endpoints(&client, &mut state, &cluster_arn).await
        };
        let limit = timeouts::of(&planned, "update");
        match patiently(context, limit, &format!("changing cluster {cluster_arn}"), changed).await {
            Ok(()) => {
                sink.save(state);
                Diagnostics::none()
            }
            Err(error) => diagnostics::of_call(&format!("change cluster {cluster_arn}"), &error),
        }
    }

    async fn delete(&self, context: &Context, request: DeleteRequest) -> Diagnostics {
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        existing::delete(context, &client, &request.prior).await
    }

    fn moved_id(&self, source: &str, state: &serde_json::Value) -> Option<String> {
        moved::id_of(source, "aws_msk_serverless_cluster", state, &["arn"])
    }

    async fn import_identity(&self, context: &Context, identity: &Object) -> std::result::Result<Object, Diagnostics> {
        self.import(context, identity.string("arn").unwrap_or_default()).await
    }

    async fn import(&self, context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        let cluster_arn = find_by_id(context, &self.control_plane, id).await?;
        let mut state = Object::from_value(self.schema.empty_value()).unwrap_or_default();
        write_identity(&mut state, &cluster_arn);
        Ok(state)
    }
}

fn schema() -> Schema {
    let stable = |description| Attribute::string().computed().stable().description(description);
    let count = |default: i64, description| {
        Attribute::number()
            .optional()
            .between(1, BROKERS_MAX)
            .default(Value::integer(default))
            .description(description)
    };
    Schema::new()
        .description("A cluster whose number of brokers follows its load, between bounds.")
        .attribute(
            "cluster_name",
            Attribute::string()
                .required()
                .replaces("the name is the identity of a cluster")
                .check(|value| check_name(value.as_str().unwrap_or_default()))
                .description("Name of the cluster: 1 to 64 letters, digits and hyphens."),
        )
        .attribute(
            "min_broker_count",
            count(
                MIN_DEFAULT,
                "Fewest brokers, and the number it begins with. Default: 3.",
            ),
        )
        .attribute("max_broker_count", count(MAX_DEFAULT, "Most brokers. Default: 6."))
        .attribute("deletion_protection", deletion_protection::attribute())
        .attribute(
            "tags",
            Attribute::map_of_strings()
                .optional()
                .description("Tags of the cluster."),
        )
        .attribute("arn", stable("ARN of the cluster."))
        .attribute("id", stable("ARN of the cluster."))
        .attribute("cluster_uuid", stable("The last part of the ARN."))
        .attribute(
            "bootstrap_brokers_tls",
            stable(
                "`host:port` of the first broker, which is always there, for TLS without authentication; empty with IAM.",
            ),
        )
        .attribute(
            "bootstrap_brokers_sasl_iam",
            stable("`host:port` of the first broker for SASL/IAM over TLS; empty without IAM."),
        )
        .attribute(
            "certificate_authority_pem",
            stable("Authority that has signed the brokers' certificates; clients trust it."),
        )
        .block("vpc_config", Nesting::List { min: 0, max: 5 }, vpc_config())
        .block_at_most_once(AUTHENTICATION, client_authentication())
        .block("timeouts", Nesting::Single, timeouts::block())
}

fn client_authentication() -> Schema {
    let switch = Schema::new().attribute(
        "enabled",
        Attribute::bool()
            .required()
            .description("Whether clients log in with the signature of an access key. Otherwise they use TLS."),
    );
    let iam = Schema::new().block_at_most_once("iam", switch);
    Schema::new()
        .description("How clients prove who they are. Without the block, they need no authentication.")
        .block_at_most_once("sasl", iam)
}

fn vpc_config() -> Schema {
    Schema::new()
        .description("A network. Each subnet stands for a zone; brokers take turns in them.")
        .attribute(
            "subnet_ids",
            Attribute::set_of_strings()
                .required()
                .replaces("brokers stay in the zones they were made in")
                .description("Names of zones."),
        )
        .attribute(
            "security_group_ids",
            Attribute::set_of_strings()
                .optional()
                .replaces("it is part of the network a cluster was made in")
                .description("Has no effect here."),
        )
}

fn serverless(planned: &Object) -> Serverless {
    let texts = |block: &Object, name: &str| -> Vec<String> {
        let all = block.get(name).as_list().unwrap_or_default().iter();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut vpc_configs: Vec<VpcConfig> = planned
        .blocks("vpc_config")
        .iter()
        .map(|(_, block)| VpcConfig {
            subnet_ids: texts(block, "subnet_ids"),
            security_group_ids: texts(block, "security_group_ids"),
        })
        .collect();
    if vpc_configs.is_empty() {
        vpc_configs.push(VpcConfig::default());
    }
    Serverless {
        vpc_configs,
        client_authentication: iam(planned).map(|enabled| ServerlessClientAuthentication {
            sasl: Some(ServerlessSasl {
                iam: Some(Enabled { enabled }),
            }),
        }),
        ..Serverless::default()
    }
}

/// Whether clients log in with access keys; not, where nothing is said of it.
fn has_iam(object: &Object) -> bool {
    iam(object).unwrap_or(false)
}

/// The same, if anything is said of it.
fn iam(object: &Object) -> Option<bool> {
    let block = object.block(AUTHENTICATION)?;
    block.block("sasl")?.block("iam")?.bool("enabled")
}

/// Writes whether clients log in with access keys. What the state already says, by its words or by its silence, is left as
/// it is.
fn write_iam(state: &mut Object, enabled: bool) {
    if has_iam(state) == enabled {
        return;
    }
    let within = |name: &str, inner: Object| {
        let mut outer = Object::new();
        outer.set(name, Value::List(vec![inner.into_value()]));
        outer
    };
    let mut switch = Object::new();
    switch.set_bool("enabled", enabled);
    let block = within("sasl", within("iam", switch));
    state.set(AUTHENTICATION, Value::List(vec![block.into_value()]));
}

/// The tags that a person sets, and those that carry the bounds.
fn tags(planned: &Object) -> BTreeMap<String, String> {
    let mut tags = planned.map_of_strings("tags").unwrap_or_default();
    let bounds = [
        ("min_broker_count", MIN_TAG, MIN_DEFAULT),
        ("max_broker_count", MAX_TAG, MAX_DEFAULT),
    ];
    for (name, tag, default) in bounds {
        let count = planned.i64(name).unwrap_or(default);
        tags.insert(tag.to_owned(), count.to_string());
    }
    tags
}

fn write_identity(state: &mut Object, cluster_arn: &str) {
    state.set_string("arn", cluster_arn).set_string("id", cluster_arn);
    state.set_optional_string("cluster_uuid", arn::cluster(cluster_arn).map(|name| name.uuid));
}

/// What a cluster is.
fn write_cluster(state: &mut Object, cluster: &Cluster) {
    write_identity(state, &cluster.cluster_arn);
    state.set_string("cluster_name", &cluster.cluster_name);
    let mut theirs = cluster.tags.clone();
    for (name, tag, default) in [
        ("min_broker_count", MIN_TAG, MIN_DEFAULT),
        ("max_broker_count", MAX_TAG, MAX_DEFAULT),
    ] {
        let count = theirs.remove(tag).and_then(|count| count.parse().ok());
        state.set_i64(name, count.unwrap_or(default));
    }
    let mut tags = Field::from_value(state.get("tags")).unwrap_or_default();
    existing::write_tags(&mut tags, &theirs);
    state.set("tags", tags.to_value());
    let authentication = cluster
        .serverless
        .as_ref()
        .and_then(|it| it.client_authentication.as_ref());
    let switch = authentication.and_then(|it| it.sasl.as_ref()?.iam);
    write_iam(state, switch.is_some_and(|it| it.enabled));
}

/// Where clients connect to, and whom they have to trust. The brokers come and go: only the part is kept that stays.
async fn write_endpoints(client: &Client, state: &mut Object, cluster_arn: &str) -> Result<()> {
    let bootstrap = client.get_bootstrap_brokers(cluster_arn).await?;
    for (name, brokers) in [
        ("bootstrap_brokers_tls", bootstrap.bootstrap_broker_string_tls),
        ("bootstrap_brokers_sasl_iam", bootstrap.bootstrap_broker_string_sasl_iam),
    ] {
        let brokers = brokers.unwrap_or_default();
        state.set_string(name, brokers.split(',').next().unwrap_or_default());
    }
    let authority = client.describe_certificate_authority(cluster_arn).await?;
    state.set_string("certificate_authority_pem", &authority.certificate_pem);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(schema().problems(), Vec::<String>::new());
    }

    #[test]
    fn bounds_travel_as_tags() {
        let mut planned = Object::new();
        planned.set_i64("min_broker_count", 1);
        let team = BTreeMap::from([("team".to_owned(), "blue".to_owned())]);
        planned.set("tags", Value::map_of_strings(&team));
        let tags = tags(&planned);
        assert_eq!(tags.get(MIN_TAG).map(String::as_str), Some("1"));
        assert_eq!(tags.get(MAX_TAG).map(String::as_str), Some("6"));
        assert_eq!(tags.get("team").map(String::as_str), Some("blue"));
    }
}
