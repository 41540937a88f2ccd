//! Schemas as the protocol sends them.

use tfplugin_proto::tfplugin6 as proto;

use super::{Attribute, Nesting, Schema, block::Nested};

impl Schema {
    pub(crate) fn to_proto(&self) -> proto::Schema {
        proto::Schema {
            version: self.version,
            block: Some(self.block_to_proto()),
        }
    }

    fn block_to_proto(&self) -> proto::schema::Block {
        proto::schema::Block {
            version: self.version,
            attributes: self.attributes.iter().map(|(name, it)| it.to_proto(name)).collect(),
            block_types: self.blocks.iter().map(|(name, it)| it.to_proto(name)).collect(),
            description: self.description.clone(),
            description_kind: proto::StringKind::Markdown.into(),
            deprecated: false,
            deprecation_message: String::new(),
            computed: false,
        }
    }
}

impl Attribute {
    fn to_proto(&self, name: &str) -> proto::schema::Attribute {
        proto::schema::Attribute {
            name: name.to_owned(),
            r#type: match self.nested {
                None => self.of.to_json().to_string().into_bytes(),
                Some(_) => Vec::new(),
            },
            description: self.description.clone(),
            required: self.required,
            optional: self.optional,
            computed: self.computed,
            sensitive: self.sensitive,
            description_kind: proto::StringKind::Markdown.into(),
            deprecated: self.deprecated.is_some(),
            nested_type: self.nested.as_ref().map(Nested::to_proto_object),
            write_only: self.write_only,
            deprecation_message: self.deprecated.clone().unwrap_or_default(),
        }
    }
}

impl Nested {
    fn to_proto_object(&self) -> proto::schema::Object {
        use proto::schema::object::NestingMode;
        let nesting = match self.nesting {
            Nesting::Single | Nesting::Group => NestingMode::Single,
            Nesting::List { .. } => NestingMode::List,
            Nesting::Set { .. } => NestingMode::Set,
            Nesting::Map => NestingMode::Map,
        };
        proto::schema::Object {
            attributes: self
                .block
                .attributes
                .iter()
                .map(|(name, it)| it.to_proto(name))
                .collect(),
            nesting: nesting.into(),
        }
    }

    fn to_proto(&self, name: &str) -> proto::schema::NestedBlock {
        use proto::schema::nested_block::NestingMode;
        let (nesting, min_items, max_items) = match self.nesting {
            Nesting::Single => (NestingMode::Single, 0, 0),
            Nesting::Group => (NestingMode::Group, 0, 0),
            Nesting::List { min, max } => (NestingMode::List, min, max),
            Nesting::Set { min, max } => (NestingMode::Set, min, max),
            Nesting::Map => (NestingMode::Map, 0, 0),
        };
        proto::schema::NestedBlock {
            type_name: name.to_owned(),
            block: Some(self.block.block_to_proto()),
            nesting: nesting.into(),
            min_items,
            max_items,
        }
    }
}
