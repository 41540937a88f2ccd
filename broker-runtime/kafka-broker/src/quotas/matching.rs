//! Which quota a client has, by the precedence of Kafka's `DefaultQuotaCallback`: the most special entity that has the quota,
//! users before client ids, names before defaults.

use kafka_metadata::quota::{QuotaEntity, QuotaKey, QuotaName, QuotaValue, Quotas};

/// Who shares what a quota allows: users and client ids that the entity tells apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Sharers {
    pub(super) user: Option<Box<str>>,
    pub(super) client_id: Option<Box<str>>,
}

/// The quota of a client, and whom it shares it with.
pub(super) fn find(quotas: &Quotas, key: QuotaKey, user: &str, client_id: &str) -> Option<(QuotaValue, Sharers)> {
    let named_user = || Some(QuotaName::Named(user.to_owned()));
    let named_client = || Some(QuotaName::Named(client_id.to_owned()));
    let default = || Some(QuotaName::Default);
    let in_order = [
        (named_user(), named_client()),
        (named_user(), default()),
        (named_user(), None),
        (default(), named_client()),
        (default(), default()),
        (default(), None),
        (None, named_client()),
        (None, default()),
    ];
    in_order.into_iter().find_map(|(of_user, of_client)| {
        let sharers = Sharers {
            user: of_user.is_some().then(|| user.into()),
            client_id: of_client.is_some().then(|| client_id.into()),
        };
        let entity = QuotaEntity {
            user: of_user,
            client_id: of_client,
            ip: None,
        };
        Some((*quotas.get(&entity)?.get(&key)?, sharers))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const KEY: QuotaKey = QuotaKey::ProducerByteRate;

    fn named(name: &str) -> Option<QuotaName> {
        Some(match name {
            "*" => QuotaName::Default,
            name => QuotaName::Named(name.to_owned()),
        })
    }

    #[test]
    fn the_most_special_entity_counts() {
        let in_order = [
            (named("u"), named("c")),
            (named("u"), named("*")),
            (named("u"), None),
            (named("*"), named("c")),
            (named("*"), named("*")),
            (named("*"), None),
            (None, named("c")),
            (None, named("*")),
        ];
        let mut quotas = Quotas::new();
        for (rank, (user, client_id)) in in_order.into_iter().enumerate().rev() {
            let value = QuotaValue::new(rank as f64 + 1.0).unwrap();
            let sharers = Sharers {
                user: user.is_some().then(|| "u".into()),
                client_id: client_id.is_some().then(|| "c".into()),
            };
            let entity = QuotaEntity {
                user,
                client_id,
                ip: None,
            };
            quotas.insert(entity, BTreeMap::from([(KEY, value)]));
            assert_eq!(find(&quotas, KEY, "u", "c"), Some((value, sharers)));
        }
        assert_eq!(find(&quotas, QuotaKey::ConsumerByteRate, "u", "c"), None);
        let (of_other, _) = find(&quotas, KEY, "other", "c").unwrap();
        assert_eq!(of_other.get(), 4.0, "the default of users, with this client id");
    }
}
