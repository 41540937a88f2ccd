//! Brokers that get every record as soon as it is durable, and the newest records for those that come back.

use std::collections::{HashMap, VecDeque};

use kafka_metadata::{MetadataImage, MetadataOffset, MetadataRecord, rpc::ControllerMessage};

use super::command::{ConnectionId, Outgoing, encode};

/// Records kept in memory for brokers that reconnect; one that missed more gets a snapshot.
const RECENT_RECORDS_MAX: usize = 4096;

/// All subscribed connections.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    connections: HashMap<ConnectionId, Outgoing>,
    recent: VecDeque<MetadataRecord>,
}

impl Subscribers {
    /// Sends a group of records to everybody, with the requests that have brought them about.
    pub(super) fn publish(
        &mut self,
        first_offset: MetadataOffset,
        records: Vec<MetadataRecord>,
        request_ids: Vec<String>,
    ) {
        let message = ControllerMessage::Records {
            first_offset,
            records,
            request_ids,
        };
        self.connections.retain(|_, outgoing| !outgoing.closed.is_cancelled());
        if !self.connections.is_empty() {
            let bytes = encode(&message);
            for outgoing in self.connections.values() {
                match &bytes {
                    Some(bytes) => outgoing.send_encoded(bytes.clone()),
                    None => outgoing.closed.cancel(),
                }
            }
        }
        if let ControllerMessage::Records { records, .. } = message {
            self.recent.extend(records);
            let surplus = self.recent.len().saturating_sub(RECENT_RECORDS_MAX);
            self.recent.drain(..surplus);
        }
    }

    /// Sends what `outgoing` misses from offset `from` on, and everything that comes.
    pub(super) fn subscribe(&mut self, outgoing: Outgoing, from: MetadataOffset, image: &MetadataImage) {
        if let Some(message) = self.missed(from, image) {
            outgoing.send(&message);
        }
        self.connections.insert(outgoing.connection, outgoing);
    }

    pub(super) fn unsubscribe(&mut self, connection: ConnectionId) {
        self.connections.remove(&connection);
    }

    fn missed(&self, from: MetadataOffset, image: &MetadataImage) -> Option<ControllerMessage> {
        let applied = image.applied?;
        let next = image.next_offset();
        if from == next {
            return None;
        }
        let count = next.0.checked_sub(from.0).and_then(|count| usize::try_from(count).ok());
        match count.filter(|count| *count <= self.recent.len() && from.0 >= 0) {
            Some(count) => {
                let records = self.recent.iter().skip(self.recent.len() - count).cloned().collect();
                Some(ControllerMessage::Records {
                    first_offset: from,
                    records,
                    request_ids: Vec::new(),
                })
            }
            // Too old, or from a future that never happened.
            None => Some(ControllerMessage::Snapshot {
                applied,
                records: image.to_records(),
            }),
        }
    }
}
