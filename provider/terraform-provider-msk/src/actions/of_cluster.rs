//! What all actions do: connect, do something to a cluster within a time, and say why it could not be done.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use async_trait::async_trait;
use control_plane_client::{Client, Error};
use plugin_framework::{
    Action, Context, Diagnostics, Progress,
    model::{Field, Model},
    schema::Schema,
    value::Object,
};

use crate::{control_plane::ControlPlane, diagnostics, patience::patiently, timeouts};

/// Something that is done to a cluster. Its fields are the arguments of the `config` block.
#[async_trait]
pub(super) trait Deed: Model + Send + Sync + 'static {
    /// Name of the action type.
    const TYPE_NAME: &'static str;

    /// How long it may take.
    fn timeout(&self) -> &Field<String>;

    /// Completes "cannot …".
    fn describe(&self) -> String;

    /// Does it. `limit` is how long it may take.
    async fn carry_out(&self, client: &Client, limit: Duration, progress: &Progress) -> Result<(), Error>;
}

/// An action.
pub(super) struct OfCluster<D> {
    control_plane: Arc<ControlPlane>,
    schema: Schema,
    deed: PhantomData<fn() -> D>,
}

impl<D: Deed> OfCluster<D> {
    pub(super) fn shared(control_plane: &Arc<ControlPlane>) -> Arc<dyn Action> {
        Arc::new(Self {
            control_plane: Arc::clone(control_plane),
            schema: D::schema(),
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
        let deed = D::from_object(&asked);
        let (limit, doing) = (timeouts::limit(deed.timeout().as_str()), deed.describe());
        let done = deed.carry_out(&client, limit, progress);
        match patiently(context, limit, &doing, done).await {
            Ok(()) => Diagnostics::none(),
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }
}
