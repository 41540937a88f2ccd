//! `msk_cluster_policy`: who of other accounts may call for a cluster, and use its data.

use std::sync::Arc;

use async_trait::async_trait;
use control_plane_api::policies::{GetClusterPolicyResponse, PutClusterPolicyRequest};
use control_plane_client::{Client, Error, Result};
use plugin_framework::{
    ApplyRequest, Context, DeleteRequest, Diagnostics, Plan, ReadRequest, Resource, StateSink,
    model::{Field, Model},
    schema::Schema,
    value::{Object, Value},
};
use serde_json::Value as Json;

use crate::{arn, control_plane::ControlPlane, diagnostics, moved, patience::patiently, timeouts};

/// Longest text, as MSK has it.
const POLICY_CHARS_MAX: usize = 20_480;

/// Who of other accounts may call for a cluster, and use its data.
#[derive(Clone, Debug, Default, Model)]
struct ClusterPolicyModel {
    /// ARN of the cluster.
    #[attribute(required, replaces = "a policy belongs to one cluster", check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// The policy, as JSON: usually `jsonencode({ … })`.
    #[attribute(required, check = check_policy, same_meaning = |one, other| same_policy(one.as_str(), other.as_str()))]
    policy: Field<String>,
    /// Version of the policy; each change gives it another.
    #[attribute(computed)]
    current_version: Field<String>,
    /// ARN of the cluster.
    #[attribute(computed, stable)]
    id: Field<String>,
}

impl ClusterPolicyModel {
    fn set_version(&mut self, version: String) {
        self.id = self.cluster_arn.clone();
        self.current_version = version.into();
    }
}

/// The resource type.
pub(crate) struct ClusterPolicy {
    control_plane: Arc<ControlPlane>,
    schema: Schema,
}

impl ClusterPolicy {
    pub(crate) fn new(control_plane: Arc<ControlPlane>) -> Self {
        Self {
            control_plane,
            schema: ClusterPolicyModel::schema(),
        }
    }

    /// Writes the policy of a plan down.
    async fn put(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let mut planned = ClusterPolicyModel::from_object(&request.planned);
        // That of the policy that it replaces.
        let prior = request.prior.as_ref().map(ClusterPolicyModel::from_object);
        let version = prior.and_then(|prior| prior.current_version.into_known());
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let (cluster_arn, text) = (planned.cluster_arn.or_default(), planned.policy.or_default());
        let doing = format!("set the policy of cluster {cluster_arn}");
        let put = async {
            if version.is_none()
                && let Some(there) = find(&client, &cluster_arn).await?
            {
                // One of the same words is that of an apply that was cut off.
                let same = same_policy(Some(&there.policy), Some(&text));
                return Ok(same.then_some(there.current_version));
            }
            let request = PutClusterPolicyRequest {
                current_version: version,
                policy: text.clone(),
            };
            let answer = client.put_cluster_policy(&cluster_arn, &request).await?;
            Ok(Some(answer.current_version))
        };
        match patiently(context, timeouts::DEFAULT, &doing, put).await {
            Ok(Some(version)) => {
                planned.set_version(version);
                sink.save(planned.to_object());
                Diagnostics::none()
            }
            Ok(None) => diagnostics::of_existing(
                "policy of cluster",
                &cluster_arn,
                &format!("msk_cluster_policy.NAME {cluster_arn}"),
            ),
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }
}

#[async_trait]
impl Resource for ClusterPolicy {
    fn type_name(&self) -> &'static str {
        "msk_cluster_policy"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn identity(&self) -> &'static [&'static str] {
        &["cluster_arn"]
    }

    async fn plan(&self, _context: &Context, plan: &mut Plan<'_>) -> Diagnostics {
        if plan.is_update() {
            plan.unknown("current_version");
        }
        Diagnostics::none()
    }

    async fn create(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        self.put(context, request, sink).await
    }

