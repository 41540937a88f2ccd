//! `msk_scram_password`: a password that nobody has chosen, another one each time.

use async_trait::async_trait;
use plugin_framework::{
    Context, Diagnostics, EphemeralResource, Opened,
    model::{Field, Model},
    schema::Schema,
    value::Object,
};
use rand::RngExt;

/// Characters when nobody says.
const LENGTH_DEFAULT: i64 = 32;
/// Bounds of their number: fewer can be guessed, and more say nothing more.
const LENGTH_MIN: i64 = 16;
const LENGTH_MAX: i64 = 128;

/// A password that nobody has chosen, another one each time. For write-only arguments.
#[derive(Default, Model)]
struct ScramPasswordModel {
    /// Number of characters, which are letters and digits. Default: 32.
    #[attribute(optional, between = (LENGTH_MIN, LENGTH_MAX))]
    length: Field<i64>,
    /// The password.
    #[attribute(computed, sensitive)]
    password: Field<String>,
}

/// The ephemeral resource type.
pub(super) struct ScramPassword {
    schema: Schema,
}

impl ScramPassword {
    pub(super) fn new() -> Self {
        Self {
            schema: ScramPasswordModel::schema(),
        }
    }
}

#[async_trait]
impl EphemeralResource for ScramPassword {
    fn type_name(&self) -> &'static str {
        "msk_scram_password"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    async fn open(&self, _context: &Context, config: Object) -> Result<Opened, Diagnostics> {
        let mut result = ScramPasswordModel::from_object(&config);
        let length = result.length.copied().unwrap_or(LENGTH_DEFAULT);
        result.password = password(usize::try_from(length).unwrap_or_default()).into();
        Ok(Opened::for_good(result.to_object()))
    }
}

/// Letters and digits: no client has to quote them.
fn password(length: usize) -> String {
    let characters = rand::rng().sample_iter(rand::distr::Alphanumeric);
    characters.take(length).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_as_long_as_they_should_be_and_never_the_same() {
        assert_eq!(ScramPasswordModel::schema().problems(), Vec::<String>::new());
        let (one, other) = (password(32), password(32));
        assert_ne!(one, other);
        assert!(
            one.len() == 32 && one.chars().all(|it| it.is_ascii_alphanumeric()),
            "{one}"
        );
    }
}
