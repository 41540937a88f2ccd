//! Topics, as a client makes them and sees them.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    time::Duration,
};

use acceptance_tests::wait;
use anyhow::{Context, Result, anyhow};
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    consumer::{BaseConsumer, Consumer},
};

use crate::load;

/// How long an answer about topics may take.
const ANSWER: Duration = Duration::from_secs(1);

/// Creates a topic. It takes records a moment later.
pub fn create(bootstrap: &str, topic: &str, partitions: i32, replication: i32, configs: &[(&str, &str)]) -> Result<()> {
    let admin: AdminClient<_> = load::client(bootstrap).create()?;
    let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(replication));
    for (name, value) in configs {
        new = new.set(name, value);
    }
    let options = AdminOptions::new()
        .operation_timeout(Some(load::LIMIT))
        .request_timeout(Some(load::LIMIT));
    for result in block_on(admin.create_topics(&[new], &options))? {
        result.map_err(|(name, error)| anyhow!("topic {name}: {error}"))?;
    }
    Ok(())
}

/// What Metadata tells of one partition.
#[derive(Clone, Debug)]
pub struct Partition {
    /// Its leader; -1 without one.
    pub leader: i32,
    /// Brokers that have a replica, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those of them that are in sync.
    pub isr: Vec<i32>,
}

/// Looks at a cluster again and again.
pub struct Watch {
    consumer: BaseConsumer,
}

impl Watch {
    /// Of the cluster with these brokers.
    pub fn new(bootstrap: &str) -> Result<Self> {
        Ok(Self {
            consumer: load::client(bootstrap).create()?,
        })
    }

    /// Partitions of a topic by their number; nothing when no broker answers, or the topic is not known.
    pub fn partitions(&self, topic: &str) -> Option<Vec<Partition>> {
        let metadata = self.consumer.fetch_metadata(Some(topic), ANSWER).ok()?;
        let found = metadata.topics().first()?;
        let mut partitions: Vec<_> = found.partitions().iter().collect();
        partitions.sort_by_key(|partition| partition.id());
        let seen = partitions.into_iter().map(|partition| Partition {
            leader: partition.leader(),
            replicas: partition.replicas().to_vec(),
            isr: partition.isr().to_vec(),
        });
        Some(seen.collect())
    }

    /// Where a broker is.
    pub fn address(&self, broker: i32) -> Result<SocketAddr> {
        let metadata = self.consumer.fetch_metadata(None, ANSWER)?;
        let brokers = metadata.brokers();
        let found = brokers.iter().find(|it| it.id() == broker);
        let found = found.with_context(|| format!("Metadata does not show broker {broker}"))?;
        let mut addresses = (found.host(), u16::try_from(found.port())?).to_socket_addrs()?;
        addresses
            .next()
            .with_context(|| format!("{} has no address", found.host()))
    }

    /// Waits until Metadata shows so many brokers.
    pub fn wait_for_brokers(&self, brokers: u8, limit: Duration) -> Result<()> {
        wait::until(&format!("{brokers} brokers in Metadata"), limit, || {
            let metadata = self.consumer.fetch_metadata(None, ANSWER).ok()?;
            (metadata.brokers().len() >= usize::from(brokers)).then_some(())
        })
    }

    /// Waits until all partitions of a topic have all of their replicas in sync, and answers them.
    pub fn wait_for_full_isr(&self, topic: &str, replicas: usize) -> Result<Vec<Partition>> {
        let what = format!("{replicas} replicas of {topic} in sync");
        let full = |it: &Partition| it.leader >= 0 && it.isr.len() == replicas && it.replicas.len() == replicas;
        let seen = wait::until(&what, load::LIMIT, || {
            let partitions = self.partitions(topic)?;
            (!partitions.is_empty() && partitions.iter().all(full)).then_some(partitions)
        });
        seen.with_context(|| format!("it is {:?}", self.partitions(topic)))
    }
}

/// Waits for a future on this thread; the admin client has a thread of its own that wakes us.
fn block_on<F: Future>(future: F) -> F::Output {
    use std::{pin::pin, sync::Arc, task, thread};
    struct Unpark(thread::Thread);
    impl task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = task::Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = task::Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park_timeout(Duration::from_millis(50));
    }
}
