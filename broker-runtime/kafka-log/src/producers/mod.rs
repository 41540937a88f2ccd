//! What a log knows of its producers: [`states`](ProducerStates) of idempotent ones, their open [`transactions`], and the
//! [`snapshot`] file in which both survive a restart.

mod snapshot;
mod states;
mod transactions;

pub(crate) use states::{MarkerVerdict, ProducerStates};
pub(crate) use transactions::EndedTransaction;
pub use transactions::VerificationGuard;
