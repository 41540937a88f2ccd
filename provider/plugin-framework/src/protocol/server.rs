//! What all RPCs share: the provider, its schemas, and how a call is run.

use std::{any::Any, collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::{
    diagnostics::Diagnostics,
    provider::Provider,
    resource::{Context, Resource},
    schema::Schema,
    value::Type,
};

/// A resource type and what is derived from its schema once.
pub(crate) struct Registered {
    pub(crate) resource: Arc<dyn Resource>,
    pub(crate) of: Type,
}

impl Registered {
    pub(crate) fn schema(&self) -> &Schema {
        self.resource.schema()
    }
}

/// Serves a provider over the protocol.
#[derive(Clone)]
pub struct Server {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) resources: BTreeMap<&'static str, Registered>,
    pub(crate) stop: CancellationToken,
}

impl Server {
    /// A server for `provider`.
    pub fn new(provider: Arc<dyn Provider>) -> Self {
        let resources = provider.resources().into_iter().map(|resource| {
            let of = resource.schema().object_type();
            (resource.type_name(), Registered { resource, of })
        });
        let resources = resources.collect();
        Self {
            shared: Arc::new(Shared {
                provider,
                resources,
                stop: CancellationToken::new(),
            }),
        }
    }
}

impl Shared {
    pub(crate) fn context(&self) -> Context {
        Context {
            stop: self.stop.child_token(),
        }
    }

    /// The resource type of a request.
    pub(crate) fn resource(&self, type_name: &str) -> Result<&Registered, Diagnostics> {
        self.resources.get(type_name).ok_or_else(|| {
            let known: Vec<&str> = self.resources.keys().copied().collect();
            let detail = format!("This version of the provider has {}.", known.join(", "));
            Diagnostics::from_error(format!("There is no resource type {type_name:?}"), detail)
        })
    }

    /// What is wrong with the provider's own schemas.
    pub(crate) fn schema_problems(&self) -> Diagnostics {
        let mut diagnostics = Diagnostics::none();
        let resources = self.resources.iter().map(|(name, it)| (*name, it.schema()));
        for (name, schema) in resources.chain([("provider", self.provider.schema())]) {
            for problem in schema.problems() {
                diagnostics.error(format!("The schema of {name} is wrong"), problem);
            }
        }
        diagnostics
    }
}

/// Runs a call; a panic in it becomes a diagnostic, and the provider lives on.
pub(crate) async fn guarded<T>(call: impl Future<Output = T>) -> Result<T, Diagnostics> {
    AssertUnwindSafe(call).catch_unwind().await.map_err(|panic| {
        let detail = format!(
            "The provider hit a bug: {}. Nothing is known of what was done; run the command again. The provider's log has \
             the place (TF_LOG=error).",
            panic_message(panic.as_ref())
        );
        Diagnostics::from_error("The provider panicked", detail)
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown panic")
}
