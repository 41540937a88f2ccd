//! The key that signs requests.

use std::fmt;

/// An access key and its secret half, and the region signatures are made for.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Name of the key.
    pub access_key: String,
    /// The secret half; never printed.
    pub secret_key: String,
    /// Region of the signature.
    pub region: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("access_key", &self.access_key)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_key_is_not_printed() {
        let credentials = Credentials {
            access_key: "AKIA".to_owned(),
            secret_key: "planted".to_owned(),
            region: "us-east-1".to_owned(),
        };
        assert!(!format!("{credentials:?}").contains("planted"));
    }
}
