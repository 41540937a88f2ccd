//! One Kafka broker: connection, dispatch, handlers, groups, partition, replication, response, security.
