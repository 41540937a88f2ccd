//! The default engine: our own brokers on this machine; hosts the metadata controller.
