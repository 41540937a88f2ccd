//! Topics of a cluster.

use control_plane_api::topics::*;
use http::Method;

use crate::{
    clusters::cluster_path,
    error::Result,
    paging::{Page, Paged},
    transport::{Call, Client, segment},
};

impl Paged for ListTopicsResponse {
    type Item = TopicInfo;

    fn into_page(self) -> Page<TopicInfo> {
        (self.topics, self.next_token)
    }
}

impl Paged for DescribeTopicPartitionsResponse {
    type Item = TopicPartitionInfo;

    fn into_page(self) -> Page<TopicPartitionInfo> {
        (self.partitions, self.next_token)
    }
}

fn topic_path(cluster_arn: &str, name: &str) -> String {
    cluster_path(cluster_arn, &format!("/topics/{}", segment(name)))
}

impl Client {
    /// Creates a topic.
    ///
    /// With the same token and request again, the answer is the first one again.
    pub async fn create_topic(
        &self,
        cluster_arn: &str,
        request: &CreateTopicRequest,
        idempotency_token: Option<&str>,
    ) -> Result<TopicResponse> {
        let call = Call::new("create_topic", Method::POST, cluster_path(cluster_arn, "/topics"))
            .idempotent(idempotency_token)
            .json(request);
        self.call(call).await
    }

    /// Says whether a topic could be created, and creates none. The token is that of the creation to come.
    pub async fn validate_topic(
        &self,
        cluster_arn: &str,
        request: &CreateTopicRequest,
        idempotency_token: &str,
    ) -> Result<()> {
        let call = Call::new("validate_topic", Method::POST, cluster_path(cluster_arn, "/topics"))
            .idempotent(Some(idempotency_token))
            .json(request);
        self.call_for_nothing(call.validate_only()).await
    }

    /// A topic with its settings.
    pub async fn describe_topic(&self, cluster_arn: &str, name: &str) -> Result<DescribeTopicResponse> {
        self.call(Call::get("describe_topic", topic_path(cluster_arn, name)))
            .await
    }

    /// All partitions of a topic.
    pub async fn describe_topic_partitions(&self, cluster_arn: &str, name: &str) -> Result<Vec<TopicPartitionInfo>> {
        self.all_pages::<DescribeTopicPartitionsResponse>("describe_topic_partitions", || {
            let path = format!("{}/partitions", topic_path(cluster_arn, name));
            Call::get("describe_topic_partitions", path)
        })
        .await
    }

    /// All topics of a cluster.
    pub async fn list_topics(&self, cluster_arn: &str) -> Result<Vec<TopicInfo>> {
        self.all_pages::<ListTopicsResponse>("list_topics", || {
            Call::get("list_topics", cluster_path(cluster_arn, "/topics"))
        })
        .await
    }

    /// Changes a topic's settings or the number of its partitions.
    pub async fn update_topic(
        &self,
        cluster_arn: &str,
        name: &str,
        request: &UpdateTopicRequest,
    ) -> Result<TopicResponse> {
        let call = Call::new("update_topic", Method::PUT, topic_path(cluster_arn, name));
        self.call(call.json(request)).await
    }

    /// Deletes a topic with its records.
    pub async fn delete_topic(&self, cluster_arn: &str, name: &str) -> Result<TopicResponse> {
        let call = Call::new("delete_topic", Method::DELETE, topic_path(cluster_arn, name));
        self.call(call).await
    }
}
