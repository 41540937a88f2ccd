//! Client quotas. What is so already leaves no record.

use super::draft::Draft;
use crate::{
    MetadataRecord,
    quota::QuotaChange,
    rpc::{ControllerError, ControllerResponse},
};

/// Entities with quotas of one cluster, at most.
const ENTITIES_MAX: usize = 10_000;

/// Sets and removes quotas. One result an entity.
pub(super) fn alter(draft: &mut Draft<'_>, changes: &[QuotaChange]) -> ControllerResponse {
    let results = changes.iter().map(|change| {
        check(draft, change)?;
        for (key, value) in &change.values {
            let of_entity = draft.image().quotas.get(&change.entity);
            if of_entity.and_then(|values| values.get(key)) != value.as_ref() {
                draft.push(MetadataRecord::ClientQuota {
                    entity: change.entity.clone(),
                    key: *key,
                    value: *value,
                });
            }
        }
        Ok(())
    });
    ControllerResponse::Results(results.collect())
}

fn check(draft: &Draft<'_>, change: &QuotaChange) -> Result<(), ControllerError> {
    let refuse = |message: String| Err(ControllerError::InvalidRequest(message));
    if let Err(message) = change.entity.check() {
        return refuse(message.to_owned());
    }
    for (key, value) in &change.values {
        if !key.is_for(&change.entity) {
            return refuse(format!("Invalid configuration key {}", key.name()));
        }
        if let Some(Err(message)) = value.map(|value| key.check(value)) {
            return refuse(message);
        }
    }
    let is_new = !draft.image().quotas.contains_key(&change.entity);
    if is_new && draft.image().quotas.len() >= ENTITIES_MAX {
        let message = format!("a cluster has quotas for {ENTITIES_MAX} entities at most");
        return Err(ControllerError::PolicyViolation(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        controller::testing::Controller,
        quota::{QuotaEntity, QuotaKey, QuotaName, QuotaValue},
        rpc::ControllerRequest,
    };

    fn change(user: Option<&str>, key: QuotaKey, value: Option<f64>) -> QuotaChange {
        QuotaChange {
            entity: QuotaEntity {
                user: user.map(|user| QuotaName::Named(user.to_owned())),
                ..QuotaEntity::default()
            },
            values: BTreeMap::from([(key, value.and_then(QuotaValue::new))]),
        }
    }

    #[test]
    fn quotas_are_set_changed_and_removed() {
        let mut controller = Controller::new(1);
        let mut alter = |change: QuotaChange| {
            let request = ControllerRequest::AlterClientQuotas {
                changes: vec![change],
                validate_only: false,
            };
            let results = controller.results(request);
            (results, controller.image.quotas.len())
        };
        let key = QuotaKey::ProducerByteRate;
        assert_eq!(alter(change(Some("a"), key, Some(100.0))), (vec![Ok(())], 1));
        assert_eq!(alter(change(Some("a"), key, Some(200.0))), (vec![Ok(())], 1));
        assert!(alter(change(Some("a"), key, Some(1.5))).0[0].is_err());
        assert!(alter(change(None, key, Some(1.0))).0[0].is_err());
        let percentage = change(Some("b"), QuotaKey::RequestPercentage, Some(1.5));
        assert_eq!(alter(percentage), (vec![Ok(())], 2));
        assert_eq!(alter(change(Some("a"), key, None)), (vec![Ok(())], 1));
        assert_eq!(
            alter(change(Some("a"), key, None)),
            (vec![Ok(())], 1),
            "it is gone already"
        );
    }
}
