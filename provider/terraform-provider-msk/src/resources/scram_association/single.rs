//! `msk_single_scram_secret_association`: one secret that is a user of a cluster; others are left alone.

use std::sync::Arc;

use async_trait::async_trait;
use plugin_framework::{
    ApplyRequest, Context, DeleteRequest, Diagnostics, ReadRequest, Resource, StateSink,
    model::{Field, Model},
    schema::Schema,
    value::Object,
};

use super::calls;
use crate::{arn, control_plane::ControlPlane, diagnostics, moved, patience::patiently, timeouts};

/// A secret that is a user of a cluster; others are left alone.
#[derive(Clone, Debug, Default, Model)]
struct SingleScramSecretAssociationModel {
    /// ARN of the cluster.
    #[attribute(required, replaces = calls::ONE_CLUSTER, check = arn::check_cluster)]
    cluster_arn: Field<String>,
    /// ARN of the secret.
    #[attribute(required, replaces = "another secret is another user", check = calls::check_secret)]
    secret_arn: Field<String>,
    /// ARN of the cluster and of the secret, with a comma between.
    #[attribute(computed, stable)]
    id: Field<String>,
}

impl SingleScramSecretAssociationModel {
    /// ARN of the cluster and of the secret.
    fn arns(&self) -> (String, String) {
        (self.cluster_arn.or_default(), self.secret_arn.or_default())
    }
}

/// The resource type.
pub(crate) struct SingleScramSecretAssociation {
    control_plane: Arc<ControlPlane>,
    schema: Schema,
}

impl SingleScramSecretAssociation {
    pub(crate) fn new(control_plane: Arc<ControlPlane>) -> Self {
        Self {
            control_plane,
            schema: SingleScramSecretAssociationModel::schema(),
        }
    }
}

#[async_trait]
impl Resource for SingleScramSecretAssociation {
    fn type_name(&self) -> &'static str {
        "msk_single_scram_secret_association"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn identity(&self) -> &'static [&'static str] {
        &["cluster_arn", "secret_arn"]
    }

    async fn create(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let mut planned = SingleScramSecretAssociationModel::from_object(&request.planned);
        let (cluster_arn, secret_arn) = planned.arns();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let doing = format!("make secret {secret_arn} a user of cluster {cluster_arn}");
        let secrets = [secret_arn.clone()];
        // One that is there already may be that of an apply that was cut off.
        let associated = calls::associate(&client, &cluster_arn, &secrets);
        let told = calls::told(&doing, patiently(context, timeouts::DEFAULT, &doing, associated).await);
        if !told.has_errors() {
            planned.id = id(&cluster_arn, &secret_arn).into();
            sink.save(planned.to_object());
        }
        told
    }

    async fn read(&self, context: &Context, request: ReadRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = SingleScramSecretAssociationModel::from_object(&request.prior);
        let (cluster_arn, secret_arn) = state.arns();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let doing = format!("read the users of cluster {cluster_arn}");
        let found = calls::users(&client, &cluster_arn);
        match patiently(context, timeouts::DEFAULT, &doing, found).await {
            Ok(found) => {
                if found.is_some_and(|users| users.contains(&secret_arn)) {
                    state.id = id(&cluster_arn, &secret_arn).into();
                    sink.save(state.to_object());
                } else {
                    sink.remove();
                }
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
        let (cluster_arn, secret_arn) = SingleScramSecretAssociationModel::from_object(&request.prior).arns();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let doing = format!("take user {secret_arn} away from cluster {cluster_arn}");
        let secrets = [secret_arn];
        let taken = calls::disassociate(&client, &cluster_arn, &secrets);
        calls::told(&doing, patiently(context, timeouts::DEFAULT, &doing, taken).await)
    }

    fn moved_id(&self, source: &str, state: &serde_json::Value) -> Option<String> {
        moved::id_of(
            source,
            "aws_msk_single_scram_secret_association",
            state,
            &["cluster_arn", "secret_arn"],
        )
    }

    async fn import(&self, _context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        let Some((cluster_arn, secret_arn)) = parse(id) else {
            return Err(Diagnostics::from_error(
                "This is not the id of an association",
                format!("{id:?} is not CLUSTER_ARN,SECRET_ARN: the ARN of a cluster and that of a secret."),
            ));
        };
        let state = SingleScramSecretAssociationModel {
            cluster_arn: cluster_arn.into(),
            secret_arn: secret_arn.into(),
            ..SingleScramSecretAssociationModel::default()
        };
        Ok(state.to_object())
    }
}

fn id(cluster_arn: &str, secret_arn: &str) -> String {
    format!("{cluster_arn},{secret_arn}")
}

fn parse(id: &str) -> Option<(&str, &str)> {
    let (cluster_arn, secret_arn) = id.trim().split_once(',')?;
    (arn::cluster(cluster_arn).is_some() && calls::is_secret(secret_arn)).then_some((cluster_arn, secret_arn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(
            SingleScramSecretAssociationModel::schema().problems(),
            Vec::<String>::new()
        );
    }

    #[test]
    fn ids_are_both_arns() {
        let cluster = "arn:aws:kafka:us-east-1:000000000000:cluster/orders/9d2e7c1a-0f7b-4f5e-9a51-6f0a3b1c2d3e-1";
        let secret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:AmazonMSK_a-b1c2d3";
        assert_eq!(parse(&id(cluster, secret)), Some((cluster, secret)));
        for wrong in ["", cluster, secret, &id(secret, cluster)] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
