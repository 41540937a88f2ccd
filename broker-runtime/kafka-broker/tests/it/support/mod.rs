//! A cluster inside of the test process: the real controller's decisions behind a unix socket, and brokers that each
//! have a runtime of their own, so that one can be taken away at once.

pub mod cluster;
pub mod controller;
