//! Client quotas. Each broker answers from the quotas that it acts on.

use engine::{Quota, QuotaName, TopicError};
use kafka_codec::{
    StrBytes,
    messages::{
        AlterClientQuotasRequest, DescribeClientQuotasRequest, DescribeClientQuotasResponse,
        alter_client_quotas_request::{EntityData, EntryData, OpData},
        describe_client_quotas_response,
    },
};

use super::{Kafka, check, text};

const USER: &str = "user";
const CLIENT_ID: &str = "client-id";
const IP: &str = "ip";

impl Kafka {
    /// All quotas of users and clients, in order.
    pub(crate) async fn quotas(&self) -> Result<Vec<Quota>, TopicError> {
        let answer = self.ask(&everything(), 1).await?;
        check(answer.error_code, answer.error_message.as_ref(), "")?;
        Ok(quotas(&answer))
    }

    /// Gives each entity exactly these values, all of them or none.
    pub(crate) async fn put_quotas(&self, wanted: &[Quota]) -> Result<(), TopicError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let mut request = AlterClientQuotasRequest::default();
        request.entries = wanted.iter().map(entry).collect::<Result<_, _>>()?;
        // First asked whether all of them can be.
        for validate_only in [true, false] {
            request.validate_only = validate_only;
            let answer = self.ask(&request, 1).await?;
            for entry in &answer.entries {
                check(entry.error_code, entry.error_message.as_ref(), "")?;
            }
        }
        self.wait_everywhere("setting quotas", &everything(), 1, |answer| {
            let there = quotas(answer);
            wanted.iter().all(
                |quota| match there.iter().find(|other| other.is_of_same_entity(quota)) {
                    Some(found) => found == quota,
                    None => !quota.limits_something(),
                },
            )
        })
        .await
    }
}

fn everything() -> DescribeClientQuotasRequest {
    let mut request = DescribeClientQuotasRequest::default();
    request.strict = false;
    request
}

fn entry(quota: &Quota) -> Result<EntryData, TopicError> {
    let mut entry = EntryData::default();
    let parts = [(USER, &quota.user), (CLIENT_ID, &quota.client_id), (IP, &quota.ip)];
    for (kind, name) in parts {
        if let Some(name) = name {
            let mut entity = EntityData::default();
            entity.entity_type = text(kind);
            entity.entity_name = match name {
                QuotaName::Default => None,
                QuotaName::Named(name) => Some(text(name)),
            };
            entry.entity.push(entity);
        }
    }
    for (key, value) in quota.values() {
        if value.is_some_and(|value| value <= 0.0 || !value.is_finite()) {
            return Err(TopicError::InvalidRequest(format!("{key} has to be greater than 0")));
        }
        let mut operation = OpData::default();
        operation.key = text(key);
        operation.value = value.unwrap_or_default();
        operation.remove = value.is_none();
        entry.ops.push(operation);
    }
    Ok(entry)
}

/// Those that limit something we know of.
fn quotas(answer: &DescribeClientQuotasResponse) -> Vec<Quota> {
    let entries = answer.entries.iter().flatten();
    let mut found: Vec<Quota> = entries.filter_map(quota).filter(Quota::limits_something).collect();
    found.sort_by_key(|quota| [&quota.user, &quota.client_id, &quota.ip].map(|name| order(name.as_ref())));
    found
}

fn order(name: Option<&QuotaName>) -> (u8, String) {
    match name {
        None => (0, String::new()),
        Some(QuotaName::Default) => (1, String::new()),
        Some(QuotaName::Named(name)) => (2, name.clone()),
    }
}

fn quota(entry: &describe_client_quotas_response::EntryData) -> Option<Quota> {
    let mut quota = Quota::default();
    for entity in &entry.entity {
        let name = name(entity.entity_name.as_ref());
        match &*entity.entity_type.to_string() {
            USER => quota.user = Some(name),
            CLIENT_ID => quota.client_id = Some(name),
            IP => quota.ip = Some(name),
            _ => return None,
        }
    }
    for value in &entry.values {
        quota.set(value.key.as_ref(), value.value);
    }
    Some(quota)
}

fn name(name: Option<&StrBytes>) -> QuotaName {
    name.map_or(QuotaName::Default, |name| QuotaName::Named(name.to_string()))
}
