//! `msk_serverless_cluster`: a cluster whose number of brokers follows its load, between bounds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use control_plane_api::{
    clusters::{Cluster, CreateClusterV2Request},
    security::Enabled,
    serverless::{Serverless, ServerlessClientAuthentication, ServerlessSasl, VpcConfig},
};
use control_plane_client::{Client, Result};
use plugin_framework::{
    ApplyRequest, Context, DeleteRequest, Diagnostics, Plan, ReadRequest, Resource, StateSink,
    model::{Field, Model},
    schema::Schema,
    value::{Object, Path},
};

use super::{
    cluster::check_name,
    creations::{Creations, settle},
    deletion_protection,
    existing::{self, change_tags, find_by_id, not_created, unless_not_up},
};
use crate::{
    arn,
    control_plane::ControlPlane,
    diagnostics, moved,
    patience::patiently,
    timeouts::{self, Timeouts},
};

/// Bounds of a cluster that names none, and the most brokers a cluster may have.
const MIN_DEFAULT: i64 = 3;
const MAX_DEFAULT: i64 = 6;
const BROKERS_MAX: i64 = 15;
/// Tags by which the control plane knows the bounds.
const MIN_TAG: &str = "openmsk:min-brokers";
const MAX_TAG: &str = "openmsk:max-brokers";

/// A cluster whose number of brokers follows its load, between bounds.
#[derive(Clone, Debug, Default, Model)]
struct ServerlessClusterModel {
    /// Name of the cluster: 1 to 64 letters, digits and hyphens.
    #[attribute(
        required,
        replaces = "the name is the identity of a cluster",
        check = |value| check_name(value.as_str().unwrap_or_default())
    )]
    cluster_name: Field<String>,
    /// Fewest brokers, and the number it begins with. Default: 3.
    #[attribute(optional, default = MIN_DEFAULT, between = (1, BROKERS_MAX))]
    min_broker_count: Field<i64>,
    /// Most brokers. Default: 6.
    #[attribute(optional, default = MAX_DEFAULT, between = (1, BROKERS_MAX))]
    max_broker_count: Field<i64>,
    /// Whether a plan that destroys or replaces it is refused. Set it to `false`, and apply that, to destroy it. Default: `false`.
    #[attribute(optional)]
    deletion_protection: Field<bool>,
    /// Tags of the cluster.
    #[attribute(optional)]
    tags: Field<BTreeMap<String, String>>,
    /// ARN of the cluster.
    #[attribute(computed, stable)]
    arn: Field<String>,
    /// ARN of the cluster.
    #[attribute(computed, stable)]
    id: Field<String>,
    /// The last part of the ARN.
    #[attribute(computed, stable)]
    cluster_uuid: Field<String>,
    /// `host:port` of the first broker, which is always there, for TLS without authentication; empty with IAM.
    #[attribute(computed, stable)]
    bootstrap_brokers_tls: Field<String>,
    /// `host:port` of the first broker for SASL/IAM over TLS; empty without IAM.
    #[attribute(computed, stable)]
    bootstrap_brokers_sasl_iam: Field<String>,
    /// Authority that has signed the brokers' certificates; clients trust it.
    #[attribute(computed, stable)]
    certificate_authority_pem: Field<String>,
    #[block(max = 5)]
    vpc_config: Field<Vec<VpcConfigModel>>,
    #[block(max = 1)]
    client_authentication: Field<Vec<ClientAuthenticationModel>>,
    #[block]
    timeouts: Field<Timeouts>,
}

/// A network. Each subnet stands for a zone; brokers take turns in them.
#[derive(Clone, Debug, Default, Model)]
struct VpcConfigModel {
    /// Names of zones.
    #[attribute(required, replaces = "brokers stay in the zones they were made in")]
    subnet_ids: Field<BTreeSet<String>>,
    /// Has no effect here.
    #[attribute(optional, replaces = "it is part of the network a cluster was made in")]
    security_group_ids: Field<BTreeSet<String>>,
}

/// How clients prove who they are. Without the block, they need no authentication.
#[derive(Clone, Debug, Default, Model)]
struct ClientAuthenticationModel {
    #[block(max = 1)]
    sasl: Field<Vec<SaslModel>>,
}

// Neither this block nor the one in it has a description.
#[derive(Clone, Debug, Default, Model)]
struct SaslModel {
    #[block(max = 1)]
    iam: Field<Vec<IamModel>>,
}

#[derive(Clone, Debug, Default, Model)]
struct IamModel {
    /// Whether clients log in with the signature of an access key. Otherwise they use TLS.
    #[attribute(required)]
    enabled: Field<bool>,
}

impl ServerlessClusterModel {
    /// Whether clients log in with access keys, if anything is said of it.
    fn iam(&self) -> Option<bool> {
        let sasl = self.client_authentication.elements().first()?.sasl.elements().first()?;
        sasl.iam.elements().first()?.enabled.copied()
    }

