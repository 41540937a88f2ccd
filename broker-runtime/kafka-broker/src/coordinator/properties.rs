//! Server properties of coordinators as numbers.

use std::{collections::BTreeMap, str::FromStr};

use server_properties::definition;

/// The value of `name`: as set, else its default in the table, else `last`.
pub(crate) fn number<T: FromStr>(properties: &BTreeMap<String, String>, name: &str, last: T) -> T {
    let set = properties.get(name).and_then(|text| text.trim().parse().ok());
    let default = || definition(name)?.default?.parse().ok();
    set.or_else(default).unwrap_or(last)
}
