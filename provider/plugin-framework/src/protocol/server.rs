//! What all RPCs share: the provider, its schemas, and how a call is run.

use std::{any::Any, collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::{
    data_source::DataSource,
    diagnostics::Diagnostics,
    ephemeral_resource::EphemeralResource,
    function::Function,
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

/// A data source type and what is derived from its schema once.
pub(crate) struct RegisteredDataSource {
    pub(crate) data_source: Arc<dyn DataSource>,
    pub(crate) of: Type,
}

impl RegisteredDataSource {
    pub(crate) fn schema(&self) -> &Schema {
        self.data_source.schema()
    }
}

/// An ephemeral resource type and what is derived from its schema once.
pub(crate) struct RegisteredEphemeralResource {
    pub(crate) ephemeral: Arc<dyn EphemeralResource>,
    pub(crate) of: Type,
}

impl RegisteredEphemeralResource {
    pub(crate) fn schema(&self) -> &Schema {
        self.ephemeral.schema()
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
    pub(crate) data_sources: BTreeMap<&'static str, RegisteredDataSource>,
    pub(crate) ephemeral_resources: BTreeMap<&'static str, RegisteredEphemeralResource>,
    pub(crate) functions: BTreeMap<&'static str, Arc<dyn Function>>,
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
        let data_sources = provider.data_sources().into_iter().map(|data_source| {
            let of = data_source.schema().object_type();
            (data_source.type_name(), RegisteredDataSource { data_source, of })
        });
        let data_sources = data_sources.collect();
        let ephemeral_resources = provider.ephemeral_resources().into_iter().map(|ephemeral| {
            let of = ephemeral.schema().object_type();
            (ephemeral.type_name(), RegisteredEphemeralResource { ephemeral, of })
        });
        let ephemeral_resources = ephemeral_resources.collect();
        let functions = provider.functions().into_iter();
        let functions = functions.map(|function| (function.name(), function)).collect();
        Self {
            shared: Arc::new(Shared {
                provider,
                resources,
                data_sources,
                ephemeral_resources,
                functions,
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
        named(&self.resources, "resource type", type_name)
    }

    /// The data source of a request.
    pub(crate) fn data_source(&self, type_name: &str) -> Result<&RegisteredDataSource, Diagnostics> {
        named(&self.data_sources, "data source", type_name)
    }

    /// The ephemeral resource of a request.
    pub(crate) fn ephemeral_resource(&self, type_name: &str) -> Result<&RegisteredEphemeralResource, Diagnostics> {
        named(&self.ephemeral_resources, "ephemeral resource", type_name)
    }

    /// What is wrong with the provider's own schemas.
    pub(crate) fn schema_problems(&self) -> Diagnostics {
        let mut diagnostics = Diagnostics::none();
        let resources = self.resources.iter().map(|(name, it)| (*name, it.schema()));
        let data_sources = self.data_sources.iter().map(|(name, it)| (*name, it.schema()));
        let ephemeral = self.ephemeral_resources.iter().map(|(name, it)| (*name, it.schema()));
        for (name, schema) in resources
            .chain(data_sources)
            .chain(ephemeral)
            .chain([("provider", self.provider.schema())])
        {
            for problem in schema.problems() {
                diagnostics.error(format!("The schema of {name} is wrong"), problem);
            }
        }
        diagnostics
    }
}

fn named<'a, T>(all: &'a BTreeMap<&'static str, T>, what: &str, name: &str) -> Result<&'a T, Diagnostics> {
    all.get(name).ok_or_else(|| {
        let known: Vec<&str> = all.keys().copied().collect();
        let detail = format!("This version of the provider has {}.", known.join(", "));
        Diagnostics::from_error(format!("There is no {what} {name:?}"), detail)
    })
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
