//! What all data sources do: connect, ask, and say what is wrong.

use std::{marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use control_plane_client::{Client, Error};
use plugin_framework::{
    Context, DataSource, Diagnostics,
    schema::{Attribute, Schema},
    value::{Object, Path, Type, Value},
};

use crate::{control_plane::ControlPlane, diagnostics, patience::patiently, timeouts};

/// There is no such thing.
pub(super) struct Missing {
    /// The argument that names it.
    pub(super) argument: &'static str,
    /// What is missing, and what there is.
    pub(super) detail: String,
}

/// What a question leads to.
pub(super) type Answer = Result<Result<Object, Missing>, Error>;

/// A question to the control plane.
#[async_trait]
pub(super) trait Question: Send + Sync + 'static {
    /// Name with the provider's prefix.
    const TYPE_NAME: &'static str;

    /// Its schema.
    fn schema() -> Schema;

    /// Asks. What was asked for stands in the answer as it is.
    async fn ask(client: &Client, asked: Object) -> Answer;
}

/// A data source.
pub(super) struct LookUp<Q> {
    control_plane: Arc<ControlPlane>,
    schema: Schema,
    question: PhantomData<fn() -> Q>,
}

impl<Q: Question> LookUp<Q> {
    pub(super) fn shared(control_plane: &Arc<ControlPlane>) -> Arc<dyn DataSource> {
        Arc::new(Self {
            control_plane: Arc::clone(control_plane),
            schema: Q::schema(),
            question: PhantomData,
        })
    }
}

#[async_trait]
impl<Q: Question> DataSource for LookUp<Q> {
    fn type_name(&self) -> &'static str {
        Q::TYPE_NAME
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    async fn read(&self, context: &Context, config: Object) -> Result<Object, Diagnostics> {
        let client = self.control_plane.client().await?;
        let doing = format!("look up {}", Q::TYPE_NAME);
        let asking = patiently(context, timeouts::DEFAULT, &doing, Q::ask(&client, config));
        match asking.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(missing)) => Err(Diagnostics::from_attribute_error(
                Path::attribute(missing.argument),
                "Nothing is found",
                missing.detail,
            )),
            Err(error) => Err(diagnostics::of_call(&doing, &error)),
        }
    }
}

/// A text that the control plane knows.
pub(super) fn computed(description: &str) -> Attribute {
    Attribute::string().computed().description(description)
}

/// A list of objects that the control plane knows.
pub(super) fn computed_objects(attributes: &[(&str, Type)], description: &str) -> Attribute {
    let attributes = attributes.iter().map(|(name, of)| ((*name).to_owned(), of.clone()));
    let of = Type::List(Box::new(Type::Object(attributes.collect())));
    Attribute::of(of).computed().description(description)
}

/// An argument by which lists are cut short.
pub(super) fn name_prefix(what: &str) -> Attribute {
    Attribute::string()
        .optional()
        .description(&format!("Only {what} whose name begins like this."))
}

/// A map of text, null when it is empty: as in the state of resources.
pub(super) fn map_or_null(map: &std::collections::BTreeMap<String, String>) -> Value {
    if map.is_empty() {
        Value::Null
    } else {
        Value::map_of_strings(map)
    }
}

/// Names in a sentence.
pub(super) fn enumerated<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
