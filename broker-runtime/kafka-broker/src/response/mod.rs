//! Replies: our errors as Kafka's codes, and the parts of answers that many handlers share.

mod error;
mod leader_hint;

pub(crate) use error::{
    controller_error_code, group_error_code, partition_error_code, sasl_error_code, session_error_code,
    transaction_error_code, transaction_error_of, write_failure_code,
};
pub(crate) use leader_hint::LeaderHint;
