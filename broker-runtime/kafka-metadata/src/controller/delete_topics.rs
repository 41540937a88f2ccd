//! `DeleteTopics`. Brokers remove the directories when they apply the record.

use super::draft::Draft;
use crate::{
    MetadataRecord,
    rpc::{ControllerError, ControllerResponse},
};

/// Deletes topics, each on its own.
pub(super) fn delete(draft: &mut Draft<'_>, topics: &[String]) -> ControllerResponse {
    let results = topics.iter().map(|name| delete_one(draft, name));
    ControllerResponse::Results(results.collect())
}

fn delete_one(draft: &mut Draft<'_>, name: &str) -> Result<(), ControllerError> {
    if !draft.defaults().delete_topic() {
        return Err(ControllerError::PolicyViolation(
            "topic deletion is off: delete.topic.enable is false".to_owned(),
        ));
    }
    let Some(topic) = draft.image().topics.get(name).cloned() else {
        return Err(ControllerError::UnknownTopicOrPartition(name.to_owned()));
    };
    draft.count_mutations(topic.partitions.len())?;
    let topic_id = topic.topic_id;
    draft.push(MetadataRecord::TopicDeleted { topic_id });
    Ok(())
}
