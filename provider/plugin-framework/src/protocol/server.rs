//! What all RPCs share: the provider, its schemas, and how a call is run.

use std::{any::Any, collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::{
    action::Action,
    data_source::DataSource,
    diagnostics::Diagnostics,
    ephemeral_resource::EphemeralResource,
    function::Function,
    list_resource::ListResource,
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

/// A list resource type and what is derived from its schema once.
pub(crate) struct RegisteredListResource {
    pub(crate) list_resource: Arc<dyn ListResource>,
    pub(crate) of: Type,
}

/// An action type and what is derived from its schema once.
pub(crate) struct RegisteredAction {
    pub(crate) action: Arc<dyn Action>,
    pub(crate) of: Type,
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
    pub(crate) list_resources: BTreeMap<&'static str, RegisteredListResource>,
    pub(crate) actions: BTreeMap<&'static str, RegisteredAction>,
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
        let list_resources = provider.list_resources().into_iter().map(|list_resource| {
            let of = list_resource.schema().object_type();
            (list_resource.type_name(), RegisteredListResource { list_resource, of })
        });
        let list_resources = list_resources.collect();
        let actions = provider.actions().into_iter().map(|action| {
            let of = action.schema().object_type();
            (action.type_name(), RegisteredAction { action, of })
        });
        let actions = actions.collect();
        let functions = provider.functions().into_iter();
        let functions = functions.map(|function| (function.name(), function)).collect();
        Self {
            shared: Arc::new(Shared {
                provider,
                resources,
                data_sources,
                ephemeral_resources,
                list_resources,
                actions,
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

    /// The list resource of a request.
    pub(crate) fn list_resource(&self, type_name: &str) -> Result<&RegisteredListResource, Diagnostics> {
        named(&self.list_resources, "list resource", type_name)
    }

    /// The action of a request.
    pub(crate) fn action(&self, type_name: &str) -> Result<&RegisteredAction, Diagnostics> {
        named(&self.actions, "action", type_name)
    }

    /// What is wrong with the provider's own schemas.
    pub(crate) fn schema_problems(&self) -> Diagnostics {
        let mut diagnostics = Diagnostics::none();
        let resources = self.resources.iter().map(|(name, it)| (*name, it.schema()));
        let data_sources = self.data_sources.iter().map(|(name, it)| (*name, it.schema()));
        let ephemeral = self.ephemeral_resources.iter().map(|(name, it)| (*name, it.schema()));
        let lists = self.list_resources.iter();
        let lists = lists.map(|(name, it)| (*name, it.list_resource.schema()));
        let actions = self.actions.iter().map(|(name, it)| (*name, it.action.schema()));
        for (name, schema) in resources
            .chain(data_sources)
            .chain(ephemeral)
            .chain(lists)
            .chain(actions)
            .chain([("provider", self.provider.schema())])
        {
            for problem in schema.problems() {
                diagnostics.error(format!("The schema of {name} is wrong"), problem);
            }
        }
        for (name, registered) in &self.resources {
            for part in registered.resource.identity() {
                if !registered.schema().attributes.contains_key(*part) {
                    let detail = format!("its identity names {part:?}, which is no attribute");
                    diagnostics.error(format!("The schema of {name} is wrong"), detail);
                }
            }
        }
        for name in self.list_resources.keys() {
            if self.resources.get(name).and_then(Registered::identity_type).is_none() {
                let detail = "no resource of this name has an identity";
                diagnostics.error(format!("{name} cannot be listed"), detail);
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
