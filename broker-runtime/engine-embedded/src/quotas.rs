//! Client quotas of a running cluster: requests to its controller, quotas from its metadata image.

use std::collections::BTreeMap;

use async_trait::async_trait;
use engine::{Quota, QuotaAdmin, QuotaName, TopicError};
use kafka_metadata::{
    quota::{self, QuotaChange, QuotaEntity, QuotaKey, QuotaValue},
    rpc::{ControllerRequest, ControllerResponse},
};
use uuid::Uuid;

use crate::{
    EmbeddedEngine,
    metadata_calls::{refused, unexpected, wait_applied},
};

#[async_trait]
impl QuotaAdmin for EmbeddedEngine {
    async fn list_quotas(&self, cluster_id: Uuid) -> Result<Vec<Quota>, TopicError> {
        let image = self.cluster(cluster_id)?.image();
        Ok(image
            .quotas
            .iter()
            .map(|(entity, values)| described(entity, values))
            .collect())
    }

    async fn put_quotas(&self, cluster_id: Uuid, quotas: &[Quota]) -> Result<(), TopicError> {
        let cluster = self.cluster(cluster_id)?;
        let changes = quotas.iter().map(change).collect::<Result<Vec<_>, _>>()?;
        // First asked whether all of them can be, so that it is all of them or none.
        for validate_only in [true, false] {
            let request = ControllerRequest::AlterClientQuotas {
                changes: changes.clone(),
                validate_only,
            };
            match cluster.call(request).await {
                Ok(ControllerResponse::Results(results)) => {
                    results.into_iter().collect::<Result<(), _>>().map_err(refused)?;
                }
                Ok(other) => return Err(unexpected(&other)),
                Err(error) => return Err(refused(error)),
            }
        }
        wait_applied(&cluster).await
    }
}

fn described(entity: &QuotaEntity, values: &BTreeMap<QuotaKey, QuotaValue>) -> Quota {
    let name = |name: &quota::QuotaName| match name {
        quota::QuotaName::Default => QuotaName::Default,
        quota::QuotaName::Named(name) => QuotaName::Named(name.clone()),
    };
    let mut quota = Quota {
        user: entity.user.as_ref().map(name),
        client_id: entity.client_id.as_ref().map(name),
        ip: entity.ip.as_ref().map(name),
        ..Quota::default()
    };
    for (key, value) in values {
        quota.set(key.name(), value.get());
    }
    quota
}

fn change(quota: &Quota) -> Result<QuotaChange, TopicError> {
    let name = |name: &QuotaName| match name {
        QuotaName::Default => quota::QuotaName::Default,
        QuotaName::Named(name) => quota::QuotaName::Named(name.clone()),
    };
    let values = quota.values().into_iter().map(|(name, value)| {
        let key = QuotaKey::named(name).ok_or_else(|| TopicError::InvalidRequest(format!("{name} is no quota")))?;
        let checked = value.map(|value| {
            let above_nothing = || TopicError::InvalidRequest(format!("{name} has to be greater than 0"));
            QuotaValue::new(value).ok_or_else(above_nothing)
        });
        Ok((key, checked.transpose()?))
    });
    Ok(QuotaChange {
        entity: QuotaEntity {
            user: quota.user.as_ref().map(name),
            client_id: quota.client_id.as_ref().map(name),
            ip: quota.ip.as_ref().map(name),
        },
        values: values.collect::<Result<_, TopicError>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_limited_is_removed() {
        let quota = Quota {
            user: Some(QuotaName::Named("app".to_owned())),
            client_id: Some(QuotaName::Default),
            producer_byte_rate: Some(100.0),
            request_percentage: Some(12.5),
            controller_mutation_rate: Some(0.5),
            ..Quota::default()
        };
        let made = change(&quota).unwrap();
        assert_eq!(made.values[&QuotaKey::ConsumerByteRate], None);
        let kept = made.values.iter().filter_map(|(key, value)| Some((*key, (*value)?)));
        assert_eq!(described(&made.entity, &kept.collect()), quota);
        assert!(
            !made.values.contains_key(&QuotaKey::ConnectionCreationRate),
            "that is of addresses"
        );
        let wrong = Quota {
            producer_byte_rate: Some(-1.0),
            ..quota
        };
        assert!(change(&wrong).unwrap_err().to_string().contains("producer_byte_rate"));
    }
    #[test]
    fn addresses_have_the_rate_of_their_connections() {
        let quota = Quota {
            ip: Some(QuotaName::Default),
            connection_creation_rate: Some(5.0),
            ..Quota::default()
        };
        let made = change(&quota).unwrap();
        assert_eq!(made.values.len(), 1);
        let kept = made.values.iter().filter_map(|(key, value)| Some((*key, (*value)?)));
        assert_eq!(described(&made.entity, &kept.collect()), quota);
    }
}
