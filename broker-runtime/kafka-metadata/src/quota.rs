//! Client quotas (KIP-13, KIP-124, KIP-546, KIP-599, KIP-612): how much clients may ask of a broker, by user, by client id, or by
//! both; and how often they may connect, by address.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A user, a client id or an address that a quota is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum QuotaName {
    /// All that have none of their own.
    Default,
    /// This one.
    Named(String),
}

/// Whom a quota is for: a user, a client id, or both; or an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QuotaEntity {
    /// Of whom; `None` for everybody who uses the client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<QuotaName>,
    /// With which `client.id`; `None` for all of the user's clients together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<QuotaName>,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<QuotaName>,
}

impl QuotaEntity {
    /// Somebody, and not an address together with somebody.
    pub fn check(&self) -> Result<(), &'static str> {
        match (self.user.is_some() || self.client_id.is_some(), self.ip.is_some()) {
            (false, false) => Err("Invalid empty client quota entity"),
            (true, true) => {
                Err("Invalid quota entity combination, IP entity should not be combined with User or ClientId")
            }
            _ => Ok(()),
        }
    }
}

/// What is limited: for each broker by itself, but for changes of metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum QuotaKey {
    /// `producer_byte_rate`: bytes a second of Produce requests.
    ProducerByteRate,
    /// `consumer_byte_rate`: bytes a second of Fetch responses.
    ConsumerByteRate,
    /// `request_percentage`: share of one processor's time that requests take, in percent.
    RequestPercentage,
    /// `controller_mutation_rate`: partitions that are created and deleted a second, in the whole cluster.
    ControllerMutationRate,
    /// `connection_creation_rate`: connections a second from one address.
    ConnectionCreationRate,
}

impl QuotaKey {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::ProducerByteRate,
        Self::ConsumerByteRate,
        Self::RequestPercentage,
        Self::ControllerMutationRate,
        Self::ConnectionCreationRate,
    ];

    /// Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProducerByteRate => "producer_byte_rate",
            Self::ConsumerByteRate => "consumer_byte_rate",
            Self::RequestPercentage => "request_percentage",
            Self::ControllerMutationRate => "controller_mutation_rate",
            Self::ConnectionCreationRate => "connection_creation_rate",
        }
    }

    /// The key with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// True where such an entity can have it.
    pub fn is_for(self, entity: &QuotaEntity) -> bool {
        entity.ip.is_some() == (self == Self::ConnectionCreationRate)
    }

    /// Checks a value by the type that it has in Kafka.
    pub fn check(self, value: QuotaValue) -> Result<(), String> {
        let (name, value) = (self.name(), value.get());
        match self {
            Self::RequestPercentage | Self::ControllerMutationRate => Ok(()),
            Self::ConnectionCreationRate if value > f64::from(i32::MAX) => {
                Err(format!("Proposed value for {name} is too large for an INT."))
            }
            _ if value > i64::MAX as f64 => Err(format!("Proposed value for {name} is too large for a LONG.")),
            _ if value.fract() > WHOLE_TOLERANCE => Err(format!("{name} cannot be a fractional value.")),
            _ => Ok(()),
        }
    }
}

/// What is so little more than a whole number is one, as in Kafka.
const WHOLE_TOLERANCE: f64 = 1e-6;

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
    fn addresses_have_connections_and_nobody_else_has() {
        let ip = QuotaEntity {
            ip: Some(QuotaName::Default),
            ..QuotaEntity::default()
        };
        let both = QuotaEntity {
            user: Some(QuotaName::Default),
            ..ip.clone()
        };
        assert!(ip.check().is_ok() && both.check().is_err() && QuotaEntity::default().check().is_err());
        let for_ip = QuotaKey::ALL.into_iter().filter(|key| key.is_for(&ip));
        assert_eq!(for_ip.collect::<Vec<_>>(), [QuotaKey::ConnectionCreationRate]);
    }

    #[test]
    fn values_fit_the_type_of_their_key() {
        let check = |key: QuotaKey, value| key.check(QuotaValue::new(value).unwrap()).is_ok();
        assert!(check(QuotaKey::ControllerMutationRate, 0.5) && check(QuotaKey::RequestPercentage, 0.5));
        assert!(check(QuotaKey::ProducerByteRate, 3e9) && !check(QuotaKey::ProducerByteRate, 1.5));
        assert!(check(QuotaKey::ConnectionCreationRate, 3e6) && !check(QuotaKey::ConnectionCreationRate, 3e9));
    }

    #[test]
    fn entities_are_written_without_what_they_leave_open() {
        let entity = QuotaEntity {
            user: Some(QuotaName::Named("alice".to_owned())),
            ..QuotaEntity::default()
        };
        let text = serde_json::to_string(&entity).unwrap();
        assert_eq!(text, r#"{"user":{"Named":"alice"}}"#);
        assert_eq!(serde_json::from_str::<QuotaEntity>(&text).unwrap(), entity);
    }
}
