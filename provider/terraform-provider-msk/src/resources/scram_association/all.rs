//! `msk_scram_secret_association`: the secrets that are users of a cluster, all of them.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use control_plane_client::{Client, Result};
use plugin_framework::{
    ApplyRequest, Context, DeleteRequest, Diagnostics, ReadRequest, Resource, StateSink,
    model::{Field, Model},
    schema::Schema,
    value::{Object, Value},
};

use super::calls;
use crate::{arn, control_plane::ControlPlane, diagnostics, moved, patience::patiently, timeouts};

/// The secrets that are users of a cluster, all of them: others are taken away.
#[derive(Clone, Debug, Default, Model)]
struct ScramSecretAssociationModel {
    /// ARN of the cluster.
    #[attribute(required, replaces = calls::ONE_CLUSTER, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// ARNs of the secrets.
    #[attribute(required, check = check_secrets)]
    secret_arn_list: Field<BTreeSet<String>>,
    /// ARN of the cluster.
    #[attribute(computed, stable)]
    id: Field<String>,
}

/// The resource type.
pub(crate) struct ScramSecretAssociation {
    control_plane: Arc<ControlPlane>,
    schema: Schema,
}

/// What came of making the users of a cluster those that are planned.
enum Outcome {
    Done,
    /// There are users that are not planned, and nobody has said that they may go.
    Others(Vec<String>),
    NoCluster,
    Refused(calls::Refusals),
}

impl ScramSecretAssociation {
    pub(crate) fn new(control_plane: Arc<ControlPlane>) -> Self {
        Self {
            control_plane,
            schema: ScramSecretAssociationModel::schema(),
        }
    }

    async fn put(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let mut planned = ScramSecretAssociationModel::from_object(&request.planned);
        let (cluster_arn, wanted) = (planned.cluster_arn.or_default(), planned.secret_arn_list.or_default());
        let doing = format!("make secrets users of cluster {cluster_arn}");
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let is_new = request.prior.is_none();
        let outcome = change(&client, &cluster_arn, &wanted, is_new);
        match patiently(context, timeouts::DEFAULT, &doing, outcome).await {
            Ok(Outcome::Done) => {
                planned.id = cluster_arn.into();
                sink.save(planned.to_object());
                Diagnostics::none()
            }
            Ok(Outcome::Others(others)) => Diagnostics::from_error(
                format!("Cluster {cluster_arn} has other users already"),
                format!(
                    "This resource has all users of a cluster, and would take these away: {}. To do that, import it, and apply then: \
                     terraform import msk_scram_secret_association.NAME {cluster_arn}. To leave them alone, use \
                     msk_single_scram_secret_association.",
                    others.join(", ")
                ),
            ),
            Ok(Outcome::NoCluster) => Diagnostics::from_error(
                format!("Cannot {doing}"),
                "There is no such cluster any more.".to_owned(),
            ),
            Ok(Outcome::Refused(refused)) => calls::explain(&doing, &refused),
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }
}

async fn change(client: &Client, cluster_arn: &str, wanted: &BTreeSet<String>, is_new: bool) -> Result<Outcome> {
    let Some(there) = calls::users(client, cluster_arn).await? else {
        return Ok(Outcome::NoCluster);
    };
    let others: Vec<String> = there.difference(wanted).cloned().collect();
    if is_new && !others.is_empty() {
        return Ok(Outcome::Others(others));
    }
    let missing: Vec<String> = wanted.difference(&there).cloned().collect();
    // First those that come: a client that changes its user finds one of them at any time.
    let mut refused = calls::associate(client, cluster_arn, &missing).await?;
    if refused.is_empty() {
        refused = calls::disassociate(client, cluster_arn, &others).await?;
    }
    Ok(if refused.is_empty() {
        Outcome::Done
    } else {
        Outcome::Refused(refused)
    })
}

#[async_trait]
impl Resource for ScramSecretAssociation {
    fn type_name(&self) -> &'static str {
        "msk_scram_secret_association"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn identity(&self) -> &'static [&'static str] {
        &["cluster_arn"]
    }

    async fn create(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        self.put(context, request, sink).await
    }

    async fn read(&self, context: &Context, request: ReadRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = ScramSecretAssociationModel::from_object(&request.prior);
        let cluster_arn = state.cluster_arn.or_default();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let doing = format!("read the users of cluster {cluster_arn}");
        let found = calls::users(&client, &cluster_arn);
        match patiently(context, timeouts::DEFAULT, &doing, found).await {
            Ok(Some(found)) if !found.is_empty() => {
                state.id = cluster_arn.into();
                state.secret_arn_list = found.into();
                sink.save(state.to_object());
                Diagnostics::none()
            }
            Ok(_) => {
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
        let prior = ScramSecretAssociationModel::from_object(&request.prior);
        let cluster_arn = prior.cluster_arn.or_default();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let doing = format!("take the users of cluster {cluster_arn} away");
        let gone: Vec<String> = prior.secret_arn_list.or_default().into_iter().collect();
        let taken = calls::disassociate(&client, &cluster_arn, &gone);
        calls::told(&doing, patiently(context, timeouts::DEFAULT, &doing, taken).await)
    }

    fn moved_id(&self, source: &str, state: &serde_json::Value) -> Option<String> {
        moved::id_of(source, "aws_msk_scram_secret_association", state, &["cluster_arn"])
    }

    async fn import(&self, _context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        let cluster_arn = id.trim();
        if arn::cluster(cluster_arn).is_none() {
            return Err(Diagnostics::from_error(
                "This is not the id of an association",
                format!("{id:?} is not the ARN of a cluster, which is the id of the association of its users."),
            ));
        }
        let state = ScramSecretAssociationModel {
            cluster_arn: cluster_arn.into(),
            ..ScramSecretAssociationModel::default()
        };
        Ok(state.to_object())
    }
}

fn check_secrets(value: &Value) -> Vec<String> {
    match value.as_list() {
        Some([]) => vec!["name at least one secret, or remove the resource".to_owned()],
        listed => listed
            .unwrap_or_default()
            .iter()
            .flat_map(calls::check_secret)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(ScramSecretAssociationModel::schema().problems(), Vec::<String>::new());
    }
}
