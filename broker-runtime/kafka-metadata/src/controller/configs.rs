//! `IncrementalAlterConfigs` (KIP-339) of topics, brokers and groups. A resource changes as a whole or not at all.
//!
//! Differences from Kafka: broker properties that the runtime sets (listeners, keys) are refused, and so are names that
//! Kafka would keep for plugins.

use std::collections::BTreeMap;

use server_properties::{Definition, Reach, Scope, ValueType, list_entries};

use super::{create_topics::check_combination, draft::Draft, elections, eligible};
use crate::{
    ConfigResource, MetadataRecord, instructions,
    rpc::{AlterConfigResource, ConfigChange, ControllerError, ControllerResponse},
};

/// Groups with a configuration of their own, of one cluster, at most.
const GROUPS_MAX: usize = 10_000;

/// Changes the configurations of resources, of each on its own.
pub(super) fn alter(draft: &mut Draft<'_>, resources: &[AlterConfigResource]) -> ControllerResponse {
    let results = resources.iter().map(|resource| alter_one(draft, resource)).collect();
    let is_changed = |name: &str| {
        let mut changes = resources.iter().flat_map(|resource| &resource.changes);
        changes.any(|(changed, _)| changed == name)
    };
    if is_changed(eligible::MIN_INSYNC_REPLICAS) {
        eligible::review(draft);
    }
    if is_changed(elections::UNCLEAN) {
        elections::elect_where_unclean(draft);
    }
    ControllerResponse::Results(results)
}

/// Replaces the instructions of all brokers; what stays the same leaves no record.
pub(super) fn instruct(draft: &mut Draft<'_>, instructions: &BTreeMap<String, String>) {
    let before = instructions::in_force(draft.image());
    for (name, value) in instructions {
        if before.get(name) != Some(value) {
            push(draft, &ConfigResource::Brokers, name, Some(value.clone()));
        }
    }
    for name in before.keys().filter(|name| !instructions.contains_key(*name)) {
        push(draft, &ConfigResource::Brokers, name, None);
    }
}

