//! Client quotas (KIP-13, KIP-124, KIP-546): how much clients may ask of a broker, by user, by client id, or by both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A user or a client id that a quota is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum QuotaName {
    /// All that have none of their own.
    Default,
    /// This one.
    Named(String),
}

/// Whom a quota is for; at least one of both.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QuotaEntity {
    /// Of whom; `None` for everybody who uses the client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<QuotaName>,
    /// With which `client.id`; `None` for all of the user's clients together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<QuotaName>,
}

/// What is limited, for each broker by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum QuotaKey {
    /// `producer_byte_rate`: bytes a second of Produce requests.
    ProducerByteRate,
    /// `consumer_byte_rate`: bytes a second of Fetch responses.
    ConsumerByteRate,
    /// `request_percentage`: share of one processor's time that requests take, in percent.
    RequestPercentage,
}

impl QuotaKey {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::ProducerByteRate, Self::ConsumerByteRate, Self::RequestPercentage];

    /// Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProducerByteRate => "producer_byte_rate",
            Self::ConsumerByteRate => "consumer_byte_rate",
            Self::RequestPercentage => "request_percentage",
        }
    }

    /// The key with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// False where a fraction makes no sense.
    pub fn takes_fractions(self) -> bool {
        self == Self::RequestPercentage
    }
}

/// The value of a quota: a finite number above 0.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuotaValue(f64);

// It is never NaN.
impl Eq for QuotaValue {}

impl QuotaValue {
    /// The value, if it is one.
    pub fn new(value: f64) -> Option<Self> {
        (value.is_finite() && value > 0.0).then_some(Self(value))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// Quotas by entity.
pub type Quotas = BTreeMap<QuotaEntity, BTreeMap<QuotaKey, QuotaValue>>;

/// Sets or removes quotas of one entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaChange {
    /// Whose.
    pub entity: QuotaEntity,
    /// New values; `None` removes.
    pub values: BTreeMap<QuotaKey, Option<QuotaValue>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbers_above_nothing() {
        assert_eq!(QuotaValue::new(1.5).map(QuotaValue::get), Some(1.5));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(QuotaValue::new(bad), None);
        }
    }

    #[test]
    fn entities_are_written_without_what_they_leave_open() {
        let entity = QuotaEntity {
            user: Some(QuotaName::Named("alice".to_owned())),
            client_id: None,
        };
        let text = serde_json::to_string(&entity).unwrap();
        assert_eq!(text, r#"{"user":{"Named":"alice"}}"#);
        assert_eq!(serde_json::from_str::<QuotaEntity>(&text).unwrap(), entity);
    }
}
