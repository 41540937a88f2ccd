//! What a resource is known by, apart from its state: `import` blocks, lists and other tools name it so. An identity is made of
//! attributes of the state, and has their types.

use std::collections::BTreeMap;

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, encode},
    server::Registered,
};
use crate::{
    diagnostics::Diagnostics,
    schema::Attribute,
    value::{Object, Type, Value},
};

/// Version of all identities: none has changed its form yet.
pub(super) const VERSION: i64 = 0;

impl Registered {
    /// The attributes of its identity, in the order a person would name them.
    fn identity_attributes(&self) -> impl Iterator<Item = (&'static str, &Attribute)> {
        let attributes = &self.schema().attributes;
        let names = self.resource.identity().iter();
        names.filter_map(|name| Some((*name, attributes.get(*name)?)))
    }

    /// Type of its identity; `None` where it has none.
    pub(super) fn identity_type(&self) -> Option<Type> {
        let attributes: BTreeMap<String, Type> = self
            .identity_attributes()
            .map(|(name, attribute)| (name.to_owned(), attribute.of.clone()))
            .collect();
        (!attributes.is_empty()).then_some(Type::Object(attributes))
    }

    /// Schema of its identity. What a configuration may leave out may be left out of an import.
    pub(super) fn identity_schema(&self) -> Option<proto::ResourceIdentitySchema> {
        self.identity_type()?;
        let attributes =
            self.identity_attributes()
                .map(|(name, attribute)| proto::resource_identity_schema::IdentityAttribute {
                    name: name.to_owned(),
                    r#type: attribute.of.to_json().to_string().into_bytes(),
                    required_for_import: !attribute.optional,
                    optional_for_import: attribute.optional,
                    description: attribute.description.clone(),
                });
        Some(proto::ResourceIdentitySchema {
            version: VERSION,
            identity_attributes: attributes.collect(),
        })
    }

    /// The identity of a state; `None` as long as it is not known.
    pub(super) fn identity_of(&self, state: &Value) -> Option<proto::ResourceIdentityData> {
        let (of, state) = (self.identity_type()?, state.as_map()?);
        let mut identity = Object::new();
        for (name, attribute) in self.identity_attributes() {
            let value = state.get(name).unwrap_or(&Value::Null);
            if !value.is_wholly_known() || (value.is_null() && !attribute.optional) {
                return None;
            }
            identity.set(name, value.clone());
        }
        Some(encode_identity(identity, &of))
    }

    /// The identity that a core has sent, complete: what was left out is as if it was left out of a configuration.
    pub(super) fn identity(&self, sent: &proto::ResourceIdentityData) -> Result<Object, Diagnostics> {
        let type_name = self.resource.type_name();
        let of = self.identity_type().ok_or_else(|| {
            Diagnostics::from_error(
                format!("A {type_name} has no identity"),
                "Give the id to import it by instead.",
            )
        })?;
        let mut identity = Object::from_value(decode(sent.identity_data.as_ref(), &of)?).unwrap_or_default();
        for (name, attribute) in self
            .identity_attributes()
            .filter(|(name, _)| identity.is_null(name))
            .collect::<Vec<_>>()
        {
            match &attribute.default {
                Some(default) => identity.set(name, default.clone()),
                None if attribute.optional => continue,
                None => {
                    return Err(Diagnostics::from_error(
                        format!("The identity of the {type_name} is incomplete"),
                        format!("{name} is required."),
                    ));
                }
            };
        }
        Ok(identity)
    }
}

/// As a core takes it.
pub(super) fn encode_identity(identity: Object, of: &Type) -> proto::ResourceIdentityData {
    proto::ResourceIdentityData {
        identity_data: Some(encode(&identity.into_value(), of)),
    }
}