    /// The same; not, where nothing is said of it.
    fn has_iam(&self) -> bool {
        self.iam().unwrap_or(false)
    }

    /// Writes whether clients log in with access keys. What the state already says, by its words or by its silence, is left as
    /// it is.
    fn set_iam(&mut self, enabled: bool) {
        if self.has_iam() != enabled {
            let enabled = enabled.into();
            let iam = vec![IamModel { enabled }].into();
            let sasl = vec![SaslModel { iam }].into();
            self.client_authentication = vec![ClientAuthenticationModel { sasl }].into();
        }
    }

    /// The cluster, as the control plane has it.
    fn serverless(&self) -> Serverless {
        let networks = self.vpc_config.elements().iter();
        let mut vpc_configs: Vec<VpcConfig> = networks.map(VpcConfigModel::vpc_config).collect();
        if vpc_configs.is_empty() {
            vpc_configs.push(VpcConfig::default());
        }
        Serverless {
            vpc_configs,
            client_authentication: self.iam().map(|enabled| ServerlessClientAuthentication {
                sasl: Some(ServerlessSasl {
                    iam: Some(Enabled { enabled }),
                }),
            }),
            ..Serverless::default()
        }
    }

    /// The tags that a person sets, and those that carry the bounds.
    fn tags(&self) -> BTreeMap<String, String> {
        let mut tags = self.tags.or_default();
        for (count, tag, default) in [
            (&self.min_broker_count, MIN_TAG, MIN_DEFAULT),
            (&self.max_broker_count, MAX_TAG, MAX_DEFAULT),
        ] {
            tags.insert(tag.to_owned(), count.copied().unwrap_or(default).to_string());
        }
        tags
    }

    fn set_identity(&mut self, cluster_arn: &str) {
        self.arn = cluster_arn.into();
        self.id = cluster_arn.into();
        self.cluster_uuid = arn::cluster(cluster_arn).map(|name| name.uuid).into();
    }

    /// What a cluster is.
    fn write(&mut self, cluster: &Cluster) {
        self.set_identity(&cluster.cluster_arn);
        self.cluster_name = cluster.cluster_name.as_str().into();
        let mut theirs = cluster.tags.clone();
        for (count, tag, default) in [
            (&mut self.min_broker_count, MIN_TAG, MIN_DEFAULT),
            (&mut self.max_broker_count, MAX_TAG, MAX_DEFAULT),
        ] {
            let there = theirs.remove(tag).and_then(|count| count.parse().ok());
            *count = there.unwrap_or(default).into();
        }
        self.tags.follow(theirs);
        let serverless = cluster.serverless.as_ref();
        let authentication = serverless.and_then(|it| it.client_authentication.as_ref());
        let switch = authentication.and_then(|it| it.sasl.as_ref()?.iam);
        self.set_iam(switch.is_some_and(|it| it.enabled));
    }

    /// Where clients connect to, and whom they have to trust. The brokers come and go: only the part is kept that stays.
    async fn write_endpoints(&mut self, client: &Client, cluster_arn: &str) -> Result<()> {
        let bootstrap = client.get_bootstrap_brokers(cluster_arn).await?;
        self.bootstrap_brokers_tls = first(bootstrap.bootstrap_broker_string_tls).into();
        self.bootstrap_brokers_sasl_iam = first(bootstrap.bootstrap_broker_string_sasl_iam).into();
        let authority = client.describe_certificate_authority(cluster_arn).await?;
        self.certificate_authority_pem = authority.certificate_pem.into();
        Ok(())
    }
}

