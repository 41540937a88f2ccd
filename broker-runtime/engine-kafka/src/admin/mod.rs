//! Administration of a running cluster over Kafka's own protocol, as the cluster's super user.

mod acls;
mod configs;
mod features;
mod image;
mod kafka;
mod moves;
mod quorum;
mod quotas;
mod scram;
mod topics;

pub(crate) use configs::ConfigChange;
pub(crate) use features::{Levels, missing};
pub(crate) use kafka::Kafka;
use kafka::{LOOK_AGAIN, check, text};
pub(crate) use moves::MOVING_MAX;
pub(crate) use quorum::CaughtUp;
pub(crate) use scram::{Fingerprints, code as mechanism_code, fingerprints};
