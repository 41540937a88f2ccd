//! What is known about one property, and whether a value fits it.

use std::{fmt, net::IpAddr};

/// Type of a property's value, as `DescribeConfigs` reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// `true` or `false`.
    Boolean,
    /// 32-bit integer.
    Int,
    /// 64-bit integer.
    Long,
    /// 16-bit integer.
    Short,
    /// Floating-point number.
    Double,
    /// Text.
    String,
    /// Texts separated by commas.
    List,
    /// Text that is never shown.
    Password,
    /// Name of a Java class.
    Class,
}

impl ValueType {
    /// Kafka's lower-case name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Short => "short",
            Self::Double => "double",
            Self::String => "string",
            Self::List => "list",
            Self::Password => "password",
            Self::Class => "class",
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How much attention a property deserves, by Kafka's judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    /// Look at it for every cluster.
    High,
    /// Look at it when something is not as it should be.
    Medium,
    /// Rarely needed.
    Low,
}

/// Where a property lives and when a change of it takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Of a broker; a change needs a restart.
    BrokerStatic,
    /// Of a broker; it may be changed while the broker runs.
    BrokerDynamic(Reach),
    /// Of a topic; it may be changed at any time.
    Topic,
    /// Of a group; it may be changed at any time.
    Group,
}

/// Which brokers one dynamic value can be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// For one broker, or for all of them at once.
    ClusterWide,
    /// For one broker only.
    PerBroker,
}

/// Who sets a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// A configuration may, here and on Amazon MSK.
    Msk,
    /// A configuration may here; Amazon MSK refuses it.
    Here,
    /// The runtime, for every broker; a configuration may not.
    Managed,
}

/// The values a property takes, beyond what its type says.
#[derive(Clone, Debug, PartialEq)]
pub enum Valid {
    /// All of its type.
    Any,
    /// Numbers from `min` to `max`, and `or`.
    Range {
        /// Smallest.
        min: Option<Number>,
        /// Largest.
        max: Option<Number>,
        /// A value outside of the range that is valid all the same.
        or: Option<Number>,
    },
    /// One of these texts.
    OneOf(Vec<&'static str>),
    /// One of these texts, in any case.
    OneOfIgnoringCase(Vec<&'static str>),
    /// A list of these texts.
    AnyOf(Vec<&'static str>),
    /// Text that is not empty.
    NonEmpty,
    /// A list of `partition:broker`, or `*` for all.
    ThrottledReplicas,
    /// A list of `address:bound`.
    AddressBounds,
}

/// A bound of a range. Integers are kept exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Of `short`, `int` and `long`.
    Integer(i64),
    /// Of `double`.
    Float(f64),
}

impl Number {
    fn is_at_most(self, other: Self) -> bool {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => left <= right,
            (left, right) => left.as_float() <= right.as_float(),
        }
    }

    fn as_float(self) -> f64 {
        match self {
            #[expect(
                clippy::cast_precision_loss,
                reason = "only bounds of doubles come here, all of them small"
            )]
            Self::Integer(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(formatter),
            Self::Float(value) => value.fmt(formatter),
        }
    }
}

/// One property of brokers or of topics.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// Type of its value.
    pub value_type: ValueType,
    /// Our default as text, `None` where there is none. Differs from Apache Kafka's only where the documentation says so.
    pub default: Option<&'static str>,
    /// Valid values.
    pub valid: Valid,
    /// Kafka's judgement.
    pub importance: Importance,
    /// Where it lives.
    pub scope: Scope,
    /// Who sets it. Topic properties are always set by users.
    pub setting: Setting,
    /// One sentence on what it does.
    pub documentation: &'static str,
}

impl Definition {
    /// True when the value must never be shown.
    pub fn is_sensitive(&self) -> bool {
        self.value_type == ValueType::Password
    }

    /// True when a configuration of a cluster may set it.
    pub fn may_be_configured(&self) -> bool {
        self.setting != Setting::Managed
    }

    /// True when it may be changed while brokers run.
    pub fn is_dynamic(&self) -> bool {
        self.scope != Scope::BrokerStatic
    }

    /// True when only a restart of brokers puts a change in force, because no value can be given to all of them while they run.
    pub fn needs_restart(&self) -> bool {
        self.scope != Scope::BrokerDynamic(Reach::ClusterWide)
    }