fn alter_one(draft: &mut Draft<'_>, wanted: &AlterConfigResource) -> Result<(), ControllerError> {
    check_resource(draft, &wanted.resource)?;
    let before = draft
        .image()
        .dynamic_config(&wanted.resource)
        .cloned()
        .unwrap_or_default();
    let mut after = before.clone();
    for (name, change) in &wanted.changes {
        apply_change(draft, &wanted.resource, &mut after, name, change)?;
    }
    match wanted.resource {
        ConfigResource::Topic(_) => check_combination(draft, &after)?,
        ConfigResource::Group(_) => check_group(draft, &after)?,
        ConfigResource::Broker(_) | ConfigResource::Brokers => {}
    }
    for (name, value) in &after {
        if before.get(name) != Some(value) {
            push(draft, &wanted.resource, name, Some(value.clone()));
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        push(draft, &wanted.resource, name, None);
    }
    Ok(())
}

fn check_group(draft: &Draft<'_>, values: &BTreeMap<String, String>) -> Result<(), ControllerError> {
    let properties = &draft.defaults().properties;
    let of_brokers = |name: &str| draft.image().broker_property(None, name, properties);
    server_properties::validate_group_combination(values, of_brokers).map_err(ControllerError::InvalidConfig)
}

fn push(draft: &mut Draft<'_>, resource: &ConfigResource, name: &str, value: Option<String>) {
    draft.push(MetadataRecord::Config {
        resource: resource.clone(),
        name: name.to_owned(),
        value,
    });
}

/// A group need not be there to have a configuration, so nothing else bounds their number.
fn is_one_too_many(draft: &Draft<'_>, resource: &ConfigResource) -> bool {
    let configs = &draft.image().configs;
    let groups = configs.keys().filter(|it| matches!(it, ConfigResource::Group(_)));
    !configs.contains_key(resource) && groups.count() >= GROUPS_MAX
}

fn check_resource(draft: &Draft<'_>, resource: &ConfigResource) -> Result<(), ControllerError> {
    match resource {
        ConfigResource::Topic(name) if !draft.image().topics.contains_key(name) => {
            Err(ControllerError::UnknownTopicOrPartition(name.clone()))
        }
        ConfigResource::Broker(broker_id) if !draft.image().brokers.contains_key(broker_id) => Err(
            ControllerError::InvalidRequest(format!("broker {broker_id} is not registered")),
        ),
        ConfigResource::Group(_) if is_one_too_many(draft, resource) => Err(ControllerError::PolicyViolation(format!(
            "a cluster has configurations of {GROUPS_MAX} groups at most"
        ))),
        ConfigResource::Group(group_id) if group_id.is_empty() => Err(ControllerError::InvalidRequest(
            "Default group resources are not allowed.".to_owned(),
        )),
        _ => Ok(()),
    }
}

fn apply_change(
    draft: &Draft<'_>,
    resource: &ConfigResource,
    values: &mut BTreeMap<String, String>,
    name: &str,
    change: &ConfigChange,
) -> Result<(), ControllerError> {
    if instructions::is_instruction(name) {
        return Err(ControllerError::InvalidConfig(format!(
            "unknown broker property {name:?}"
        )));
    }
    if *change == ConfigChange::Delete && values.remove(name).is_some() {
        return Ok(());
    }
    if *change == ConfigChange::Delete && matches!(resource, ConfigResource::Group(_)) {
        // Kafka looks at what a group has afterwards only.
        return Ok(());
    }
    if name == eligible::MIN_INSYNC_REPLICAS && matches!(resource, ConfigResource::Broker(_)) {
        // A leader with a number of its own would acknowledge what eligible leader replicas do not have.
        return Err(ControllerError::InvalidConfig(
            "Broker-level min.insync.replicas cannot be altered while ELR is enabled.".to_owned(),
        ));
    }
    let definition = definition_for(resource, name)?;
    let value = match change {
        ConfigChange::Delete => return Ok(()),
        ConfigChange::Set(value) => value.trim().to_owned(),
        ConfigChange::Append(entries) | ConfigChange::Subtract(entries) => {
            if definition.value_type != ValueType::List {
                let operation = if matches!(change, ConfigChange::Append(_)) {
                    "APPEND"
                } else {
                    "SUBTRACT"
                };
                return Err(ControllerError::InvalidConfig(format!(
                    "can't {operation} to key {name} because its type is not LIST"
                )));
            }
            let current = values
                .get(name)
                .cloned()
                .or_else(|| inherited(draft, resource, definition));
            changed_list(
                &current.unwrap_or_default(),
                entries,
                matches!(change, ConfigChange::Append(_)),
            )
        }
    };
    definition.validate(&value).map_err(ControllerError::InvalidConfig)?;
    if let Some(reason) = server_properties::refusal(name, &value) {
        return Err(ControllerError::InvalidConfig(reason));
    }
    values.insert(name.to_owned(), value);
    Ok(())
}

/// The value that holds while the resource itself has none.
fn inherited(draft: &Draft<'_>, resource: &ConfigResource, definition: &Definition) -> Option<String> {
    let properties = &draft.defaults().properties;
    let of_brokers = |name: &str| draft.image().broker_property(None, name, properties);
    match resource {
        ConfigResource::Topic(_) => server_properties::topic_default(definition.name, of_brokers),
        _ => of_brokers(definition.name).or_else(|| definition.default.map(str::to_owned)),
    }
}

fn changed_list(current: &str, entries: &str, append: bool) -> String {
    let mut list: Vec<&str> = list_entries(current).collect();
    for entry in list_entries(entries) {
        if !append {
            list.retain(|existing| *existing != entry);
        } else if !list.contains(&entry) {
            list.push(entry);
        }
    }
    list.join(",")
}

fn definition_for(resource: &ConfigResource, name: &str) -> Result<&'static Definition, ControllerError> {
    if matches!(resource, ConfigResource::Topic(_)) {
        return server_properties::topic_definition(name).ok_or_else(|| {
            let reason = server_properties::validate_topic_config(name, "")
                .err()
                .unwrap_or_default();
            ControllerError::InvalidConfig(reason)
        });
    }
    if matches!(resource, ConfigResource::Group(_)) {
        let unknown = || ControllerError::InvalidConfig(server_properties::unknown_group_property(name));
        return server_properties::group_definition(name).ok_or_else(unknown);
    }
    let Some(definition) = server_properties::definition(name) else {
        return Err(ControllerError::InvalidConfig(format!(
            "unknown broker property {name:?}"
        )));
    };
    if !definition.may_be_configured() {
        return Err(ControllerError::InvalidRequest(format!(
            "{name} is set by the runtime and cannot be changed"
        )));
    }
    match definition.scope {
        Scope::BrokerDynamic(Reach::PerBroker) if *resource == ConfigResource::Brokers => {
            Err(ControllerError::InvalidRequest(format!(
                "cannot update {name} at default cluster level: it is per broker"
            )))
        }
        Scope::BrokerDynamic(_) => Ok(definition),
        _ => Err(ControllerError::InvalidRequest(format!(
            "cannot update these configs dynamically: {name}"
        ))),
    }
}
