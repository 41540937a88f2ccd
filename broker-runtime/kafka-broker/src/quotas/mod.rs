//! Client quotas: how much a client may ask of this broker (KIP-13, KIP-124, KIP-219). What is too much is served all the same
//! where it has to be, and paid for in time: the answer says how long, whatever was asked, and until then nothing is read from the
//! connection.

mod charge;
mod matching;
mod meter;
mod mutate;
mod throttle;
mod throttled;

pub(crate) use meter::{Meter, Window};
pub(crate) use throttle::ClientQuotas;
pub(crate) use throttled::Throttled;
