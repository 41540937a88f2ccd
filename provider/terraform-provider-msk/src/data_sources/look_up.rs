//! What all data sources do: connect, ask, and say what is wrong.

use std::{marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use control_plane_client::{Client, Error};
use plugin_framework::{
    Context, DataSource, Diagnostics,
    model::{Field, Model},
    schema::Schema,
    value::{Object, Path},
};

use crate::{control_plane::ControlPlane, diagnostics, patience::patiently, timeouts};

/// There is no such thing.
pub(super) struct Missing {
    /// The argument that names it.
    pub(super) argument: &'static str,
    /// What is missing, and what there is.
    pub(super) detail: String,
}

/// What a question leads to: the model of it, filled.
pub(super) type Answer<Q> = Result<Result<Q, Missing>, Error>;

/// A question to the control plane. Its fields are the arguments, and what is found.
#[async_trait]
pub(super) trait Question: Model + Send + Sync + 'static {
    /// Name with the provider's prefix.
    const TYPE_NAME: &'static str;

    /// Asks. What was asked for stands in the answer as it is.
    async fn ask(self, client: &Client) -> Answer<Self>;
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
        let asked = Q::from_object(&config);
        match patiently(context, timeouts::DEFAULT, &doing, asked.ask(&client)).await {
            Ok(Ok(found)) => Ok(found.to_object()),
            Ok(Err(missing)) => Err(Diagnostics::from_attribute_error(
                Path::attribute(missing.argument),
                "Nothing is found",
                missing.detail,
            )),
            Err(error) => Err(diagnostics::of_call(&doing, &error)),
        }
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

/// Texts of what is found, in its order.
pub(super) fn texts<'a>(texts: impl Iterator<Item = &'a String>) -> Field<Vec<String>> {
    texts.cloned().collect::<Vec<_>>().into()
}
