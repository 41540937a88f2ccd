//! Starts, watches, adopts and stops processes; knows nothing of Kafka.
