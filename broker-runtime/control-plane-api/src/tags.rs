//! Tags of clusters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `TagResource`, and the answer of `ListTagsForResource`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    /// Tags.
    pub tags: BTreeMap<String, String>,
}
