//! Tags of clusters.

use std::collections::BTreeMap;

use control_plane_api::tags::Tags;
use http::Method;

use crate::{
    error::Result,
    transport::{Call, Client, Retry, segment},
};

fn path(arn: &str) -> String {
    format!("/v1/tags/{}", segment(arn))
}

impl Client {
    /// Sets tags; those that are not named stay.
    pub async fn tag_resource(&self, arn: &str, tags: &BTreeMap<String, String>) -> Result<()> {
        let call = Call::new("tag_resource", Method::POST, path(arn));
        let tags = Tags { tags: tags.clone() };
        self.call_for_nothing(call.retry(Retry::Always).json(&tags)).await
    }

    /// Removes the tags with these keys.
    pub async fn untag_resource(&self, arn: &str, keys: &[String]) -> Result<()> {
        let call = Call::new("untag_resource", Method::DELETE, path(arn));
        let call = keys.iter().fold(call, |call, key| call.query("tagKeys", Some(key)));
        self.call_for_nothing(call).await
    }

    /// The tags of a cluster.
    pub async fn list_tags_for_resource(&self, arn: &str) -> Result<BTreeMap<String, String>> {
        let tags: Tags = self.call(Call::get("list_tags_for_resource", path(arn))).await?;
        Ok(tags.tags)
    }
}
