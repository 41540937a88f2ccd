//! What an author of a provider implements.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    action::Action,
    data_source::DataSource,
    diagnostics::Diagnostics,
    ephemeral_resource::EphemeralResource,
    function::Function,
    list_resource::ListResource,
    resource::{Context, Resource},
    schema::Schema,
    value::Object,
};

/// The provider block, as configured. Values may be unknown during a plan.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Attributes and blocks.
    pub values: Object,
    /// Version of Terraform or OpenTofu.
    pub terraform_version: String,
}

/// A provider.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Schema of the provider block.
    fn schema(&self) -> &Schema;

    /// Checks the provider block; values may be unknown.
    fn validate(&self, _configuration: &Object) -> Diagnostics {
        Diagnostics::none()
    }

    /// Takes over the provider block. Called before anything that talks to the outside.
    async fn configure(&self, context: &Context, configuration: Configuration) -> Diagnostics;

    /// True when the provider block has values that are not known yet, so that nothing can be looked up. Cores that allow it are
    /// told to plan again later; others get the answers of the resources.
    fn is_configured_later(&self) -> bool {
        false
    }

    /// The resource types.
    fn resources(&self) -> Vec<Arc<dyn Resource>>;

    /// The data sources.
    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        Vec::new()
    }

    /// The ephemeral resources.
    fn ephemeral_resources(&self) -> Vec<Arc<dyn EphemeralResource>> {
        Vec::new()
    }

    /// The list resources.
    fn list_resources(&self) -> Vec<Arc<dyn ListResource>> {
        Vec::new()
    }

    /// The actions.
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        Vec::new()
    }

    /// The functions.
    fn functions(&self) -> Vec<Arc<dyn Function>> {
        Vec::new()
    }
}
