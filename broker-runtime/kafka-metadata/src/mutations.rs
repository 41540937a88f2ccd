//! Quotas of changes of metadata (KIP-599): how many partitions a client creates and deletes a second, in the whole cluster.
//!
//! Each quota has a bucket of tokens that fills up steadily, as Kafka's `TokenBucket`: a partition takes one, and a change is
//! carried out while the bucket is not overdrawn, however large it is. Pure values: time is an argument.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::rpc::ControllerError;

/// Buckets are looked through for full ones when there are this many more.
const BUCKETS_BEFORE_CLEANING: usize = 256;

/// Which quota counts for a change, and what it allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MutationLimit {
    /// The user among those who have the quota; `None` where users share it.
    pub user: Option<String>,
    /// The client id among those that have the quota; `None` where they share it.
    pub client_id: Option<String>,
    /// Partitions a second.
    pub rate: f64,
    /// Partitions at once, after a rest.
    pub burst: f64,
    /// What is too much is refused, and not only paid for with time.
    pub strict: bool,
}

/// What a client may change now.
#[derive(Clone, Debug, PartialEq)]
pub struct Allowance {
    tokens: f64,
    rate: f64,
    strict: bool,
    /// How long the client has to wait for what it has asked, in milliseconds.
    pub throttle_ms: i64,
}

impl Allowance {
    /// Takes a token for each partition that is changed.
    pub fn take(&mut self, partitions: usize) -> Result<(), ControllerError> {
        if self.strict && self.tokens < 0.0 {
            self.throttle_ms = self.wait_ms();
            return Err(ControllerError::ThrottlingQuotaExceeded);
        }
        self.tokens -= partitions as f64;
        if !self.strict && self.tokens < 0.0 {
            self.throttle_ms = self.wait_ms();
        }
        Ok(())
    }

    fn wait_ms(&self) -> i64 {
        (-self.tokens / self.rate * 1_000.0).round() as i64
    }
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled_ms: i64,
    rate: f64,
    burst: f64,
}

impl Bucket {
    fn tokens_at(&self, now_ms: i64) -> f64 {
        let filled = self.rate * (now_ms - self.filled_ms) as f64 / 1_000.0;
        (self.tokens + filled).min(self.burst)
    }
}

/// Who shares a bucket: a user and a client id, where the quota tells them apart.
type Sharers = (Option<String>, Option<String>);

/// The buckets of one cluster. A controller that starts begins with full ones, as Kafka's does.
#[derive(Debug, Default)]
pub struct MutationBuckets {
    buckets: HashMap<Sharers, Bucket>,
    cleaned_at: usize,
}

impl MutationBuckets {
    /// What there is for a change under this limit.
    pub fn allowance(&mut self, limit: &MutationLimit, now_ms: i64) -> Allowance {
        let bucket = self.buckets.get(&sharers(limit));
        let tokens = bucket.map_or(limit.burst, |bucket| bucket.tokens_at(now_ms));
        Allowance {
            tokens: tokens.min(limit.burst),
            rate: limit.rate,
            strict: limit.strict,
            throttle_ms: 0,
        }
    }

    /// What is left afterwards.
    pub fn settle(&mut self, limit: &MutationLimit, left: &Allowance, now_ms: i64) {
        let bucket = Bucket {
            tokens: left.tokens,
            filled_ms: now_ms,
            rate: limit.rate,
            burst: limit.burst,
        };
        self.buckets.insert(sharers(limit), bucket);
        if self.buckets.len() >= self.cleaned_at + BUCKETS_BEFORE_CLEANING {
            self.buckets.retain(|_, bucket| bucket.tokens_at(now_ms) < bucket.burst);
            self.cleaned_at = self.buckets.len();
        }
    }
}

fn sharers(limit: &MutationLimit) -> Sharers {
    (limit.user.clone(), limit.client_id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(client_id: &str, strict: bool) -> MutationLimit {
        MutationLimit {
            user: None,
            client_id: Some(client_id.to_owned()),
            rate: 2.0,
            burst: 22.0,
            strict,
        }
    }

    #[test]
    fn a_burst_may_overdraw_and_what_follows_is_refused_until_it_is_paid() {
        let (mut buckets, limit) = (MutationBuckets::default(), limit("a", true));
        let mut first = buckets.allowance(&limit, 0);
        assert_eq!((first.take(30), first.throttle_ms), (Ok(()), 0));
        assert_eq!(first.take(1), Err(ControllerError::ThrottlingQuotaExceeded));
        assert_eq!(first.throttle_ms, 4_000);
        buckets.settle(&limit, &first, 0);
        let mut later = buckets.allowance(&limit, 3_000);
        assert!(later.take(1).is_err());
        assert_eq!(later.throttle_ms, 1_000);
        buckets.settle(&limit, &later, 3_000);
        assert_eq!(buckets.allowance(&limit, 4_000).take(1), Ok(()));
    }

    #[test]
    fn old_clients_are_served_and_wait() {
        let (mut buckets, limit) = (MutationBuckets::default(), limit("a", false));
        let mut allowance = buckets.allowance(&limit, 0);
        assert_eq!((allowance.take(24), allowance.throttle_ms), (Ok(()), 1_000));
        assert_eq!((allowance.take(2), allowance.throttle_ms), (Ok(()), 2_000));
    }

    #[test]
    fn buckets_fill_up_to_the_burst_and_belong_to_one_client() {
        let mut buckets = MutationBuckets::default();
        let (one, other) = (limit("a", true), limit("b", true));
        let mut allowance = buckets.allowance(&one, 0);
        assert_eq!(allowance.take(23), Ok(()));
        buckets.settle(&one, &allowance, 0);
        assert_eq!(buckets.allowance(&other, 0).tokens, 22.0);
        assert_eq!(buckets.allowance(&one, 1_000_000).tokens, 22.0);
    }
}
