//! AlterClientQuotas 0–1 (KIP-546): sets and removes quotas of users, client ids and addresses. It takes ALTER_CONFIGS on the
//! cluster. The answer waits until this broker acts on them; the others do within a heartbeat.
//!
//! Difference from Kafka: an address (`ip`) is one, and not the name of a host.

use std::{collections::BTreeMap, sync::Arc};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        AlterClientQuotasRequest, AlterClientQuotasResponse,
        alter_client_quotas_request::{EntryData as RequestEntry, OpData},
        alter_client_quotas_response::{EntityData, EntryData},
    },
};
use kafka_metadata::{
    acl::AclOperation,
    quota::{QuotaChange, QuotaEntity, QuotaKey, QuotaValue},
    rpc::{ControllerError, ControllerRequest, ControllerResponse},
};

use super::{
    controller_timeout::{APPLY_WAIT, CONTROLLER_TIMEOUT},
    quota_entities::entity,
};
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    response::controller_error_code,
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(49, "AlterClientQuotas", 0..=1, AlterClientQuotasRequest, handle);

type Refusal = (ErrorCode, String);

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: AlterClientQuotasRequest,
    _version: i16,
) -> AlterClientQuotasResponse {
    let may = context.may(broker, AclOperation::AlterConfigs, Resource::Cluster);
    let wanted: Vec<Result<QuotaChange, Refusal>> = request
        .entries
        .iter()
        .map(|entry| {
            if may {
                return change(entry).map_err(|message| (ErrorCode::InvalidRequest, message));
            }
            let code = ErrorCode::ClusterAuthorizationFailed;
            Err((code, code.message().to_owned()))
        })
        .collect();
    let accepted: Vec<QuotaChange> = wanted.iter().flatten().cloned().collect();
    let mut outcomes = alter(broker, accepted, request.validate_only).await.into_iter();
    let mut response = AlterClientQuotasResponse::default();
    for (asked, wanted) in request.entries.into_iter().zip(wanted) {
        let outcome = match wanted {
            Ok(_) => outcomes
                .next()
                .unwrap_or(Err(ControllerError::NotController))
                .map_err(|error| (controller_error_code(&error), error.to_string())),
            Err(refusal) => Err(refusal),
        };
        response.entries.push(answer(asked, outcome));
    }
    response
}

fn change(entry: &RequestEntry) -> Result<QuotaChange, String> {
    let parts = entry.entity.iter();
    let entity = entity(parts.map(|part| (&part.entity_type, part.entity_name.as_ref())))?;
    let mut values = BTreeMap::new();
    for op in &entry.ops {
        let (key, value) = operation(&entity, op)?;
        if values.insert(key, value).is_some() {
            return Err(format!("Duplicate quota key {}", op.key));
        }
    }
    Ok(QuotaChange { entity, values })
}

fn operation(entity: &QuotaEntity, op: &OpData) -> Result<(QuotaKey, Option<QuotaValue>), String> {
    let key = QuotaKey::named(&op.key).filter(|key| key.is_for(entity));
    let key = key.ok_or_else(|| format!("Invalid configuration key {}", op.key))?;
    if op.remove {
        return Ok((key, None));
    }
    let value = QuotaValue::new(op.value).ok_or_else(|| format!("Quota {} must be greater than 0", op.key))?;
    key.check(value)?;
    Ok((key, Some(value)))
}

async fn alter(broker: &Broker, changes: Vec<QuotaChange>, validate_only: bool) -> Vec<Result<(), ControllerError>> {
    let count = changes.len();
    if count == 0 {
        return Vec::new();
    }
    let request = ControllerRequest::AlterClientQuotas {
        changes: changes.clone(),
        validate_only,
    };
    let outcomes = match broker.controller.call_within(request, CONTROLLER_TIMEOUT).await {
        Ok(ControllerResponse::Results(outcomes)) => outcomes,
        Ok(_) => return vec![Err(ControllerError::NotController); count],
        Err(error) => return vec![Err(error); count],
    };
    if validate_only {
        return outcomes;
    }
    let made = changes.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok());
    let made: Vec<&QuotaChange> = made.map(|(change, _)| change).collect();
    broker
        .metadata
        .wait_for(APPLY_WAIT, |image| {
            made.iter().all(|change| {
                let of_entity = image.quotas.get(&change.entity);
                let value_of = |key| of_entity.and_then(|values| values.get(key));
                change.values.iter().all(|(key, value)| value_of(key) == value.as_ref())
            })
        })
        .await;
    outcomes
}

fn answer(asked: RequestEntry, outcome: Result<(), Refusal>) -> EntryData {
    let mut entry = EntryData::default();
    entry.error_message = None;
    if let Err((code, message)) = outcome {
        entry.error_code = code.code();
        entry.error_message = Some(StrBytes::from(message));
    }
    let parts = asked.entity.into_iter().map(|asked| {
        let mut part = EntityData::default();
        (part.entity_type, part.entity_name) = (asked.entity_type, asked.entity_name);
        part
    });
    entry.entity = parts.collect();
    entry
}
