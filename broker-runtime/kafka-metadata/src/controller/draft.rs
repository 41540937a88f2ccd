//! A batch of records in the making, with the image they lead to: later parts of a request see the earlier ones.

use super::{decision::Decision, defaults::ControllerDefaults, eligible};
use crate::{
    LeaderEpoch, MetadataImage, MetadataOffset, MetadataRecord, PartitionState, TopicId,
    mutations::Allowance,
    rpc::{ControllerError, ControllerResponse},
};

pub(super) struct Draft<'a> {
    image: MetadataImage,
    records: Vec<MetadataRecord>,
    defaults: &'a ControllerDefaults,
    allowance: Option<Allowance>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(image: &MetadataImage, defaults: &'a ControllerDefaults) -> Self {
        Self {
            image: image.clone(),
            records: Vec::new(),
            defaults,
            allowance: None,
        }
    }

    /// What the client may change; everything without it.
    pub(super) fn limit(&mut self, allowance: Allowance) {
        self.allowance = Some(allowance);
    }

    /// Counts partitions that a client changes.
    pub(super) fn count_mutations(&mut self, partitions: usize) -> Result<(), ControllerError> {
        self.allowance
            .as_mut()
            .map_or(Ok(()), |allowance| allowance.take(partitions))
    }

    /// The image with everything so far applied.
    pub(super) fn image(&self) -> &MetadataImage {
        &self.image
    }

    pub(super) fn defaults(&self) -> &'a ControllerDefaults {
        self.defaults
    }

    /// Offset that the next record gets.
    pub(super) fn next_offset(&self) -> MetadataOffset {
        self.image.next_offset()
    }

    pub(super) fn push(&mut self, record: MetadataRecord) {
        self.image.apply(self.image.next_offset(), &record);
        self.records.push(record);
    }

    /// Changes a partition. Who is eligible beside the ISR follows from `state` and from what was before, and where a replica is none any
    /// more, the leader has another epoch also when it stays: should the replica come back with an empty log, nothing that the leader
    /// knows of it counts, and none of its fetches that are on their way (`PartitionChangeBuilder` in Kafka).
    pub(super) fn push_partition(&mut self, topic_id: TopicId, partition: i32, mut state: PartitionState) {
        let name = self.image.topic_names.get(&topic_id);
        let before = name.and_then(|name| self.image.partition(name, partition));
        if let Some(before) = before
            && before.leader_epoch == state.leader_epoch
            && before.replicas.iter().any(|replica| !state.replicas.contains(replica))
        {
            state.leader_epoch = LeaderEpoch(state.leader_epoch.0 + 1);
        }
        state.elr = match (name, before) {
            (Some(name), Some(before)) => {
                let properties = &self.defaults.properties;
                let min = || self.image.min_insync_replicas(name, properties);
                eligible::beside_isr(before, &state, min)
            }
            _ => Vec::new(),
        };
        self.push(MetadataRecord::Partition {
            topic_id,
            partition,
            state,
        });
    }

    /// Carries `work` out; with `validate_only` its records are dropped again and only the answer stays. It counts against
    /// quotas all the same, as in Kafka.
    pub(super) fn unless<R>(&mut self, validate_only: bool, work: impl FnOnce(&mut Self) -> R) -> R {
        if !validate_only {
            return work(self);
        }
        let mut trial = Self {
            image: self.image.clone(),
            records: Vec::new(),
            defaults: self.defaults,
            allowance: self.allowance.take(),
        };
        let result = work(&mut trial);
        self.allowance = trial.allowance;
        result
    }

    pub(super) fn into_decision(self, response: ControllerResponse) -> Decision {
        Decision {
            records: self.records,
            image: self.image,
            response,
            allowance: self.allowance,
        }
    }
}
