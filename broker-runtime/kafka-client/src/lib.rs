//! The small internal Kafka client: follower fetch and admin calls.
