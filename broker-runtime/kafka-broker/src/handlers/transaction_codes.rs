//! Codes of transactions that older versions do not know.

use kafka_codec::ErrorCode;

use crate::{response::transaction_error_code, transactions::TransactionError};

/// The code of an error; clients of versions before `fenced_version` know INVALID_PRODUCER_EPOCH where later ones know
/// PRODUCER_FENCED (KIP-588).
pub(super) fn code_for_version(error: TransactionError, version: i16, fenced_version: i16) -> ErrorCode {
    if error == TransactionError::ProducerFenced && version < fenced_version {
        ErrorCode::InvalidProducerEpoch
    } else {
        transaction_error_code(error)
    }
}

/// The first version of AddPartitionsToTxn, AddOffsetsToTxn and EndTxn whose clients know PRODUCER_FENCED.
pub(super) const FENCED_VERSION: i16 = 2;
