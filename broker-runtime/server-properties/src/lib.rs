//! Kafka's server and topic properties.
