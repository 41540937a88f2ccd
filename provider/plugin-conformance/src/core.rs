//! The calls that core makes of a resource, each answered with values instead of bytes.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use plugin_framework::{
    proto::tfplugin6::{self as proto, provider_client::ProviderClient},
    value::{Type, Value, decode, encode},
};

use crate::{json::to_json, propose::propose, schema::Block, service::Service};

/// An answer that may carry diagnostics.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// What was answered.
    pub value: T,
    /// Summaries and details of the errors.
    pub errors: Vec<String>,
}

/// A planned change.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The planned state; null for a destroy.
    pub state: Value,
    /// Private state for the apply.
    pub private: Vec<u8>,
    /// The change makes a new resource.
    pub replaces: bool,
}

/// What there is after an apply or a read.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The state; null when there is none.
    pub state: Value,
    /// Private state.
    pub private: Vec<u8>,
    /// The identity, where the provider gives one.
    pub identity: Option<Value>,
}

/// What an import begins with.
#[derive(Clone, Debug, PartialEq)]
pub enum Imported {
    /// The id.
    Id(String),
    /// The identity.
    Identity(Value),
}

/// What core knows of a resource type.
#[derive(Clone, Debug)]
struct Known {
    block: Block,
    version: i64,
    of: Type,
    identity: Option<Type>,
}

/// Core, with one provider.
#[derive(Clone, Debug)]
pub struct Core<T> {
    client: ProviderClient<T>,
    resources: BTreeMap<String, Known>,
    lists: BTreeMap<String, Block>,
    provider: Block,
}

impl<T: Service> Core<T> {
    /// Asks for the schemas.
    pub async fn new(service: T) -> Result<Self> {
        let mut client = ProviderClient::new(service);
        let schemas = client
            .get_provider_schema(proto::get_provider_schema::Request {})
            .await?;
        let schemas = schemas.into_inner();
        no_errors(&errors(&schemas.diagnostics))?;
        let identities = client
            .get_resource_identity_schemas(proto::get_resource_identity_schemas::Request {})
            .await;
        // A provider without them does not have to know the call.
        let identities = identities
            .map(|it| it.into_inner().identity_schemas)
            .unwrap_or_default();
        let mut resources = BTreeMap::new();
        for (name, schema) in schemas.resource_schemas {
            let block = Block::of(schema.block.as_ref().context("a schema without a block")?)
                .with_context(|| format!("schema of {name}"))?;
            let identity = identities.get(&name).map(identity_type).transpose()?;
            let (version, of) = (schema.version, block.object_type());
            resources.insert(
                name,
                Known {
                    block,
                    version,
                    of,
                    identity,
                },
            );
        }
        let mut lists = BTreeMap::new();
        for (name, schema) in schemas.list_resource_schemas {
            let block = schema.block.as_ref().context("a schema without a block")?;
            lists.insert(name, Block::of(block)?);
        }
        let provider = schemas.provider.and_then(|schema| schema.block);
        let provider = Block::of(&provider.context("a provider without a schema")?)?;
        Ok(Self {
            client,
            resources,
            lists,
            provider,
        })
    }

