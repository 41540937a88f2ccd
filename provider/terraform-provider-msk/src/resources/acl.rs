//! `msk_acl`: an access control list of Kafka. All of its arguments are its identity, so a changed one is another list.

use std::sync::Arc;

use async_trait::async_trait;
use control_plane_api::acls::Acl as AccessControlList;
use control_plane_client::{Client, Result};
use plugin_framework::{
    ApplyRequest, Context, DeleteRequest, Diagnostics, Plan, ReadRequest, Resource, StateSink,
    schema::{Attribute, Schema},
    value::{Object, Path, Value},
};

use super::{batch::Batch, cluster_of::name_cluster};
use crate::{arn, control_plane::ControlPlane, diagnostics, moved, patience::patiently, timeouts};

/// Between the parts of an id.
const SEPARATOR: char = '|';
/// Kafka's words.
const RESOURCE_TYPES: &[&str] = &[
    "TOPIC",
    "GROUP",
    "CLUSTER",
    "TRANSACTIONAL_ID",
    "DELEGATION_TOKEN",
    "USER",
];
const PATTERN_TYPES: &[&str] = &["LITERAL", "PREFIXED"];
const OPERATIONS: &[&str] = &[
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
const PERMISSIONS: &[&str] = &["ALLOW", "DENY"];
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
/// Our arguments, and what they are called in the provider of Mongey.
const MOVED: [(&str, &str); 7] = [
    ("resource_type", "resource_type"),
    ("resource_name", "resource_name"),
    ("pattern_type", "resource_pattern_type_filter"),
    ("principal", "acl_principal"),
    ("host", "acl_host"),
    ("operation", "acl_operation"),
    ("permission", "acl_permission_type"),
];
/// The only resource of the type `CLUSTER`.
const CLUSTER_NAME: &str = "kafka-cluster";

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
            schema: schema(),
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
        let of_cluster = config.string("resource_type") == Some("CLUSTER");
        if of_cluster && config.string("resource_name").is_some_and(|name| name != CLUSTER_NAME) {
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
        let mut planned = request.planned;
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let (cluster_arn, acl) = parts(&planned);
        self.reads.forget(&cluster_arn).await;
        let doing = format!("create {}", describe(&acl));
        // One that is there already is the same: whoever made it meant the same.
        let created = client.create_acls(&cluster_arn, std::slice::from_ref(&acl));
        match patiently(context, timeouts::DEFAULT, &doing, created).await {
            Ok(()) => {
                planned.set_string("id", id(&cluster_arn, &acl));
                sink.save(planned);
                Diagnostics::none()
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
        let (_, acl) = parts(&state);
        let has = |cluster_arn: String| {
            let (client, acl) = (client.clone(), acl.clone());
            async move { is_there(&client, &cluster_arn, &acl).await }
        };
        if let Err(diagnostics) = name_cluster(&client, &mut state, &describe(&acl), has).await {
            return diagnostics;
        }
        let (cluster_arn, acl) = parts(&state);
        let doing = format!("read {}", describe(&acl));
        match patiently(
            context,
            timeouts::DEFAULT,
            &doing,
            self.exists(&client, &cluster_arn, &acl),
        )
        .await
        {
            Ok(true) => {
                state.set_string("id", id(&cluster_arn, &acl));
                sink.save(state);
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
        let (cluster_arn, acl) = parts(&request.prior);
        self.reads.forget(&cluster_arn).await;
        let doing = format!("delete {}", describe(&acl));
        let deleted = client.delete_acls(&cluster_arn, std::slice::from_ref(&acl));
        match patiently(context, timeouts::DEFAULT, &doing, deleted).await {
            Err(error) if !error.is_not_found() => diagnostics::of_call(&doing, &error),
            _ => Diagnostics::none(),
        }
    }

    fn moved_state(&self, source: &str, state: &serde_json::Value) -> Option<Object> {
        let mut moved = Object::from_value(self.schema.empty_value()).unwrap_or_default();
        for (ours, theirs) in MOVED {
            let text = moved::text(source, "kafka_acl", state, theirs)?;
            let is_word = !["resource_name", "principal", "host"].contains(&ours);
            moved.set_string(
                ours,
                if is_word {
                    moved::kafka_word(text)
                } else {
                    text.to_owned()
                },
            );
        }
        Some(moved)
    }

    async fn import(&self, _context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        let parts: Vec<&str> = id.trim().split(SEPARATOR).collect();
        if parts.len() != IDENTITY.len() || arn::cluster(parts[0]).is_none() {
            return Err(no_id(id));
        }
        let mut state = Object::from_value(self.schema.empty_value()).unwrap_or_default();
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

/// The ARN of the cluster and the list that an object describes.
fn parts(object: &Object) -> (String, AccessControlList) {
    let text = |name: &str| object.string(name).unwrap_or_default().to_owned();
    let acl = AccessControlList {
        resource_type: text("resource_type"),
        resource_name: text("resource_name"),
        pattern_type: text("pattern_type"),
        principal: text("principal"),
        host: text("host"),
        operation: text("operation"),
        permission: text("permission"),
    };
    (text("cluster_arn"), acl)
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

fn id(cluster_arn: &str, acl: &AccessControlList) -> String {
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

fn schema() -> Schema {
    let required = |description| {
        Attribute::string()
            .required()
            .replaces("all arguments of an access control list are its identity")
            .description(description)
    };
    let optional = |default: &str, description| {
        Attribute::string()
            .optional()
            .default(Value::String(default.to_owned()))
            .replaces("all arguments of an access control list are its identity")
            .description(description)
    };
    Schema::new()
        .description("An access control list of Kafka: who may, or may not, do what with which resource.")
        .attribute("cluster_arn", required("ARN of the cluster.").check(arn::check_cluster))
        .attribute(
            "resource_type",
            required("`TOPIC`, `GROUP`, `CLUSTER`, `TRANSACTIONAL_ID`, `DELEGATION_TOKEN` or `USER`.")
                .one_of(RESOURCE_TYPES),
        )
        .attribute(
            "resource_name",
            required("Name of the resource; `*` is every one, `kafka-cluster` the cluster.").check(not_empty),
        )
        .attribute(
            "pattern_type",
            optional(
                "LITERAL",
                "`LITERAL` (default), or `PREFIXED`: every resource whose name begins so.",
            )
            .one_of(PATTERN_TYPES),
        )
        .attribute(
            "principal",
            required("Who: `User:NAME`, `User:CN=…` for a certificate, `User:ANONYMOUS`, or `User:*`.")
                .check(|value| check_principal(value.as_str().unwrap_or_default())),
        )
        .attribute(
            "host",
            optional("*", "Address that it holds for. Default: `*`, every one.").check(not_empty),
        )
        .attribute(
            "operation",
            required("What is done, such as `READ`, or `ALL`.").one_of(OPERATIONS),
        )
        .attribute(
            "permission",
            optional(
                "ALLOW",
                "`ALLOW` (default) or `DENY`, which counts before every `ALLOW`.",
            )
            .one_of(PERMISSIONS),
        )
        .attribute(
            "id",
            Attribute::string()
                .computed()
                .stable()
                .description("All arguments, with `|` between them."),
        )
}

fn not_empty(value: &Value) -> Vec<String> {
    match value.as_str() {
        Some("") => vec!["it is empty".to_owned()],
        _ => Vec::new(),
    }
}

fn check_principal(principal: &str) -> Vec<String> {
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
        assert_eq!(schema().problems(), Vec::<String>::new());
    }

    #[test]
    fn principals_have_a_type_and_a_name() {
        assert!(check_principal("User:CN=orders,O=Shop").is_empty());
        for wrong in ["app", "User:", ":app", ""] {
            assert_eq!(check_principal(wrong).len(), 1, "{wrong:?}");
        }
    }
}
