//! DescribeClientQuotas 0–1 (KIP-546): the quotas of the entities that a filter finds. It takes DESCRIBE_CONFIGS on the cluster.

use std::{collections::BTreeSet, sync::Arc};

use kafka_codec::{
    ErrorCode, StrBytes,
    messages::{
        DescribeClientQuotasRequest, DescribeClientQuotasResponse,
        describe_client_quotas_request::ComponentData,
        describe_client_quotas_response::{EntityData, EntryData, ValueData},
    },
};
use kafka_metadata::{
    acl::AclOperation,
    quota::{QuotaEntity, QuotaName, Quotas},
};

use super::quota_entities::{CLIENT_ID, IP, USER, parts};
use crate::{
    broker::Broker,
    dispatch::{ApiEntry, RequestContext, api},
    security::Resource,
};

/// See the module.
pub(crate) const API: ApiEntry = api!(48, "DescribeClientQuotas", 0..=1, DescribeClientQuotasRequest, handle);

/// Kafka's codes of how a component matches.
const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const SPECIFIED: i8 = 2;

async fn handle(
    context: &RequestContext,
    broker: &Arc<Broker>,
    request: DescribeClientQuotasRequest,
    _version: i16,
) -> DescribeClientQuotasResponse {
    let mut response = DescribeClientQuotasResponse::default();
    if !context.may(broker, AclOperation::DescribeConfigs, Resource::Cluster) {
        let code = ErrorCode::ClusterAuthorizationFailed;
        return refuse(code, code.message());
    }
    match filter(&request.components) {
        Ok(filter) => response.entries = Some(entries(&broker.metadata.image().quotas, &filter, request.strict)),
        Err((code, message)) => return refuse(code, &message),
    }
    response
}

fn refuse(code: ErrorCode, message: &str) -> DescribeClientQuotasResponse {
    let mut response = DescribeClientQuotasResponse::default();
    response.error_code = code.code();
    response.error_message = Some(StrBytes::from(message));
    response.entries = None;
    response
}

/// What a component asks for.
enum Wish {
    Name(QuotaName),
    Any,
}

fn filter(components: &[ComponentData]) -> Result<Vec<(&'static str, Wish)>, (ErrorCode, String)> {
    let mut filter = Vec::with_capacity(components.len());
    let mut seen = BTreeSet::new();
    for component in components {
        let kind = match component.entity_type.as_str() {
            USER => USER,
            CLIENT_ID => CLIENT_ID,
            IP => IP,
            "" => return Err((ErrorCode::InvalidRequest, "Invalid empty entity type.".to_owned())),
            other => {
                let message = format!("Custom entity type '{other}' not supported.");
                return Err((ErrorCode::UnsupportedVersion, message));
            }
        };
        if !seen.insert(kind) {
            let message = format!("Entity type {kind} cannot appear more than once in the filter.");
            return Err((ErrorCode::InvalidRequest, message));
        }
        let name = component.match_.as_ref().map(ToString::to_string);
        let wish = match (component.match_type, name) {
            (EXACT, Some(name)) => Wish::Name(QuotaName::Named(name)),
            (EXACT, None) => {
                let message = "Request specified MATCH_TYPE_EXACT, but set match to null.".to_owned();
                return Err((ErrorCode::InvalidRequest, message));
            }
            (DEFAULT | SPECIFIED, Some(_)) => {
                let message = "A name is given to a component that matches without one.".to_owned();
                return Err((ErrorCode::InvalidRequest, message));
            }
            (DEFAULT, None) => Wish::Name(QuotaName::Default),
            (SPECIFIED, None) => Wish::Any,
            (other, _) => return Err((ErrorCode::InvalidRequest, format!("Unknown match type {other}"))),
        };
        filter.push((kind, wish));
    }
    if seen.contains(IP) && seen.len() > 1 {
        let message = "Invalid entity filter component combination, IP filter component should not be used with user or \
                       clientId filter component.";
        return Err((ErrorCode::InvalidRequest, message.to_owned()));
    }
    Ok(filter)
}

fn entries(quotas: &Quotas, filter: &[(&str, Wish)], strict: bool) -> Vec<EntryData> {
    let matching = quotas.iter().filter(|(entity, _)| matches(entity, filter, strict));
    let entries = matching.map(|(entity, values)| {
        let mut entry = EntryData::default();
        entry.entity = parts(entity)
            .map(|(kind, name)| {
                let mut part = EntityData::default();
                part.entity_type = StrBytes::from(kind);
                part.entity_name = match name {
                    QuotaName::Named(name) => Some(StrBytes::from(name.as_str())),
                    QuotaName::Default => None,
                };
                part
            })
            .collect();
        entry.values = values
            .iter()
            .map(|(key, value)| {
                let mut entry = ValueData::default();
                entry.key = StrBytes::from(key.name());
                entry.value = value.get();
                entry
            })
            .collect();
        entry
    });
    entries.collect()
}

/// Every component has to match; when it is strict, the entity has nothing else.
fn matches(entity: &QuotaEntity, filter: &[(&str, Wish)], strict: bool) -> bool {
    let has = |kind: &str| parts(entity).find(|(part, _)| *part == kind).map(|(_, name)| name);
    let all = filter.iter().all(|(kind, wish)| match (has(kind), wish) {
        (Some(name), Wish::Name(wanted)) => name == wanted,
        (Some(_), Wish::Any) => true,
        (None, _) => false,
    });
    all && (!strict || parts(entity).count() == filter.len())
}
