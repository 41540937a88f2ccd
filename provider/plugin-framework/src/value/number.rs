//! Numbers without loss: Terraform's have 512 bits, ours are kept as integers, floats or decimal text.

use std::fmt;

/// A number.
#[derive(Clone, Debug)]
pub enum Number {
    /// A whole number of 64 bits.
    Integer(i64),
    /// A number that a 64-bit float holds exactly.
    Float(f64),
    /// Any other, as decimal text.
    Decimal(String),
}

impl Number {
    /// From decimal text.
    pub fn from_decimal(text: &str) -> Option<Self> {
        if let Ok(integer) = text.parse() {
            return Some(Self::Integer(integer));
        }
        text.parse::<f64>().ok().filter(|float| !float.is_nan())?;
        Some(Self::Decimal(text.to_owned()))
    }

    /// From a float.
    pub fn from_f64(float: f64) -> Self {
        // 2^53: every whole float below it is the integer it looks like.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if float.fract() == 0.0 && float.abs() < EXACT {
            return float.to_string().parse().map_or(Self::Float(float), Self::Integer);
        }
        Self::Float(float)
    }

    /// The whole number, if it is one of 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            Self::Float(float) => match Self::from_f64(*float) {
                Self::Integer(integer) => Some(integer),
                _ => None,
            },
            Self::Decimal(text) => text.parse().ok(),
        }
    }

    /// The nearest float.
    pub fn as_f64(&self) -> f64 {
        match self {
            Self::Float(float) => *float,
            Self::Integer(_) | Self::Decimal(_) => self.to_string().parse().unwrap_or(f64::NAN),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (self.as_i64(), other.as_i64()) {
            (Some(ours), Some(theirs)) => ours == theirs,
            (None, None) => {
                self.to_string() == other.to_string() || self.as_f64().to_bits() == other.as_f64().to_bits()
            }
            _ => false,
        }
    }
}

impl Eq for Number {}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => integer.fmt(formatter),
            Self::Float(float) => float.fmt(formatter),
            Self::Decimal(text) => text.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_however_they_came() {
        assert_eq!(Number::Integer(3), Number::from_f64(3.0));
        assert_eq!(Number::from_decimal("0.1"), Some(Number::Float(0.1)));
        assert_ne!(Number::Integer(i64::MAX), Number::Integer(i64::MAX - 1));
        assert_eq!(
            Number::from_decimal("9007199254740993").and_then(|it| it.as_i64()),
            Some(9_007_199_254_740_993)
        );
        assert_eq!(Number::from_decimal("one"), None);
    }
}