    async fn read(&self, context: &Context, request: ReadRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = ClusterPolicyModel::from_object(&request.prior);
        let cluster_arn = state.cluster_arn.or_default();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let doing = format!("read the policy of cluster {cluster_arn}");
        match patiently(context, timeouts::DEFAULT, &doing, find(&client, &cluster_arn)).await {
            Ok(Some(found)) => {
                if !same_policy(state.policy.as_str(), Some(&found.policy)) {
                    state.policy = found.policy.into();
                }
                state.set_version(found.current_version);
                sink.save(state.to_object());
                Diagnostics::none()
            }
            Ok(None) => {
                sink.remove();
                Diagnostics::none()
            }
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }

    async fn update(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        self.put(context, request, sink).await
    }

    async fn delete(&self, context: &Context, request: DeleteRequest) -> Diagnostics {
        let cluster_arn = ClusterPolicyModel::from_object(&request.prior).cluster_arn.or_default();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let doing = format!("take the policy of cluster {cluster_arn} away");
        let deleted = client.delete_cluster_policy(&cluster_arn);
        match patiently(context, timeouts::DEFAULT, &doing, deleted).await {
            Err(error) if !error.is_not_found() => diagnostics::of_call(&doing, &error),
            _ => Diagnostics::none(),
        }
    }

    fn moved_id(&self, source: &str, state: &serde_json::Value) -> Option<String> {
        moved::id_of(source, "aws_msk_cluster_policy", state, &["cluster_arn"])
    }

    async fn import(&self, _context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        let cluster_arn = id.trim();
        if arn::cluster(cluster_arn).is_none() {
            return Err(Diagnostics::from_error(
                "This is not the id of a policy",
                format!("{id:?} is not the ARN of a cluster, which is the id of its policy."),
            ));
        }
        let state = ClusterPolicyModel {
            cluster_arn: cluster_arn.into(),
            ..ClusterPolicyModel::default()
        };
        Ok(state.to_object())
    }
}

/// The policy of a cluster, if it has one and is there.
async fn find(client: &Client, cluster_arn: &str) -> Result<Option<GetClusterPolicyResponse>> {
    match client.get_cluster_policy(cluster_arn).await {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is wrong with the form of a policy; what it says is checked by the control plane.
fn check_policy(value: &Value) -> Vec<String> {
    let text = value.as_str().unwrap_or_default();
    if text.chars().count() > POLICY_CHARS_MAX {
        return vec![format!("a policy has at most {POLICY_CHARS_MAX} characters")];
    }
    match serde_json::from_str::<Json>(text) {
        Ok(Json::Object(members)) if members.contains_key("Statement") => Vec::new(),
        Ok(_) => vec!["a policy is a JSON object with Version and Statement".to_owned()],
        Err(error) => vec![format!("the policy is not JSON: {error}")],
    }
}

/// Whether two texts are the same document.
fn same_policy(one: Option<&str>, other: Option<&str>) -> bool {
    let read = |text: Option<&str>| serde_json::from_str::<Json>(text?).ok();
    one.is_some() && (one == other || read(one).is_some_and(|one| Some(one) == read(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(ClusterPolicyModel::schema().problems(), Vec::<String>::new());
    }

    #[test]
    fn order_and_spaces_are_no_change() {
        let one = r#"{"Version": "2012-10-17", "Statement": []}"#;
        let other = r#"{"Statement":[],"Version":"2012-10-17"}"#;
        assert!(same_policy(Some(one), Some(other)));
        assert!(!same_policy(Some(one), Some(r#"{"Statement":[]}"#)));
        assert!(!same_policy(None, None));
    }

    #[test]
    fn what_is_no_policy_is_told_so() {
        let policy = r#"{"Version": "2012-10-17", "Statement": []}"#;
        assert!(check_policy(&Value::string(policy)).is_empty());
        for wrong in ["", "[]", "{}", "{"] {
            assert_eq!(check_policy(&Value::string(wrong)).len(), 1, "{wrong:?}");
        }
    }
}
