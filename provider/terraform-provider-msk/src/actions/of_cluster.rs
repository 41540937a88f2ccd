//! What all actions do: connect, do something to a cluster within a time, and say why it could not be done.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use async_trait::async_trait;
use control_plane_client::{Client, Error};
use plugin_framework::{
    Action, Context, Diagnostics, Progress,
    schema::{Attribute, Schema},
    value::Object,
};

use crate::{arn, control_plane::ControlPlane, diagnostics, patience::patiently, timeouts};

/// Something that is done to a cluster.
#[async_trait]
pub(super) trait Deed: Send + Sync + 'static {
    /// Name of the action type.
    const TYPE_NAME: &'static str;

    /// What it is, in Markdown.
    const DESCRIPTION: &'static str;

    /// Adds its own arguments to those that all have.
    fn arguments(schema: Schema) -> Schema {
        schema
    }

    /// Completes "cannot …".
    fn describe(asked: &Object) -> String;

    /// Does it. `limit` is how long it may take.
    async fn carry_out(client: &Client, asked: &Object, limit: Duration, progress: &Progress) -> Result<(), Error>;
}

/// An action.
pub(super) struct OfCluster<D> {
    control_plane: Arc<ControlPlane>,
    schema: Schema,
    deed: PhantomData<fn() -> D>,
}

impl<D: Deed> OfCluster<D> {
    pub(super) fn shared(control_plane: &Arc<ControlPlane>) -> Arc<dyn Action> {
        let schema = Schema::new()
            .description(D::DESCRIPTION)
            .attribute("cluster_arn", arn::cluster_argument())
            .attribute(
                "timeout",
                Attribute::string()
                    .optional()
                    .check(|value| {
                        value
                            .as_str()
                            .and_then(|text| timeouts::parse(text).err())
                            .into_iter()
                            .collect()
                    })
                    .description("How long it may take, such as `\"90s\"` or `\"10m\"`. Default: `\"10m\"`."),
            );
        Arc::new(Self {
            control_plane: Arc::clone(control_plane),
            schema: D::arguments(schema),
            deed: PhantomData,
        })
    }
}

#[async_trait]
impl<D: Deed> Action for OfCluster<D> {
    fn type_name(&self) -> &'static str {
        D::TYPE_NAME
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    async fn invoke(&self, context: &Context, asked: Object, progress: &Progress) -> Diagnostics {
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let limit = asked.string("timeout").and_then(|text| timeouts::parse(text).ok());
        let (limit, doing) = (limit.unwrap_or(timeouts::DEFAULT), D::describe(&asked));
        let done = D::carry_out(&client, &asked, limit, progress);
        match patiently(context, limit, &doing, done).await {
            Ok(()) => Diagnostics::none(),
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }
}

/// The cluster that it is done to.
pub(super) fn cluster(asked: &Object) -> &str {
    asked.string("cluster_arn").unwrap_or_default()
}
