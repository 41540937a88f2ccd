//! An ephemeral resource: what a run needs and no state keeps, such as a secret.

use std::time::SystemTime;

use async_trait::async_trait;

use crate::{diagnostics::Diagnostics, private_state::PrivateState, resource::Context, schema::Schema, value::Object};

/// An ephemeral resource type. Terraform opens it when a run needs it, in a plan and again in an apply, renews it while
/// the run lasts, and closes it at the end.
#[async_trait]
pub trait EphemeralResource: Send + Sync {
    /// Name with the provider's prefix.
    fn type_name(&self) -> &'static str;

    /// Its schema.
    fn schema(&self) -> &Schema;

    /// Checks a configuration beyond what the schema says; values may be unknown.
    fn validate(&self, _config: &Object) -> Diagnostics {
        Diagnostics::none()
    }

    /// Opens it; `config` is wholly known, and stands in the answer as it is.
    async fn open(&self, context: &Context, config: Object) -> Result<Opened, Diagnostics>;

    /// Makes what is open last longer. Called at the time that was named, and only if one was.
    async fn renew(&self, _context: &Context, private: PrivateState) -> Result<Renewed, Diagnostics> {
        Ok(Renewed {
            private,
            renew_at: None,
        })
    }

    /// Ends what is open.
    async fn close(&self, _context: &Context, _private: PrivateState) -> Diagnostics {
        Diagnostics::none()
    }
}

/// What is open.
#[derive(Clone, Debug)]
pub struct Opened {
    /// All attributes, those of the configuration too. Terraform keeps none of it.
    pub result: Object,
    /// For those who renew and close it.
    pub private: PrivateState,
    /// When it has to be renewed, if it has.
    pub renew_at: Option<SystemTime>,
}

impl Opened {
    /// Something that needs neither renewal nor an end.
    pub fn for_good(result: Object) -> Self {
        Self {
            result,
            private: PrivateState::default(),
            renew_at: None,
        }
    }
}

/// What goes on being open.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// For those who renew and close it.
    pub private: PrivateState,
    /// When it has to be renewed again, if it has.
    pub renew_at: Option<SystemTime>,
}
