//! `msk_acl`: an access control list of Kafka. All of its arguments are its identity, so a changed one is another list.

use std::sync::Arc;

use async_trait::async_trait;
use control_plane_api::acls::Acl as AccessControlList;
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
/// Kafka's words.
pub(crate) const RESOURCE_TYPES: &[&str] = &[
    "TOPIC",
    "GROUP",
    "CLUSTER",
    "TRANSACTIONAL_ID",
    "DELEGATION_TOKEN",
    "USER",
];
pub(crate) const PATTERN_TYPES: &[&str] = &["LITERAL", "PREFIXED"];
pub(crate) const OPERATIONS: &[&str] = &[
    "ALL",
    "READ",
    "WRITE",
    "CREATE",
    "DELETE",
    "ALTER",
    "DESCRIBE",
    "CLUSTER_ACTION",
    "DESCRIBE_CONFIGS",
    "ALTER_CONFIGS",
    "IDEMPOTENT_WRITE",
    "CREATE_TOKENS",
    "DESCRIBE_TOKENS",
    "TWO_PHASE_COMMIT",
];
pub(crate) const PERMISSIONS: &[&str] = &["ALLOW", "DENY"];
/// What an access control list is known by, in the order of its id.
const IDENTITY: [&str; 8] = [
    "cluster_arn",
    "resource_type",
    "resource_name",
    "pattern_type",
    "principal",
    "host",
    "operation",
    "permission",
];
/// The only resource of the type `CLUSTER`.
const CLUSTER_NAME: &str = "kafka-cluster";

const REPLACES: &str = "all arguments of an access control list are its identity";

/// An access control list of Kafka: who may, or may not, do what with which resource.
#[derive(Clone, Debug, Default, Model)]
struct AclModel {
    /// ARN of the cluster.
    #[attribute(required, replaces = REPLACES, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// `TOPIC`, `GROUP`, `CLUSTER`, `TRANSACTIONAL_ID`, `DELEGATION_TOKEN` or `USER`.
    #[attribute(required, replaces = REPLACES, one_of = RESOURCE_TYPES)]
    resource_type: Field<String>,
    /// Name of the resource; `*` is every one, `kafka-cluster` the cluster.
    #[attribute(required, replaces = REPLACES, check = not_empty)]
    resource_name: Field<String>,
    /// `LITERAL` (default), or `PREFIXED`: every resource whose name begins so.
    #[attribute(optional, default = "LITERAL", replaces = REPLACES, one_of = PATTERN_TYPES)]
    pattern_type: Field<String>,
    /// Who: `User:NAME`, `User:CN=…` for a certificate, `User:ANONYMOUS`, or `User:*`.
    #[attribute(required, replaces = REPLACES, check = check_principal)]
    principal: Field<String>,
    /// Address that it holds for. Default: `*`, every one.
    #[attribute(optional, default = "*", replaces = REPLACES, check = not_empty)]
    host: Field<String>,
    /// What is done, such as `READ`, or `ALL`.
    #[attribute(required, replaces = REPLACES, one_of = OPERATIONS)]
    operation: Field<String>,
    /// `ALLOW` (default) or `DENY`, which counts before every `ALLOW`.
    #[attribute(optional, default = "ALLOW", replaces = REPLACES, one_of = PERMISSIONS)]
    permission: Field<String>,
    /// All arguments, with `|` between them.
    #[attribute(computed, stable)]
    id: Field<String>,
}

impl AclModel {
    /// The list, as the control plane has it.
    fn acl(&self) -> AccessControlList {
        AccessControlList {
            resource_type: self.resource_type.or_default(),
            resource_name: self.resource_name.or_default(),
            pattern_type: self.pattern_type.or_default(),
            principal: self.principal.or_default(),
            host: self.host.or_default(),
            operation: self.operation.or_default(),
            permission: self.permission.or_default(),
        }
    }

    fn set_id(&mut self) {
        self.id = id(&self.cluster_arn.or_default(), &self.acl()).into();
    }
}

