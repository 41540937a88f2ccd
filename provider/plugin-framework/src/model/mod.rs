//! Models: the Rust types that schemas are derived from.
//!
//! ```
//! use plugin_framework::model::{Field, Model};
//!
//! /// A topic of a cluster.
//! #[derive(Clone, Debug, Default, Model)]
//! struct Topic {
//!     /// Name of the topic.
//!     #[attribute(required, replaces = "the name is the identity of a topic")]
//!     name: Field<String>,
//!     /// Number of partitions.
//!     #[attribute(optional, default = 1, between = (1, 1000))]
//!     partition_count: Field<i64>,
//!     /// What becomes of old records. Without a comment here, that of the struct is taken.
//!     #[block]
//!     cleanup: Field<Cleanup>,
//! }
//!
//! /// What is done with old records.
//! #[derive(Clone, Debug, Default, Model)]
//! struct Cleanup {
//!     /// When they are deleted, in hours.
//!     #[attribute(required)]
//!     after: Field<i64>,
//! }
//!
//! let schema = Topic::schema();
//! assert!(schema.problems().is_empty());
//! let topic = Topic {
//!     name: "orders".into(),
//!     ..Topic::default()
//! };
//! assert_eq!(Topic::from_object(&topic.to_object()).name.as_str(), Some("orders"));
//! ```
//!
//! The comment of a field is its description in the documentation, and the comment of the struct that of the whole. A field is an
//! `#[attribute(…)]` with at least one of `required`, `optional` and `computed`, or a `#[block]`. Its type says the rest:
//! `Field<T>`, where `T` is text, a number, a truth, another model (a nested attribute, or a block that stands there once), a `Vec`,
//! a [`Distinct`], a `BTreeSet` or a `BTreeMap` of one of these. [`Plain`] makes `list(object({…}))` of a collection of models, without
//! nested attributes. What several models have in common is a model of its own that each has as a field, `#[flatten]`: its attributes
//! and blocks stand among theirs.
//!
//! Options of attributes are the methods of [`Attribute`](crate::schema::Attribute): `sensitive`, `write_only`, `stable`,
//! `default = …`, `replaces = "why"`, `check = function` (as often as there are checks), `one_of = …`, `between = (least, most)`,
//! `same_meaning = function`, `deprecated = "what to use"`, and `name = "…"` where it is another than the field's. Blocks have
//! `min = …` and `max = …` where their type is a collection, `group`, and `name`. A model has `#[model(version = …)]`.
//!
//! What is wrong is told by the compiler:
//!
//! ```compile_fail
//! # use plugin_framework::model::{Field, Model};
//! #[derive(Model)]
//! struct Topic {
//!     #[attribute(required, replacing = "there is no such option")]
//!     name: Field<String>,
//! }
//! ```
//!
//! ```compile_fail
//! # use plugin_framework::model::{Field, Model};
//! #[derive(Model)]
//! struct Topic {
//!     name: Field<String>, // neither attribute nor block nor flatten
//! }
//! ```

mod definition;
mod field;
mod field_type;

pub use definition::Model;
#[doc(hidden)]
pub use definition::{block_of, block_value, object_of, read};
pub use field::Field;
pub use field_type::{Distinct, FieldType, Plain, Shape};
/// Derives [`Model`](trait@Model), and [`FieldType`], so that the type can be nested in others.
pub use plugin_framework_derive::Model;

#[cfg(test)]
mod tests;
