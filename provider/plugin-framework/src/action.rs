//! An action: something that is done once, by `terraform apply -invoke` or when a resource changes, and leaves no state.

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::{diagnostics::Diagnostics, resource::Context, schema::Schema, value::Object};

/// An action type.
#[async_trait]
pub trait Action: Send + Sync {
    /// Name with the provider's prefix.
    fn type_name(&self) -> &'static str;

    /// Schema of the `config` block.
    fn schema(&self) -> &Schema;

    /// Checks a configuration beyond what the schema says; values may be unknown.
    fn validate(&self, _config: &Object) -> Diagnostics {
        Diagnostics::none()
    }

    /// Refuses what could not be done, or says what a person should know of it, before anything is; values may be unknown.
    async fn plan(&self, _context: &Context, _config: &Object) -> Diagnostics {
        Diagnostics::none()
    }

    /// Does it; `config` is wholly known.
    async fn invoke(&self, context: &Context, config: Object, progress: &Progress) -> Diagnostics;
}

/// Takes what is to be shown while an action goes on.
#[derive(Clone, Debug)]
pub struct Progress(mpsc::UnboundedSender<String>);

impl Progress {
    /// Where it is shown, and where it comes out. A core that shows nothing any more hinders nobody.
    pub(crate) fn channel() -> (Self, mpsc::UnboundedReceiver<String>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Shows a line.
    pub fn say(&self, line: impl Into<String>) {
        let _ = self.0.send(line.into());
    }
}
