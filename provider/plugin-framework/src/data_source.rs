//! A data source: what exists is looked up, and nothing is changed.

use async_trait::async_trait;

use crate::{diagnostics::Diagnostics, resource::Context, schema::Schema, value::Object};

/// A data source type.
#[async_trait]
pub trait DataSource: Send + Sync {
    /// Name with the provider's prefix.
    fn type_name(&self) -> &'static str;

    /// Its schema.
    fn schema(&self) -> &Schema;

    /// Checks a configuration beyond what the schema says; values may be unknown.
    fn validate(&self, _config: &Object) -> Diagnostics {
        Diagnostics::none()
    }

    /// Looks it up; `config` is wholly known, and stands in the answer as it is. What does not exist is an error.
    async fn read(&self, context: &Context, config: Object) -> Result<Object, Diagnostics>;
}