    /// Checks `value`; the error says what was expected, without the value when that is sensitive.
    pub fn validate(&self, value: &str) -> Result<(), String> {
        if self.fits(value.trim()) {
            return Ok(());
        }
        let expected = self.expected();
        if self.is_sensitive() {
            return Err(format!("the value of {} is invalid: expected {expected}", self.name));
        }
        Err(format!(
            "invalid value {value:?} for {}: expected {expected}",
            self.name
        ))
    }

    /// What a value must look like, to go after "expected".
    pub fn expected(&self) -> String {
        let noun = match self.value_type {
            ValueType::Boolean => "true or false",
            ValueType::Int => "an int",
            ValueType::Long => "a long",
            ValueType::Short => "a short",
            ValueType::Double => "a double",
            ValueType::String => "a string",
            ValueType::List => "a list separated by commas",
            ValueType::Password => "a password",
            ValueType::Class => "a class name",
        };
        match &self.valid {
            Valid::Any => noun.to_owned(),
            Valid::NonEmpty => format!("{noun} that is not empty"),
            Valid::OneOf(values) | Valid::OneOfIgnoringCase(values) => format!("one of {}", values.join(", ")),
            Valid::AnyOf(values) => format!("a list of {}", values.join(", ")),
            Valid::ThrottledReplicas => "a list of partition:broker pairs, or *".to_owned(),
            Valid::AddressBounds => "a list of address:bound pairs, of addresses and not of names of hosts".to_owned(),
            Valid::Range { min, max, or } => {
                let range = match (min, max) {
                    (Some(min), Some(max)) => format!("{noun} from {min} to {max}"),
                    (Some(min), None) => format!("{noun} of at least {min}"),
                    (None, Some(max)) => format!("{noun} of at most {max}"),
                    (None, None) => noun.to_owned(),
                };
                match or {
                    Some(or) => format!("{range}, or {or}"),
                    None => range,
                }
            }
        }
    }

    fn fits(&self, value: &str) -> bool {
        let number = match self.value_type {
            ValueType::Boolean => return value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"),
            ValueType::Int => value.parse::<i32>().ok().map(|number| Number::Integer(number.into())),
            ValueType::Long => value.parse().ok().map(Number::Integer),
            ValueType::Short => value.parse::<i16>().ok().map(|number| Number::Integer(number.into())),
            ValueType::Double => value
                .parse()
                .ok()
                .filter(|number: &f64| !number.is_nan())
                .map(Number::Float),
            ValueType::String | ValueType::List | ValueType::Password | ValueType::Class => {
                return self.valid.admits_text(value);
            }
        };
        number.is_some_and(|number| self.valid.admits_number(number))
    }
}

impl Valid {
    fn admits_number(&self, number: Number) -> bool {
        let Self::Range { min, max, or } = self else {
            return true;
        };
        *or == Some(number)
            || min.is_none_or(|min| min.is_at_most(number)) && max.is_none_or(|max| number.is_at_most(max))
    }

    fn admits_text(&self, value: &str) -> bool {
        match self {
            Self::Any | Self::Range { .. } => true,
            Self::NonEmpty => !value.is_empty(),
            Self::OneOf(values) => values.contains(&value),
            Self::OneOfIgnoringCase(values) => values.iter().any(|candidate| candidate.eq_ignore_ascii_case(value)),
            Self::AnyOf(values) => list_entries(value).all(|entry| values.contains(&entry)),
            Self::ThrottledReplicas => value == "*" || list_entries(value).all(is_throttled_replica),
            Self::AddressBounds => address_bounds(value).is_some(),
        }
    }
}

/// The entries of a list, trimmed; the empty text is the empty list.
pub fn list_entries(value: &str) -> impl Iterator<Item = &str> {
    let value = value.trim();
    let entries = if value.is_empty() { None } else { Some(value.split(',')) };
    entries.into_iter().flatten().map(str::trim)
}

/// Addresses and their bounds, as in `max.connections.per.ip.overrides`; `None` where one is neither.
pub fn address_bounds(value: &str) -> Option<Vec<(IpAddr, usize)>> {
    let bound = |entry: &str| {
        let (address, bound) = entry.rsplit_once(':')?;
        let bound: u32 = bound
            .trim()
            .parse()
            .ok()
            .filter(|bound| i32::try_from(*bound).is_ok())?;
        Some((address.trim().parse().ok()?, usize::try_from(bound).ok()?))
    };
    list_entries(value).map(bound).collect()
}

fn is_throttled_replica(entry: &str) -> bool {
    entry
        .split_once(':')
        .is_some_and(|(partition, broker)| partition.parse::<u32>().is_ok() && broker.parse::<u32>().is_ok())
}
