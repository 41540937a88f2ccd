//! The rules that core holds plans and states to.

use plugin_framework::value::{Path, Type, Value};

use crate::{
    finding::{Findings, Rule},
    schema::{Attribute, Block, part},
};

/// A plan against the configuration and what was there before.
pub(crate) fn planned(block: &Block, prior: &Value, config: &Value, planned: &Value, findings: &mut Findings<'_>) {
    if planned.is_null() != config.is_null() {
        findings.add(
            Rule::PlanIsForAnObject,
            &Path::root(),
            "the plan is for an object, or for none",
        );
        return;
    }
    planned_block(block, prior, config, planned, &Path::root(), findings);
}

fn planned_block(
    block: &Block,
    prior: &Value,
    config: &Value,
    planned: &Value,
    path: &Path,
    findings: &mut Findings<'_>,
) {
    for (name, attribute) in &block.attributes {
        let values = [part(prior, name), part(config, name), part(planned, name)];
        planned_attribute(attribute, values, &path.then_attribute(name), findings);
    }
    for (name, nested) in &block.blocks {
        let (prior, config, planned) = (part(prior, name), part(config, name), part(planned, name));
        let path = path.then_attribute(name);
        if config.is_unknown() {
            continue;
        }
        match (config.as_list(), planned.as_list()) {
            (Some(configs), Some(planneds)) => {
                if configs.len() != planneds.len() {
                    let what = format!("{} blocks are planned, {} configured", planneds.len(), configs.len());
                    findings.add(Rule::PlanKeepsBlocks, &path, what);
                    continue;
                }
                let priors = prior.as_list().unwrap_or_default();
                for (index, (config, planned)) in configs.iter().zip(planneds).enumerate() {
                    let prior = priors.get(index).unwrap_or(&Value::Null);
                    planned_block(&nested.block, prior, config, planned, &path.then_index(index), findings);
                }
            }
            _ if config.is_null() != planned.is_null() => {
                findings.add(Rule::PlanKeepsBlocks, &path, "the block is planned, or is not");
            }
            _ if config.is_null() => {}
            _ => planned_block(&nested.block, prior, config, planned, &path, findings),
        }
    }
}

fn planned_attribute(
    attribute: &Attribute,
    [prior, config, planned]: [&Value; 3],
    path: &Path,
    findings: &mut Findings<'_>,
) {
    if attribute.write_only {
        if !planned.is_null() {
            findings.add(Rule::WriteOnlyIsNull, path, "the plan holds it");
        }
        return;
    }
    let same = |one: &Value, other: &Value| one.equals(other, &attribute.of) || one.is_unknown() && other.is_unknown();
    if same(planned, config) || (same(planned, prior) && !prior.is_null() && !config.is_null()) {
        return;
    }
    if attribute.computed && (config.is_null() || !attribute.optional) {
        return;
    }
    if config.is_null() {
        findings.add(
            Rule::PlanAddsOnlyComputed,
            path,
            "it is planned, not configured, and not computed",
        );
    } else {
        findings.add(
            Rule::PlanKeepsConfiguration,
            path,
            "it is planned to be something else than is configured",
        );
    }
}

/// What was said first against what was said later: known values stay, unknown ones become known or stay unknown.
pub(crate) fn kept(block: &Block, first: &Value, later: &Value, rule: Rule, findings: &mut Findings<'_>) {
    if first.is_null() != later.is_null() {
        findings.add(rule, &Path::root(), "an object is there, or is not");
        return;
    }
    kept_block(block, first, later, rule, &Path::root(), findings);
}

fn kept_block(block: &Block, first: &Value, later: &Value, rule: Rule, path: &Path, findings: &mut Findings<'_>) {
    for (name, attribute) in &block.attributes {
        let (first, later) = (part(first, name), part(later, name));
        if !attribute.write_only && !may_become(first, later, &attribute.of) {
            findings.add(rule, &path.then_attribute(name), "it has become something else");
        }
    }
    for (name, nested) in &block.blocks {
        let (first, later) = (part(first, name), part(later, name));
        let path = path.then_attribute(name);
        match (first.as_list(), later.as_list()) {
            (Some(first), Some(later)) if first.len() != later.len() => {
                findings.add(rule, &path, "there is another number of blocks");
            }
            (Some(first), Some(later)) => {
                for (index, (first, later)) in first.iter().zip(later).enumerate() {
                    kept_block(&nested.block, first, later, rule, &path.then_index(index), findings);
                }
            }
            _ if first.is_unknown() => {}
            _ if first.is_null() != later.is_null() => findings.add(rule, &path, "the block is there, or is not"),
            _ => kept_block(&nested.block, first, later, rule, &path, findings),
        }
    }
}

/// Whether what is partly known can turn out to be this.
fn may_become(first: &Value, later: &Value, of: &Type) -> bool {
    match (first, later, of) {
        (Value::Unknown(_), _, _) => true,
        (Value::List(first), Value::List(later), Type::List(of)) => {
            first.len() == later.len()
                && first
                    .iter()
                    .zip(later)
                    .all(|(first, later)| may_become(first, later, of))
        }
        (Value::Map(first), Value::Map(later), Type::Map(of)) => {
            first.len() == later.len()
                && first
                    .iter()
                    .all(|(key, first)| later.get(key).is_some_and(|later| may_become(first, later, of)))
        }
        (Value::Map(first), Value::Map(later), Type::Object(attributes)) => {
            const NULL: &Value = &Value::Null;
            let value =
                |entries: &std::collections::BTreeMap<String, Value>, name| entries.get(name).unwrap_or(NULL).clone();
            attributes
                .iter()
                .all(|(name, of)| may_become(&value(first, name), &value(later, name), of))
        }
        // Which element of a set an unknown one turns into cannot be told.
        (Value::List(elements), Value::List(_), Type::Set(_)) if !elements.iter().all(Value::is_wholly_known) => true,
        _ => first.equals(later, of),
    }
}

/// A state: wholly known, and without what is write-only.
pub(crate) fn state(block: &Block, state: &Value, findings: &mut Findings<'_>) {
    state_block(block, state, &Path::root(), findings);
}

fn state_block(block: &Block, state: &Value, path: &Path, findings: &mut Findings<'_>) {
    for (name, attribute) in &block.attributes {
        let (value, path) = (part(state, name), path.then_attribute(name));
        if !value.is_wholly_known() {
            findings.add(Rule::StateIsKnown, &path, "it is unknown");
        }
        if attribute.write_only && !value.is_null() {
            findings.add(Rule::WriteOnlyIsNull, &path, "the state holds it");
        }
    }
    for (name, nested) in &block.blocks {
        let (value, path) = (part(state, name), path.then_attribute(name));
        match value {
            Value::List(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    state_block(&nested.block, element, &path.then_index(index), findings);
                }
            }
            Value::Null => {}
            single => state_block(&nested.block, single, &path, findings),
        }
    }
}
