//! A list resource: what exists of a resource type, for `terraform query`.

use async_trait::async_trait;

use crate::{diagnostics::Diagnostics, resource::Context, schema::Schema, value::Object};

/// Finds what exists of a resource type. The type needs an [identity](crate::Resource::identity): it is what a list is made of.
#[async_trait]
pub trait ListResource: Send + Sync {
    /// Name of the resource type that is listed.
    fn type_name(&self) -> &'static str;

    /// Schema of the `config` block.
    fn schema(&self) -> &Schema;

    /// Checks a configuration beyond what the schema says; values may be unknown.
    fn validate(&self, _config: &Object) -> Diagnostics {
        Diagnostics::none()
    }

    /// Finds them; `config` is wholly known. None is an empty list, not an error.
    async fn list(&self, context: &Context, config: Object) -> Result<Vec<Listed>, Diagnostics>;
}

/// One of what exists.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its identity: the attributes that [`Resource::identity`](crate::Resource::identity) names.
    pub identity: Object,
    /// What a person knows it by.
    pub display_name: String,
}
