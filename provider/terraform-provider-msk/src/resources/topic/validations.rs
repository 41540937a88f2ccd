//! Whether topics could be created, asked for many of them at once. Cores plan ten resources at a time: while one question is under
//! way, those that come meanwhile wait and make up the next one.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use control_plane_api::extensions::{TopicToValidate, ValidatedTopics};
use control_plane_client::Result;
use tokio::sync::{Mutex as AsyncMutex, oneshot};

/// Those of one cluster that have not been asked for yet, and who is told.
type Waiting = Vec<(TopicToValidate, oneshot::Sender<bool>)>;

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// Held by whoever asks. True once that did not help, and everybody asks for itself.
    turn: AsyncMutex<bool>,
}

impl Queue {
    fn waiting<T>(&self, look: impl FnOnce(&mut Waiting) -> T) -> T {
        look(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Questions, by cluster.
#[derive(Default)]
pub(super) struct Validations {
    clusters: Mutex<BTreeMap<String, Arc<Queue>>>,
}

impl Validations {
    fn of(&self, cluster_arn: &str) -> Arc<Queue> {
        let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        clusters.entry(cluster_arn.to_owned()).or_default().clone()
    }

    /// True when the topic could be created; false when the caller has to ask for itself, and is told why then. `ask` asks of many.
    pub(super) async fn is_fine<Asking: Future<Output = Result<ValidatedTopics>> + Send>(
        &self,
        cluster_arn: &str,
        topic: TopicToValidate,
        ask: impl FnOnce(Vec<TopicToValidate>) -> Asking + Send,
    ) -> bool {
        let queue = self.of(cluster_arn);
        let (sender, mut answer) = oneshot::channel();
        queue.waiting(|waiting| waiting.push((topic, sender)));
        let mut is_over = queue.turn.lock().await;
        let (topics, senders): (Vec<_>, Vec<_>) = queue.waiting(mem::take).into_iter().unzip();
        // Nobody waits where the one before has asked for all, this one among them.
        if !topics.is_empty() && !*is_over {
            let names: Vec<String> = topics.iter().map(|wanted| wanted.topic.topic_name.clone()).collect();
            match ask(topics).await {
                Ok(validated) => {
                    for (name, sender) in names.iter().zip(senders) {
                        // Who has gone does not need the answer.
                        let _ = sender.send(!validated.refused_topics.contains(name));
                    }
                }
                Err(_) => *is_over = true,
            }
        }
        // Nothing where nobody could be asked, or whoever asked was called off.
        answer.try_recv().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use control_plane_api::topics::CreateTopicRequest;
    use control_plane_client::Error;
    use tokio::sync::Notify;

    use super::*;

    fn topic(name: &str) -> TopicToValidate {
        TopicToValidate {
            topic: CreateTopicRequest {
                topic_name: name.to_owned(),
                ..CreateTopicRequest::default()
            },
            idempotency_token: name.to_owned(),
        }
    }

    #[tokio::test]
    async fn those_that_come_while_one_is_asked_are_asked_together() {
        let (validations, sizes, answered) = (Validations::default(), Mutex::new(Vec::new()), Notify::new());
        let (sizes, answered) = (&sizes, &answered);
        let ask = |name: &'static str| {
            validations.is_fine("c", topic(name), move |topics| {
                sizes.lock().unwrap().push(topics.len());
                async move {
                    if name == "first" {
                        answered.notified().await;
                    }
                    Ok(ValidatedTopics {
                        refused_topics: ["refused".to_owned()].into(),
                    })
                }
            })
        };
        let release = async {
            tokio::task::yield_now().await;
            answered.notify_one();
            true
        };
        let answers = tokio::join!(ask("first"), ask("fine"), ask("refused"), release);
        assert_eq!(answers, (true, true, false, true));
        assert_eq!(*sizes.lock().unwrap(), [1, 2]);
    }

    #[tokio::test]
    async fn where_it_does_not_help_it_is_asked_once() {
        let (validations, asked) = (Validations::default(), AtomicUsize::new(0));
        for _ in 0..3 {
            let ask = |_| {
                asked.fetch_add(1, Ordering::Relaxed);
                async {
                    Err(Error::NotFound {
                        message: "an older runtime".to_owned(),
                    })
                }
            };
            assert!(!validations.is_fine("c", topic("any"), ask).await);
        }
        assert_eq!(asked.into_inner(), 1);
    }
}