    /// Hands the provider block over; `block` names the arguments that are set.
    pub async fn configure(&mut self, block: impl IntoIterator<Item = (&'static str, Value)>) -> Result<()> {
        let config = encode(&self.provider.configuration(block), &self.provider.object_type());
        let request = proto::configure_provider::Request {
            terraform_version: "1.16.4".to_owned(),
            config: Some(dynamic(config)),
            client_capabilities: Some(capabilities()),
        };
        let answer = self.client.configure_provider(request).await?.into_inner();
        no_errors(&errors(&answer.diagnostics))
    }

    /// Schema of a resource type.
    pub fn block(&self, type_name: &str) -> Result<&Block> {
        Ok(&self.known(type_name)?.block)
    }

    fn known(&self, type_name: &str) -> Result<&Known> {
        self.resources
            .get(type_name)
            .with_context(|| format!("there is no resource type {type_name}"))
    }

    /// Type of the identity of a resource type; `None` where it has none.
    pub fn identity_type(&self, type_name: &str) -> Option<&Type> {
        self.resources.get(type_name)?.identity.as_ref()
    }

    /// Checks a configuration.
    pub async fn validate(&mut self, type_name: &str, config: &Value) -> Result<Vec<String>> {
        let request = proto::validate_resource_config::Request {
            type_name: type_name.to_owned(),
            config: Some(dynamic(encode(config, &self.known(type_name)?.of))),
            client_capabilities: Some(capabilities()),
        };
        let answer = self.client.validate_resource_config(request).await?.into_inner();
        Ok(errors(&answer.diagnostics))
    }

    /// Plans a change. `proposed` and `config` are null for a destroy.
    pub async fn plan(
        &mut self,
        type_name: &str,
        prior: &Change,
        proposed: &Value,
        config: &Value,
    ) -> Result<Answer<Planned>> {
        let of = self.known(type_name)?.of.clone();
        let request = proto::plan_resource_change::Request {
            type_name: type_name.to_owned(),
            prior_state: Some(dynamic(encode(&prior.state, &of))),
            proposed_new_state: Some(dynamic(encode(proposed, &of))),
            config: Some(dynamic(encode(config, &of))),
            prior_private: prior.private.clone(),
            client_capabilities: Some(capabilities()),
            prior_identity: self.identity(type_name, prior.identity.as_ref()),
            ..Default::default()
        };
        let answer = self.client.plan_resource_change(request).await?.into_inner();
        Ok(Answer {
            value: Planned {
                state: value(answer.planned_state.as_ref(), &of)?,
                private: answer.planned_private,
                replaces: !answer.requires_replace.is_empty(),
            },
            errors: errors(&answer.diagnostics),
        })
    }

    /// Applies a plan.
    pub async fn apply(
        &mut self,
        type_name: &str,
        prior: &Value,
        planned: &Planned,
        config: &Value,
    ) -> Result<Answer<Change>> {
        let known = self.known(type_name)?.clone();
        let request = proto::apply_resource_change::Request {
            type_name: type_name.to_owned(),
            prior_state: Some(dynamic(encode(prior, &known.of))),
            planned_state: Some(dynamic(encode(&planned.state, &known.of))),
            config: Some(dynamic(encode(config, &known.of))),
            planned_private: planned.private.clone(),
            ..Default::default()
        };
        let answer = self.client.apply_resource_change(request).await?.into_inner();
        Ok(Answer {
            value: change(
                &known,
                answer.new_state.as_ref(),
                answer.private,
                answer.new_identity.as_ref(),
            )?,
            errors: errors(&answer.diagnostics),
        })
    }

    /// Reads what there is now.
    pub async fn read(&mut self, type_name: &str, current: &Change) -> Result<Answer<Change>> {
        let known = self.known(type_name)?.clone();
        let request = proto::read_resource::Request {
            type_name: type_name.to_owned(),
            current_state: Some(dynamic(encode(&current.state, &known.of))),
            private: current.private.clone(),
            client_capabilities: Some(capabilities()),
            current_identity: self.identity(type_name, current.identity.as_ref()),
            ..Default::default()
        };
        let answer = self.client.read_resource(request).await?.into_inner();
        Ok(Answer {
            value: change(
                &known,
                answer.new_state.as_ref(),
                answer.private,
                answer.new_identity.as_ref(),
            )?,
            errors: errors(&answer.diagnostics),
        })
    }

    /// Takes the stored form of a state back in.
    pub async fn upgrade(&mut self, type_name: &str, state: &Value) -> Result<Answer<Value>> {
        let known = self.known(type_name)?.clone();
        let request = proto::upgrade_resource_state::Request {
            type_name: type_name.to_owned(),
            version: known.version,
            raw_state: Some(proto::RawState {
                json: serde_json::to_vec(&to_json(state))?,
                ..Default::default()
            }),
        };
        let answer = self.client.upgrade_resource_state(request).await?.into_inner();
        Ok(Answer {
            value: value(answer.upgraded_state.as_ref(), &known.of)?,
            errors: errors(&answer.diagnostics),
        })
    }

    /// Imports; core reads right after.
    pub async fn import(&mut self, type_name: &str, what: &Imported) -> Result<Answer<Change>> {
        let known = self.known(type_name)?.clone();
        let (id, identity) = match what {
            Imported::Id(id) => (id.clone(), None),
            Imported::Identity(identity) => (String::new(), self.identity(type_name, Some(identity))),
        };
        let request = proto::import_resource_state::Request {
            type_name: type_name.to_owned(),
            id,
            client_capabilities: Some(capabilities()),
            identity,
        };
        let answer = self.client.import_resource_state(request).await?.into_inner();
        let imported = match answer.imported_resources.into_iter().next() {
            Some(it) => change(&known, it.state.as_ref(), it.private, it.identity.as_ref())?,
            None => Change::nothing(),
        };
        Ok(Answer {
            value: imported,
            errors: errors(&answer.diagnostics),
        })
    }

    /// The identities of what exists of a resource type; `set` names the arguments of its list that are set.
    pub async fn list(
        &mut self,
        type_name: &str,
        set: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Result<Vec<Value>> {
        let block = self
            .lists
            .get(type_name)
            .with_context(|| format!("{type_name} has no list"))?;
        let config = encode(&block.configuration(set), &block.object_type());
        let of = self.identity_type(type_name).cloned();
        let of = of.with_context(|| format!("{type_name} has no identity"))?;
        let request = proto::list_resource::Request {
            type_name: type_name.to_owned(),
            config: Some(dynamic(config)),
            ..Default::default()
        };
        let mut events = self.client.list_resource(request).await?.into_inner();
        let mut found = Vec::new();
        while let Some(event) = events.message().await? {
            no_errors(&errors(&event.diagnostic))?;
            let identity = event.identity.and_then(|it| it.identity_data);
            found.push(value(identity.as_ref(), &of)?);
        }
        Ok(found)
    }

    /// Makes a resource, as a step of something else: an error where a [`Life`](crate::Life) would have a finding.
    pub async fn create(&mut self, type_name: &str, config: &Value) -> Result<Change> {
        let proposed = propose(self.block(type_name)?, &Value::Null, config);
        let planned = self.plan(type_name, &Change::nothing(), &proposed, config).await?;
        no_errors(&planned.errors)?;
        let made = self.apply(type_name, &Value::Null, &planned.value, config).await?;
        no_errors(&made.errors)?;
        Ok(made.value)
    }

    fn identity(&self, type_name: &str, identity: Option<&Value>) -> Option<proto::ResourceIdentityData> {
        let of = self.identity_type(type_name)?;
        Some(proto::ResourceIdentityData {
            identity_data: Some(dynamic(encode(identity?, of))),
        })
    }
}

impl Change {
    /// Of a resource that is not there yet.
    pub fn nothing() -> Self {
        Self {
            state: Value::Null,
            private: Vec::new(),
            identity: None,
        }
    }
}

fn capabilities() -> proto::ClientCapabilities {
    proto::ClientCapabilities {
        write_only_attributes_allowed: true,
        store_planned_private: true,
        ..Default::default()
    }
}

fn identity_type(schema: &proto::ResourceIdentitySchema) -> Result<Type> {
    let attributes = schema.identity_attributes.iter().map(|attribute| {
        let json = serde_json::from_slice(&attribute.r#type)?;
        let of = Type::from_json(&json).with_context(|| format!("{:?} has the type {json}", attribute.name))?;
        Ok((attribute.name.clone(), of))
    });
    Ok(Type::Object(attributes.collect::<Result<_>>()?))
}

/// The parts that answer a change, a read and an import alike.
fn change(
    known: &Known,
    state: Option<&proto::DynamicValue>,
    private: Vec<u8>,
    identity: Option<&proto::ResourceIdentityData>,
) -> Result<Change> {
    Ok(Change {
        state: value(state, &known.of)?,
        private,
        identity: known_identity(known, identity)?,
    })
}

fn known_identity(known: &Known, sent: Option<&proto::ResourceIdentityData>) -> Result<Option<Value>> {
    match (&known.identity, sent.and_then(|it| it.identity_data.as_ref())) {
        (Some(of), Some(sent)) => Ok(Some(value(Some(sent), of)?)),
        _ => Ok(None),
    }
}

fn dynamic(msgpack: Vec<u8>) -> proto::DynamicValue {
    proto::DynamicValue {
        msgpack,
        json: Vec::new(),
    }
}

fn value(sent: Option<&proto::DynamicValue>, of: &Type) -> Result<Value> {
    match sent {
        Some(sent) if !sent.msgpack.is_empty() => {
            decode(&sent.msgpack, of).map_err(|error| anyhow!("the provider sent a value that does not fit: {error}"))
        }
        _ => Ok(Value::Null),
    }
}

fn errors(diagnostics: &[proto::Diagnostic]) -> Vec<String> {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity() == proto::diagnostic::Severity::Error);
    errors
        .map(|diagnostic| format!("{}: {}", diagnostic.summary, diagnostic.detail))
        .collect()
}

fn no_errors(errors: &[String]) -> Result<()> {
    match errors.first() {
        Some(error) => Err(anyhow!("{error}")),
        None => Ok(()),
    }
}
