//! Reads of many resources of one cluster become one question. A refresh reads each resource once, a process of the provider serves
//! one command, so what a question has answered is good for one read of each; whoever reads again asks again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use control_plane_client::Result;
use tokio::sync::Mutex as AsyncMutex;

/// What is known of one cluster.
struct Known<V> {
    /// Reads that were told to ask for themselves.
    asked: usize,
    /// What was found and not yet handed out; `None` as long as nobody has asked for all.
    found: Option<HashMap<String, V>>,
    /// Asking for all did not help, or something has changed since.
    is_over: bool,
    served: HashSet<String>,
}

/// Answers for reads, by cluster and key.
pub(super) struct Batch<V> {
    /// So many reads of a cluster ask for themselves before one asks for all.
    patience: usize,
    clusters: Mutex<BTreeMap<String, Arc<AsyncMutex<Known<V>>>>>,
}

impl<V> Batch<V> {
    pub(super) fn new(patience: usize) -> Self {
        Self {
            patience,
            clusters: Mutex::default(),
        }
    }

    fn of(&self, cluster_arn: &str) -> Arc<AsyncMutex<Known<V>>> {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clusters.entry(cluster_arn.to_owned()).or_insert_with(|| {
            Arc::new(AsyncMutex::new(Known {
                asked: 0,
                found: None,
                is_over: false,
                served: HashSet::new(),
            }))
        });
        known.clone()
    }

    /// What there is of a key, `Some(None)` for nothing; `None` where the caller has to ask for itself. `all` is everything of the
    /// cluster by key, or `None` when that would be too much; it is awaited at most once, while the other reads wait.
    pub(super) async fn take(
        &self,
        cluster_arn: &str,
        key: &str,
        all: impl Future<Output = Result<Option<HashMap<String, V>>>> + Send,
    ) -> Option<Option<V>> {
        let known = self.of(cluster_arn);
        let mut known = known.lock().await;
        if known.is_over || !known.served.insert(key.to_owned()) {
            return None;
        }
        if known.found.is_none() {
            known.asked += 1;
            if known.asked <= self.patience {
                return None;
            }
            match all.await {
                Ok(Some(found)) => known.found = Some(found),
                // Whoever asks for itself gets an error of its own.
                Ok(None) | Err(_) => known.is_over = true,
            }
        }
        known.found.as_mut().map(|found| found.remove(key))
    }

    /// Something changes in the cluster: from now on every read asks for itself.
    pub(super) async fn forget(&self, cluster_arn: &str) {
        let known = self.of(cluster_arn);
        let mut known = known.lock().await;
        known.is_over = true;
        known.found = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all() -> Result<Option<HashMap<String, i32>>> {
        Ok(Some((0..9).map(|number| (number.to_string(), number)).collect()))
    }

    async fn unasked() -> Result<Option<HashMap<String, i32>>> {
        panic!("asked again");
    }

    #[tokio::test]
    async fn many_reads_ask_once_and_each_answer_is_good_once() {
        let batch = Batch::new(2);
        for key in ["0", "1"] {
            assert_eq!(batch.take("c", key, unasked()).await, None, "a few ask for themselves");
        }
        assert_eq!(batch.take("c", "2", all()).await, Some(Some(2)));
        assert_eq!(batch.take("c", "3", unasked()).await, Some(Some(3)));
        assert_eq!(batch.take("c", "gone", unasked()).await, Some(None));
        assert_eq!(
            batch.take("c", "3", unasked()).await,
            None,
            "the second time it may have changed"
        );
        assert_eq!(batch.take("other", "3", unasked()).await, None, "another cluster");
    }

    #[tokio::test]
    async fn changes_and_failures_end_it() {
        let batch = Batch::new(0);
        assert_eq!(batch.take("c", "0", all()).await, Some(Some(0)));
        batch.forget("c").await;
        assert_eq!(batch.take("c", "1", unasked()).await, None);
        let too_many = async { Ok(None) };
        assert_eq!(batch.take("d", "1", too_many).await, None);
        assert_eq!(batch.take("d", "2", unasked()).await, None);
    }
}
