//! Versions of Kafka.

use control_plane_api::versions::{KafkaVersion, ListKafkaVersionsResponse};

use crate::{
    error::Result,
    paging::{Page, Paged},
    transport::{Call, Client},
};

impl Paged for ListKafkaVersionsResponse {
    type Item = KafkaVersion;

    fn into_page(self) -> Page<KafkaVersion> {
        (self.kafka_versions, self.next_token)
    }
}

impl Client {
    /// All versions a cluster may have.
    pub async fn list_kafka_versions(&self) -> Result<Vec<KafkaVersion>> {
        self.all_pages::<ListKafkaVersionsResponse>("list_kafka_versions", || {
            Call::get("list_kafka_versions", "/v1/kafka-versions".to_owned())
        })
        .await
    }
}
