//! Kafka's server and topic properties: names, types, ranges, defaults, and the parser of `server.properties` text.
//!
//! Pure data and functions over it. The provider and the control plane check configurations with it, the controller
//! checks topic configurations, brokers answer `DescribeConfigs` from it.
//!
//! Our defaults are Apache Kafka 4.3's with one difference: `log.flush.interval.messages` (topics: `flush.messages`) is
//! 1, so records are on disk before they are acknowledged. Kafka's value, 9223372036854775807, selects the page cache.

mod cluster_defaults;
mod definition;
mod group;
mod listeners;
mod server_properties;
mod table;
mod text;
mod topic;
mod unavailable;
mod without_effect;

pub use cluster_defaults::cluster_defaults;
pub use definition::{
    Definition, Importance, Number, Reach, Scope, Setting, Valid, ValueType, address_bounds, list_entries,
};
pub use group::{
    GROUP_ASSIGNMENT_INTERVAL, GROUP_HEARTBEAT_INTERVAL, GROUP_SESSION_TIMEOUT, GroupProperty, group_synonym,
    unknown_group_property, validate_group_combination,
};
pub use listeners::{listener_definition, listener_definitions, listener_property, listener_synonym};
pub use server_properties::{PropertyError, ServerProperties, TEXT_BYTES_MAX, parse};
pub use table::{definition, definitions, group_definition, group_definitions, topic_definition, topic_definitions};
pub use topic::{
    Conversion, Synonym, broker_synonyms, convert, effective_topic_value, topic_default, validate_topic_combination,
    validate_topic_config,
};
pub use unavailable::{refusal, unavailable};
pub use without_effect::without_effect;
