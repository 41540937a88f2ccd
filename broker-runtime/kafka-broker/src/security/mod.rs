//! Authentication of connections.

/// Progress of SASL on one connection.
#[derive(Debug, Default)]
pub struct SaslState {}

impl SaslState {
    /// Authentication has succeeded.
    pub fn is_complete(&self) -> bool {
        false
    }

    /// After `SaslHandshake` 0 the next frames are bare tokens without a Kafka header.
    pub fn expects_raw_token(&self) -> bool {
        false
    }
}
