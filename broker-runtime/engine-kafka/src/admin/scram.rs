//! SCRAM users (KIP-554). Brokers tell iterations and never salts: what they hold is remembered by its fingerprint.

use std::collections::BTreeMap;

use bytes::Bytes;
use engine::{ScramMechanism, ScramUser, TopicError};
use kafka_codec::messages::{
    AlterUserScramCredentialsRequest, DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
    alter_user_scram_credentials_request::{ScramCredentialDeletion, ScramCredentialUpsertion},
};
use ring::digest::{Context, SHA256};

use super::{Kafka, check, text};

/// What was set last: user and mechanism, with a hash of salt, iterations and salted password.
pub(crate) type Fingerprints = BTreeMap<String, BTreeMap<i8, String>>;

/// Those of a specification.
pub(crate) fn fingerprints(users: &[ScramUser]) -> Fingerprints {
    let mut all = Fingerprints::new();
    for user in users {
        let of_user = all.entry(user.name.clone()).or_default();
        for credential in &user.credentials {
            let mut context = Context::new(&SHA256);
            context.update(&credential.iterations.to_be_bytes());
            context.update(&credential.salt);
            context.update(credential.salted_password.expose());
            let digest = context.finish();
            let text: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            of_user.insert(code(credential.mechanism), text);
        }
    }
    all
}

/// Kafka's code of a mechanism.
pub(crate) fn code(mechanism: ScramMechanism) -> i8 {
    match mechanism {
        ScramMechanism::Sha256 => 1,
        ScramMechanism::Sha512 => 2,
    }
}

impl Kafka {
    /// Makes the users these, as far as they were made by specifications: others are clients' own.
    pub(crate) async fn ensure_users(&self, before: &Fingerprints, users: &[ScramUser]) -> Result<(), TopicError> {
        let wanted = fingerprints(users);
        let there = held(&self.ask(&everybody(), 0).await?);
        let is_there = |name: &str, mechanism: i8| there.get(name).is_some_and(|it| it.contains_key(&mechanism));
        let mut request = AlterUserScramCredentialsRequest::default();
        for user in users {
            for credential in &user.credentials {
                let mechanism = code(credential.mechanism);
                let was = before.get(&user.name).and_then(|it| it.get(&mechanism));
                let will = wanted.get(&user.name).and_then(|it| it.get(&mechanism));
                if was == will && is_there(&user.name, mechanism) {
                    continue;
                }
                let mut upsertion = ScramCredentialUpsertion::default();
                upsertion.name = text(&user.name);
                upsertion.mechanism = mechanism;
                upsertion.iterations = i32::try_from(credential.iterations).unwrap_or(i32::MAX);
                upsertion.salt = Bytes::copy_from_slice(&credential.salt);
                upsertion.salted_password = Bytes::copy_from_slice(credential.salted_password.expose());
                request.upsertions.push(upsertion);
            }
        }
        for (name, mechanisms) in before {
            for mechanism in mechanisms.keys().copied() {
                let stays = wanted.get(name).is_some_and(|it| it.contains_key(&mechanism));
                if !stays && is_there(name, mechanism) {
                    let mut deletion = ScramCredentialDeletion::default();
                    deletion.name = text(name);
                    deletion.mechanism = mechanism;
                    request.deletions.push(deletion);
                }
            }
        }
        if request.upsertions.is_empty() && request.deletions.is_empty() {
            return Ok(());
        }
        // A request that names a user twice is refused.
        for mechanism in [1, 2] {
            let mut part = request.clone();
            part.upsertions.retain(|it| it.mechanism == mechanism);
            part.deletions.retain(|it| it.mechanism == mechanism);
            if part.upsertions.is_empty() && part.deletions.is_empty() {
                continue;
            }
            let answer = self.ask(&part, 0).await?;
            for result in answer.results {
                check(result.error_code, result.error_message.as_ref(), "")?;
            }
        }
        let gone: Vec<(String, i8)> = request
            .deletions
            .iter()
            .map(|it| (it.name.to_string(), it.mechanism))
            .collect();
        self.wait_everywhere("setting the SCRAM users", &everybody(), 0, |answer| {
            let there = held(answer);
            let has = |name: &str, mechanism| there.get(name).is_some_and(|it| it.contains_key(&mechanism));
            let all = wanted
                .iter()
                .flat_map(|(name, it)| it.keys().map(move |key| (name, *key)));
            all.into_iter().all(|(name, mechanism)| has(name, mechanism))
                && !gone.iter().any(|(name, mechanism)| has(name, *mechanism))
        })
        .await
    }
}

fn everybody() -> DescribeUserScramCredentialsRequest {
    let mut request = DescribeUserScramCredentialsRequest::default();
    request.users = None;
    request
}

/// Users, mechanisms and iterations in an answer.
fn held(answer: &DescribeUserScramCredentialsResponse) -> BTreeMap<String, BTreeMap<i8, i32>> {
    let users = answer.results.iter().map(|result| {
        let infos = result.credential_infos.iter();
        let infos = infos.map(|info| (info.mechanism, info.iterations));
        (result.user.to_string(), infos.collect())
    });
    users.collect()
}

#[cfg(test)]
mod tests {
    use engine::{ScramCredential, Secret};

    use super::*;

    #[test]
    fn another_password_has_another_fingerprint() {
        let user = |password: &[u8]| ScramUser {
            name: "app".to_owned(),
            credentials: vec![ScramCredential {
                mechanism: ScramMechanism::Sha512,
                salt: vec![1],
                iterations: 4096,
                salted_password: Secret::new(password.to_vec()),
            }],
        };
        let one = fingerprints(&[user(b"one")]);
        assert_eq!(one, fingerprints(&[user(b"one")]));
        assert_ne!(one, fingerprints(&[user(b"two")]));
        assert!(!format!("{one:?}").contains("one"));
    }
}
