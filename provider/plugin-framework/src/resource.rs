//! A resource type: what its author implements, and what it is given.

use async_trait::async_trait;
use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;

use crate::{
    diagnostics::Diagnostics,
    private_state::PrivateState,
    schema::Schema,
    value::{Object, Path, Value},
};

/// What every call is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// Cancelled when Terraform asks to stop (first Ctrl-C): finish soon, and leave a state that tells the truth.
    pub stop: CancellationToken,
}

/// A plan in the making; only for create and update.
#[derive(Debug)]
pub struct Plan<'a> {
    /// What the state has; `None` for a resource that is to be created.
    pub prior: Option<&'a Object>,
    /// What the configuration says, unknowns and write-only values included.
    pub config: &'a Object,
    /// What will be: defaults, unknowns and stable values are in it already. To be changed.
    pub planned: &'a mut Object,
    /// Private state that the apply will be given. To be changed.
    pub private: &'a mut PrivateState,
    /// Paths whose change makes a new resource. To be added to.
    pub replaces: &'a mut Vec<Path>,
}

impl Plan<'_> {
    /// The attribute differs from the prior state; true for a new resource.
    pub fn changes(&self, name: &str) -> bool {
        self.prior.is_none_or(|prior| prior.get(name) != self.planned.get(name))
    }

    /// Something in the resource changes.
    pub fn is_update(&self) -> bool {
        self.prior.is_some_and(|prior| prior != &*self.planned)
    }

    /// The attribute is known after apply only.
    pub fn unknown(&mut self, name: &str) {
        self.planned.set(name, Value::unknown());
    }
}

/// Create or update.
#[derive(Debug)]
pub struct ApplyRequest {
    /// What the state has; `None` for create.
    pub prior: Option<Object>,
    /// What was planned.
    pub planned: Object,
    /// The configuration: the only place of write-only values.
    pub config: Object,
}

/// Read.
#[derive(Debug)]
pub struct ReadRequest {
    /// What the state has.
    pub prior: Object,
}

/// Delete.
#[derive(Debug)]
pub struct DeleteRequest {
    /// What the state has.
    pub prior: Object,
}

/// A state of an older schema, as Terraform stored it.
#[derive(Debug)]
pub struct UpgradeRequest {
    /// Version of the schema it was stored with.
    pub version: i64,
    /// The stored object.
    pub state: Json,
}

/// Takes the new state as soon as it is known, so that an error later on loses nothing.
#[derive(Debug, Default)]
pub struct StateSink {
    pub(crate) state: Option<Object>,
    /// Private state; starts as what was planned or stored.
    pub private: PrivateState,
}

impl StateSink {
    pub(crate) fn new(state: Option<Object>, private: PrivateState) -> Self {
        Self { state, private }
    }

    /// This is the state now. Unknown values in it are an error only if the call succeeds; with an error they become
    /// null.
    pub fn save(&mut self, state: Object) {
        self.state = Some(state);
    }

    /// The resource does not exist.
    pub fn remove(&mut self) {
        self.state = None;
    }

    /// What was saved.
    pub fn state(&self) -> Option<&Object> {
        self.state.as_ref()
    }
}

/// A resource type.
#[async_trait]
pub trait Resource: Send + Sync {
    /// Name with the provider's prefix.
    fn type_name(&self) -> &'static str;

    /// Its schema.
    fn schema(&self) -> &Schema;

    /// The attributes that one of them is known by, in the order a person would name them, such as the ARN of a cluster and the
    /// name of something in it. They never change while it exists. None: it is known by its import id only.
    fn identity(&self) -> &'static [&'static str] {
        &[]
    }

    /// Checks a configuration beyond what the schema says; values may be unknown.
    fn validate(&self, _config: &Object) -> Diagnostics {
        Diagnostics::none()
    }

    /// Adjusts a plan to create or update. A pure function of what it is given, apart from reading.
    async fn plan(&self, _context: &Context, _plan: &mut Plan<'_>) -> Diagnostics {
        Diagnostics::none()
    }

    /// Refuses that it is destroyed, or says what a person should know of it.
    async fn plan_delete(&self, _context: &Context, _prior: &Object) -> Diagnostics {
        Diagnostics::none()
    }

    /// Creates it. Save the state as soon as there is something that would otherwise be orphaned.
    async fn create(&self, context: &Context, request: ApplyRequest, state: &mut StateSink) -> Diagnostics;

    /// Reads it; the sink starts with the prior state. `remove` when it is gone; an unreachable server is an error.
    async fn read(&self, context: &Context, request: ReadRequest, state: &mut StateSink) -> Diagnostics;

    /// Changes it; the sink starts with the prior state.
    async fn update(&self, context: &Context, request: ApplyRequest, state: &mut StateSink) -> Diagnostics;

    /// Deletes it; fine when it is gone already.
    async fn delete(&self, context: &Context, request: DeleteRequest) -> Diagnostics;

    /// The state of an existing one, by the id a person gives. What is left null is filled by `read`.
    async fn import(&self, _context: &Context, _id: &str) -> Result<Object, Diagnostics> {
        let type_name = self.type_name();
        Err(Diagnostics::from_error(
            "This resource cannot be imported",
            format!("{type_name} has no import."),
        ))
    }

    /// The state of an existing one, by its [identity](Self::identity). What is left null is filled by `read`.
    async fn import_identity(&self, _context: &Context, identity: &Object) -> Result<Object, Diagnostics> {
        let mut state = Object::from_value(self.schema().empty_value()).unwrap_or_default();
        for (name, value) in identity.entries() {
            state.set(name, value.clone());
        }
        Ok(state)
    }

    /// The id to [`import`](Self::import) a resource by that a `moved` block takes over, out of its state; `None` where nothing
    /// of the type `source` becomes one of this. The provider is not configured then.
    fn moved_id(&self, _source: &str, _state: &Json) -> Option<String> {
        None
    }

    /// The state that a `moved` block makes of a state of the type `source`, where an id would not say enough. What is null in it is
    /// filled by `read`. The provider is not configured then.
    fn moved_state(&self, _source: &str, _state: &Json) -> Option<Object> {
        None
    }

    /// The object of an older schema in the shape of the current one.
    fn upgrade(&self, request: UpgradeRequest) -> Result<Json, Diagnostics> {
        Ok(request.state)
    }
}