/// The resource type.
pub(crate) struct Acl {
    control_plane: Arc<ControlPlane>,
    reads: Batch<()>,
    schema: Schema,
}

impl Acl {
    pub(crate) fn new(control_plane: Arc<ControlPlane>) -> Self {
        Self {
            control_plane,
            // One list is found in all of them in any case.
            reads: Batch::new(0),
            schema: AclModel::schema(),
        }
    }

    /// Whether a list is there, out of what one question has answered where many are read.
    async fn exists(&self, client: &Client, cluster_arn: &str, acl: &AccessControlList) -> Result<bool> {
        let all = async {
            let lists = client.list_acls(cluster_arn).await?;
            Ok(Some(lists.iter().map(|acl| (id(cluster_arn, acl), ())).collect()))
        };
        match self.reads.take(cluster_arn, &id(cluster_arn, acl), all).await {
            Some(found) => Ok(found.is_some()),
            None => is_there(client, cluster_arn, acl).await,
        }
    }
}

#[async_trait]
impl Resource for Acl {
    fn type_name(&self) -> &'static str {
        "msk_acl"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn identity(&self) -> &'static [&'static str] {
        &IDENTITY
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        let mut diagnostics = Diagnostics::none();
        let config = AclModel::from_object(config);
        let of_cluster = config.resource_type.as_str() == Some("CLUSTER");
        if of_cluster && config.resource_name.as_str().is_some_and(|name| name != CLUSTER_NAME) {
            diagnostics.attribute_error(
                Path::attribute("resource_name"),
                "There is one cluster",
                format!("With resource_type = \"CLUSTER\" the only resource_name is {CLUSTER_NAME:?}."),
            );
        }
        diagnostics
    }

    async fn plan(&self, _context: &Context, _plan: &mut Plan<'_>) -> Diagnostics {
        Diagnostics::none()
    }

    async fn create(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let mut planned = AclModel::from_object(&request.planned);
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let (cluster_arn, acl) = (planned.cluster_arn.or_default(), planned.acl());
        self.reads.forget(&cluster_arn).await;
        let doing = format!("create {}", describe(&acl));
        // One that is there already is the same: whoever made it meant the same.
        let created = client.create_acls(&cluster_arn, std::slice::from_ref(&acl));
        match patiently(context, timeouts::DEFAULT, &doing, created).await {
            Ok(()) => {
                planned.set_id();
                sink.save(planned.to_object());
                Diagnostics::none()
            }
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }

    async fn read(&self, context: &Context, request: ReadRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = AclModel::from_object(&request.prior);
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let acl = state.acl();
        let has = |cluster_arn: String| {
            let (client, acl) = (client.clone(), acl.clone());
            async move { is_there(&client, &cluster_arn, &acl).await }
        };
        if let Err(diagnostics) = name_cluster(&client, &mut state.cluster_arn, &describe(&acl), has).await {
            return diagnostics;
        }
        let (cluster_arn, doing) = (state.cluster_arn.or_default(), format!("read {}", describe(&acl)));
        let exists = self.exists(&client, &cluster_arn, &acl);
        match patiently(context, timeouts::DEFAULT, &doing, exists).await {
            Ok(true) => {
                state.set_id();
                sink.save(state.to_object());
                Diagnostics::none()
            }
            Ok(false) => {
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

    async fn update(&self, _context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        // Every argument replaces it.
        sink.save(request.planned);
        Diagnostics::none()
    }

    async fn delete(&self, context: &Context, request: DeleteRequest) -> Diagnostics {
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let prior = AclModel::from_object(&request.prior);
        let (cluster_arn, acl) = (prior.cluster_arn.or_default(), prior.acl());
        self.reads.forget(&cluster_arn).await;
        let doing = format!("delete {}", describe(&acl));
        let deleted = client.delete_acls(&cluster_arn, std::slice::from_ref(&acl));
        match patiently(context, timeouts::DEFAULT, &doing, deleted).await {
            Err(error) if !error.is_not_found() => diagnostics::of_call(&doing, &error),
            _ => Diagnostics::none(),
        }
    }

    fn moved_state(&self, source: &str, state: &serde_json::Value) -> Option<Object> {
        let text = |theirs| moved::text(source, "kafka_acl", state, theirs);
        let word = |theirs| text(theirs).map(moved::kafka_word);
        let moved = AclModel {
            resource_type: word("resource_type")?.into(),
            resource_name: text("resource_name")?.into(),
            pattern_type: word("resource_pattern_type_filter")?.into(),
            principal: text("acl_principal")?.into(),
            host: text("acl_host")?.into(),
            operation: word("acl_operation")?.into(),
            permission: word("acl_permission_type")?.into(),
            ..AclModel::default()
        };
        Some(moved.to_object())
    }

    async fn import(&self, _context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        let parts: Vec<&str> = id.trim().split(SEPARATOR).collect();
        if parts.len() != IDENTITY.len() || arn::cluster(parts[0]).is_none() {
            return Err(no_id(id));
        }
        let mut state = AclModel::default().to_object();
        for (name, part) in IDENTITY.into_iter().zip(parts) {
            state.set_string(name, part);
        }
        Ok(state)
    }
}

fn no_id(id: &str) -> Diagnostics {
    Diagnostics::from_error(
        "This is not the id of an access control list",
        format!(
            "{id:?} has not the form CLUSTER_ARN|RESOURCE_TYPE|RESOURCE_NAME|PATTERN_TYPE|PRINCIPAL|HOST|OPERATION|PERMISSION, such \
             as arn:aws:kafka:…|TOPIC|orders|LITERAL|User:app|*|READ|ALLOW."
        ),
    )
}

async fn is_there(client: &Client, cluster_arn: &str, acl: &AccessControlList) -> Result<bool> {
    Ok(client.list_acls(cluster_arn).await?.contains(acl))
}

/// In the order of [`IDENTITY`].
fn identity_parts<'a>(cluster_arn: &'a str, acl: &'a AccessControlList) -> [&'a str; IDENTITY.len()] {
    [
        cluster_arn,
        &acl.resource_type,
        &acl.resource_name,
        &acl.pattern_type,
        &acl.principal,
        &acl.host,
        &acl.operation,
        &acl.permission,
    ]
}

/// The identity of a list that exists.
pub(crate) fn identity(cluster_arn: &str, acl: &AccessControlList) -> Object {
    let mut identity = Object::new();
    for (name, part) in IDENTITY.into_iter().zip(identity_parts(cluster_arn, acl)) {
        identity.set_string(name, part);
    }
    identity
}

/// The id of a list.
pub(crate) fn id(cluster_arn: &str, acl: &AccessControlList) -> String {
    identity_parts(cluster_arn, acl).join(&SEPARATOR.to_string())
}

/// What a list says, in a line.
pub(crate) fn summary(acl: &AccessControlList) -> String {
    format!(
        "{} {} for {} on {} {:?}",
        acl.permission, acl.operation, acl.principal, acl.resource_type, acl.resource_name
    )
}

/// For messages.
fn describe(acl: &AccessControlList) -> String {
    format!("the access control list {}", summary(acl))
}

fn not_empty(value: &Value) -> Vec<String> {
    match value.as_str() {
        Some("") => vec!["it is empty".to_owned()],
        _ => Vec::new(),
    }
}

fn check_principal(value: &Value) -> Vec<String> {
    let principal = value.as_str().unwrap_or_default();
    match principal.split_once(':') {
        Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Vec::new(),
        _ => vec![format!("{principal:?} is no principal: it has the form User:NAME")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(AclModel::schema().problems(), Vec::<String>::new());
    }

    #[test]
    fn principals_have_a_type_and_a_name() {
        assert!(check_principal(&Value::string("User:CN=orders,O=Shop")).is_empty());
        for wrong in ["app", "User:", ":app", ""] {
            assert_eq!(check_principal(&Value::string(wrong)).len(), 1, "{wrong:?}");
        }
    }
}
