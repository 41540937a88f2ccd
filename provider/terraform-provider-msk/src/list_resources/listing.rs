//! What all list resources do: connect, ask, and put in order.

use std::{marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use control_plane_client::{Client, Error};
use plugin_framework::{Context, Diagnostics, ListResource, Listed, model::Model, schema::Schema, value::Object};

use crate::{control_plane::ControlPlane, diagnostics, patience::patiently, timeouts};

/// What exists, or why nobody knows.
pub(super) type Found = Result<Vec<Listed>, Error>;

/// What can be counted. Its fields are the arguments of the `config` block.
#[async_trait]
pub(super) trait Census: Model + Send + Sync + 'static {
    /// Name of the resource type.
    const TYPE_NAME: &'static str;

    /// Counts.
    async fn ask(&self, client: &Client) -> Found;
}

/// A list resource.
pub(super) struct Listing<C> {
    control_plane: Arc<ControlPlane>,
    schema: Schema,
    census: PhantomData<fn() -> C>,
}

impl<C: Census> Listing<C> {
    pub(super) fn shared(control_plane: &Arc<ControlPlane>) -> Arc<dyn ListResource> {
        Arc::new(Self {
            control_plane: Arc::clone(control_plane),
            schema: C::schema(),
            census: PhantomData,
        })
    }
}

#[async_trait]
impl<C: Census> ListResource for Listing<C> {
    fn type_name(&self) -> &'static str {
        C::TYPE_NAME
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    async fn list(&self, context: &Context, config: Object) -> Result<Vec<Listed>, Diagnostics> {
        let client = self.control_plane.client().await?;
        let doing = format!("list {}", C::TYPE_NAME);
        let asked = C::from_object(&config);
        let found = patiently(context, timeouts::DEFAULT, &doing, asked.ask(&client)).await;
        let mut found = found.map_err(|error| diagnostics::of_call(&doing, &error))?;
        found.sort_by(|one, other| one.display_name.cmp(&other.display_name));
        Ok(found)
    }
}

/// One of what exists, known by these texts.
pub(super) fn listed(display_name: impl Into<String>, identity: &[(&str, &str)]) -> Listed {
    let mut object = Object::new();
    for (name, value) in identity {
        object.set_string(name, value);
    }
    Listed {
        identity: object,
        display_name: display_name.into(),
    }
}
