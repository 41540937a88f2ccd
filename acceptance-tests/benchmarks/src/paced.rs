//! A producer that writes at a fixed rate, whatever becomes of the records before (an open loop): what a cluster does
//! slowly, or not at all for a while, is measured by every record that was due meanwhile.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use rdkafka::{
    ClientConfig, ClientContext,
    message::DeliveryResult,
    producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer},
};

use crate::load::LIMIT;

/// What is written, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Records a second.
    pub per_second: u32,
    /// Size of a record's value, which begins with the record's number in eight bytes; at least that.
    pub bytes: usize,
    /// Partitions that are written to, one after the other.
    pub partitions: u32,
}

/// An acknowledgement of a record, or the end of all hope for one.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// Number of the record, from 0.
    pub number: u32,
    /// When the client knew.
    pub at: Instant,
    /// Whether it was acknowledged.
    pub acknowledged: bool,
}

/// Deliveries so far, in the order in which they came.
#[derive(Clone, Default)]
pub struct Deliveries(Arc<Mutex<Vec<Delivery>>>);

impl Deliveries {
    /// All so far.
    pub fn all(&self) -> Vec<Delivery> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last one so far.
    pub fn last(&self) -> Option<Delivery> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last().copied()
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let delivery = Delivery {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            at: Instant::now(),
            acknowledged: result.is_ok(),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(delivery);
    }
}

/// Writes until `goes_on` says no, which it is asked before each record with the record's number, and waits until all are
/// acknowledged. Answers when the first one was due; record N was due N times the interval later.
pub fn produce(
    config: &ClientConfig,
    topic: &str,
    pace: Pace,
    deliveries: &Deliveries,
    mut goes_on: impl FnMut(u32) -> bool,
) -> Result<Instant> {
    let producer: ThreadedProducer<Deliveries> = config.create_with_context(deliveries.clone())?;
    let mut value = vec![7; pace.bytes.max(size_of::<u64>())];
    let start = Instant::now();
    let mut number = 0;
    while goes_on(number) {
        thread::sleep(pace.due(start, number).saturating_duration_since(Instant::now()));
        value[..size_of::<u64>()].copy_from_slice(&u64::from(number).to_be_bytes());
        let record = BaseRecord::<(), [u8], usize>::with_opaque_to(topic, usize::try_from(number)?)
            .partition(i32::try_from(number % pace.partitions)?)
            .payload(&value);
        producer.send(record).map_err(|(error, _)| error)?;
        number += 1;
    }
    producer.flush(LIMIT)?;
    let all = deliveries.all();
    let failed = all.iter().filter(|delivery| !delivery.acknowledged).count();
    ensure!(
        failed == 0 && all.len() == usize::try_from(number)?,
        "of {number} records that were written to {topic}, {failed} were refused and {} acknowledged",
        all.len() - failed
    );
    Ok(start)
}

impl Pace {
    /// When a record is due, where the first one was due at `start`.
    pub fn due(self, start: Instant, number: u32) -> Instant {
        let (seconds, rest) = (number / self.per_second, number % self.per_second);
        start + Duration::from_secs(seconds.into()) + Duration::from_secs(1) * rest / self.per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_due_at_the_rate() {
        let pace = Pace {
            per_second: 2000,
            bytes: 8,
            partitions: 1,
        };
        let start = Instant::now();
        assert_eq!(pace.due(start, 0), start);
        assert_eq!(pace.due(start, 1), start + Duration::from_micros(500));
        assert_eq!(pace.due(start, 4_000_000), start + Duration::from_secs(2000));
    }
}