impl VpcConfigModel {
    fn vpc_config(&self) -> VpcConfig {
        VpcConfig {
            subnet_ids: self.subnet_ids.or_default().into_iter().collect(),
            security_group_ids: self.security_group_ids.or_default().into_iter().collect(),
        }
    }
}

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
            schema: ServerlessClusterModel::schema(),
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
        let config = ServerlessClusterModel::from_object(config);
        let min = config.min_broker_count.copied().unwrap_or(MIN_DEFAULT);
        let max = config.max_broker_count.copied().unwrap_or(MAX_DEFAULT);
        let known = !config.min_broker_count.is_unknown() && !config.max_broker_count.is_unknown();
        if known && min > max {
            diagnostics.attribute_error(
                Path::attribute("min_broker_count"),
                "The bounds leave no number of brokers",
                format!("min_broker_count is {min} and max_broker_count is {max}. Left out, they are {MIN_DEFAULT} and {MAX_DEFAULT}."),
            );
        }
        let tags = config.tags.or_default();
        if tags.contains_key(MIN_TAG) || tags.contains_key(MAX_TAG) {
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
        let planned = ServerlessClusterModel::from_object(plan.planned);
        let known = planned.client_authentication.is_wholly_known();
        if let Some(prior) = plan.prior.map(ServerlessClusterModel::from_object)
            && (!known || prior.has_iam() != planned.has_iam())
        {
            plan.replaces.push(Path::attribute("client_authentication"));
        }
        deletion_protection::check_replacement(plan, "The cluster")
    }

    async fn plan_delete(&self, _context: &Context, prior: &Object) -> Diagnostics {
        deletion_protection::check(prior, "The cluster")
    }

    async fn create(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = ServerlessClusterModel::from_object(&request.planned);
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let name = state.cluster_name.or_default();
        let wanted = CreateClusterV2Request {
            cluster_name: name.clone(),
            tags: state.tags(),
            provisioned: None,
            serverless: Some(state.serverless()),
        };
        let limit = state.timeouts.or_default().create();
        let what = format!("creating cluster {name:?}");
        let token = match self.creations.begin(self.type_name(), &name, sink) {
            Ok(token) => token,
            Err(diagnostics) => return diagnostics,
        };
        let created = client.create_cluster_v2(&wanted, Some(&token));
        let cluster_arn = match patiently(context, limit, &what, created).await {
            Ok(created) => created.cluster_arn,
            Err(error) => return not_created(&client, self.type_name(), &name, &error).await,
        };
        state.set_identity(&cluster_arn);
        sink.save(state.to_object());
        let finished = async {
            let cluster = client.wait_for_cluster(&cluster_arn, limit).await?;
            state.write(&cluster);
            state.write_endpoints(&client, &cluster_arn).await
        };
        match patiently(context, limit, &what, finished).await {
            Ok(()) => {
                sink.save(state.to_object());
                Diagnostics::none()
            }
            Err(error) => diagnostics::of_call(&format!("create cluster {name:?}"), &error),
        }
    }

    async fn read(&self, context: &Context, request: ReadRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = ServerlessClusterModel::from_object(&request.prior);
        let cluster_arn = state.arn.or_default();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let found = async {
            let cluster = client.describe_cluster_v2(&cluster_arn).await?;
            state.write(&cluster);
            let written = state.write_endpoints(&client, &cluster_arn).await;
            unless_not_up(&client, &cluster_arn, written).await?;
            Ok(cluster)
        };
        let what = format!("reading cluster {cluster_arn}");
        match patiently(context, timeouts::DEFAULT, &what, found).await {
            Ok(cluster) if cluster.serverless.is_none() => Diagnostics::from_error(
                format!("Cluster {:?} is not serverless", cluster.cluster_name),
                "It has a number of brokers of its own: manage it as msk_cluster.",
            ),
            Ok(_) => {
                settle(&client, sink).await;
                sink.save(state.to_object());
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
        let mut state = ServerlessClusterModel::from_object(&request.planned);
        let cluster_arn = state.arn.or_default();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let limit = state.timeouts.or_default().update();
        let changed = async {
            let cluster = client.describe_cluster_v2(&cluster_arn).await?;
            change_tags(&client, &cluster, &state.tags()).await?;
            let cluster = client.describe_cluster_v2(&cluster_arn).await?;
            state.write(&cluster);
            state.write_endpoints(&client, &cluster_arn).await
        };
        match patiently(context, limit, &format!("changing cluster {cluster_arn}"), changed).await {
            Ok(()) => {
                sink.save(state.to_object());
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
        let prior = ServerlessClusterModel::from_object(&request.prior);
        let limit = prior.timeouts.or_default().delete();
        existing::delete(context, &client, prior.arn.as_str(), limit).await
    }

    fn moved_id(&self, source: &str, state: &serde_json::Value) -> Option<String> {
        moved::id_of(source, "aws_msk_serverless_cluster", state, &["arn"])
    }

    async fn import_identity(&self, context: &Context, identity: &Object) -> std::result::Result<Object, Diagnostics> {
        self.import(context, identity.string("arn").unwrap_or_default()).await
    }

    async fn import(&self, context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        let cluster_arn = find_by_id(context, &self.control_plane, id).await?;
        let mut state = ServerlessClusterModel::default();
        state.set_identity(&cluster_arn);
        Ok(state.to_object())
    }
}

/// The first of several brokers: the one that stays while others come and go.
fn first(brokers: Option<String>) -> String {
    let brokers = brokers.unwrap_or_default();
    brokers.split(',').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(ServerlessClusterModel::schema().problems(), Vec::<String>::new());
    }

    #[test]
    fn bounds_travel_as_tags() {
        let planned = ServerlessClusterModel {
            min_broker_count: 1.into(),
            tags: BTreeMap::from([("team".to_owned(), "blue".to_owned())]).into(),
            ..ServerlessClusterModel::default()
        };
        let tags = planned.tags();
        assert_eq!(tags.get(MIN_TAG).map(String::as_str), Some("1"));
        assert_eq!(tags.get(MAX_TAG).map(String::as_str), Some("6"));
        assert_eq!(tags.get("team").map(String::as_str), Some("blue"));
    }
}
