//! The rules that core holds plans and states to.
//!
//! Elements of sets have no name to be known by. Core looks for one in the other set that fits each, after an apply, and trusts the
//! provider with a plan; here a plan is looked at in the same way, so that a changed element is found.

use std::ops::RangeInclusive;

use plugin_framework::value::{Path, Step, Type, Value};

use crate::{
    finding::{Finding, Findings, Rule},
    schema::{Attribute, Block, Nested, Nesting, object_at, part},
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
    planned_block(block, [prior, config, planned], &Path::root(), findings);
    write_only_is_null(block, planned, &Path::root(), "the plan holds it", findings);
}

fn planned_block(block: &Block, [prior, config, planned]: [&Value; 3], path: &Path, findings: &mut Findings<'_>) {
    for (name, attribute) in &block.attributes {
        let values = [part(prior, name), part(config, name), part(planned, name)];
        planned_attribute(attribute, values, &path.then_attribute(name), findings);
    }
    for (name, nested) in &block.blocks {
        let values = [part(prior, name), part(config, name), part(planned, name)];
        planned_blocks(nested, values, &path.then_attribute(name), findings);
    }
}

fn planned_attribute(
    attribute: &Attribute,
    [prior, config, planned]: [&Value; 3],
    path: &Path,
    findings: &mut Findings<'_>,
) {
    if attribute.write_only {
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
        return;
    }
    match &attribute.nested {
        Some(nested) => planned_nested_attribute(nested, [prior, config, planned], path, findings),
        None => findings.add(
            Rule::PlanKeepsConfiguration,
            path,
            "it is planned to be something else than is configured",
        ),
    }
}

/// Nested attributes that are configured, and planned to be not quite the same.
fn planned_nested_attribute(
    nested: &Nested,
    [prior, config, planned]: [&Value; 3],
    path: &Path,
    findings: &mut Findings<'_>,
) {
    let rule = Rule::PlanKeepsConfiguration;
    if planned.is_null() || planned.is_unknown() {
        findings.add(rule, path, "it is configured, and planned as null or unknown");
    } else if config.is_unknown() && nested.nesting == Nesting::Single {
        // The object may be there before its attributes are known.
        planned_block(&nested.block, [prior, config, planned], path, findings);
    } else if config.is_unknown() {
        findings.add(rule, path, "it is unknown, and planned as known");
    } else if nested.nesting == Nesting::Set {
        let (planneds, configs) = (elements(planned), elements(config));
        if !overlap(&counts(planneds), &counts(configs)) {
            let what = format!("{} elements are planned, {} configured", planneds.len(), configs.len());
            findings.add(rule, path, what);
            return;
        }
        planned_set(&nested.block, prior, configs, planneds, path, findings);
    } else {
        planned_objects(nested, [prior, config, planned], rule, path, findings);
    }
}

fn planned_blocks(nested: &Nested, [prior, config, planned]: [&Value; 3], path: &Path, findings: &mut Findings<'_>) {
    let rule = Rule::PlanKeepsBlocks;
    if config.is_unknown() {
        if !planned.is_unknown() {
            findings.add(rule, path, "which blocks there are is unknown, and they are planned");
        }
    } else if config.is_null() != planned.is_null() || planned.is_unknown() {
        findings.add(rule, path, "the block is planned, or is not");
    } else if nested.nesting == Nesting::Set {
        let (planneds, configs) = (elements(planned), elements(config));
        if planneds.len() != configs.len() {
            let what = format!("{} blocks are planned, {} configured", planneds.len(), configs.len());
            findings.add(rule, path, what);
            return;
        }
        planned_set(&nested.block, prior, configs, planneds, path, findings);
    } else {
        planned_objects(nested, [prior, config, planned], rule, path, findings);
    }
}

/// The objects that are configured are planned, each for itself.
fn planned_objects(
    nested: &Nested,
    [prior, config, planned]: [&Value; 3],
    rule: Rule,
    path: &Path,
    findings: &mut Findings<'_>,
) {
    let (configs, planneds) = (nested.objects(config), nested.objects(planned));
    let steps = |objects: &[(Option<Step>, &Value)]| objects.iter().map(|(step, _)| step.clone()).collect::<Vec<_>>();
    if steps(&configs) != steps(&planneds) {
        let what = format!("{} are planned, {} configured", names(&planneds), names(&configs));
        findings.add(rule, path, what);
        return;
    }
    for ((step, config), (_, planned)) in configs.into_iter().zip(planneds) {
        let prior = object_at(prior, step.as_ref());
        planned_block(&nested.block, [prior, config, planned], &beneath(path, step), findings);
    }
}

/// Each planned element is one of the configured ones, and the other way round. What it was before is not known.
fn planned_set(
    block: &Block,
    prior: &Value,
    configs: &[Value],
    planneds: &[Value],
    path: &Path,
    findings: &mut Findings<'_>,
) {
    let priors = || elements(prior).iter().chain([&Value::Null]);
    let fits = |config: &Value, planned: &Value| {
        let mut priors = priors();
        priors.any(|prior| holds(|findings| planned_block(block, [prior, config, planned], path, findings)))
    };
    if !correlate(configs, planneds, fits) {
        findings.add(
            Rule::PlanKeepsConfiguration,
            path,
            "an element is planned to be something else than is configured",
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
        let path = path.then_attribute(name);
        match &attribute.nested {
            _ if attribute.write_only => {}
            Some(nested) => kept_objects(nested, first, later, rule, &path, findings),
            None if may_become(first, later, &attribute.of) => {}
            None => findings.add(rule, &path, "it has become something else"),
        }
    }
    for (name, nested) in &block.blocks {
        let (first, later) = (part(first, name), part(later, name));
        kept_objects(nested, first, later, rule, &path.then_attribute(name), findings);
    }
}

fn kept_objects(nested: &Nested, first: &Value, later: &Value, rule: Rule, path: &Path, findings: &mut Findings<'_>) {
    if first.is_unknown() {
        return;
    }
    if first.is_null() != later.is_null() || later.is_unknown() {
        findings.add(rule, path, "it is there, or is not");
        return;
    }
    if nested.nesting == Nesting::Set {
        let fits = |first: &Value, later: &Value| {
            holds(|findings| kept_block(&nested.block, first, later, rule, path, findings))
        };
        if !set_may_become(elements(first), elements(later), fits) {
            findings.add(
                rule,
                path,
                "an element has become something else, or there is another one",
            );
        }
        return;
    }
    let (firsts, laters) = (nested.objects(first), nested.objects(later));
    let steps = |objects: &[(Option<Step>, &Value)]| objects.iter().map(|(step, _)| step.clone()).collect::<Vec<_>>();
    if steps(&firsts) != steps(&laters) {
        let what = format!("there were {}, there are {}", names(&firsts), names(&laters));
        findings.add(rule, path, what);
        return;
    }
    for ((step, first), (_, later)) in firsts.into_iter().zip(laters) {
        if !first.is_unknown() {
            kept_block(&nested.block, first, later, rule, &beneath(path, step), findings);
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
        (Value::Map(_), Value::Map(_), Type::Object(attributes)) => attributes
            .iter()
            .all(|(name, of)| may_become(part(first, name), part(later, name), of)),
        (Value::List(first), Value::List(later), Type::Set(of)) => {
            set_may_become(first, later, |first, later| may_become(first, later, of))
        }
        _ => first.equals(later, of),
    }
}

/// Which element of a set an unknown one turns into cannot be told: each has to fit one, and two may turn out to be the same.
fn set_may_become(firsts: &[Value], laters: &[Value], fits: impl Fn(&Value, &Value) -> bool) -> bool {
    laters.len() <= firsts.len() && correlate(firsts, laters, |first, later| first.is_unknown() || fits(first, later))
}

/// A state: wholly known, and without what is write-only.
pub(crate) fn state(block: &Block, state: &Value, findings: &mut Findings<'_>) {
    state_block(block, state, &Path::root(), findings);
    write_only_is_null(block, state, &Path::root(), "the state holds it", findings);
}

fn state_block(block: &Block, state: &Value, path: &Path, findings: &mut Findings<'_>) {
    for (name, attribute) in &block.attributes {
        let (value, path) = (part(state, name), path.then_attribute(name));
        match &attribute.nested {
            Some(nested) if !value.is_unknown() => state_objects(nested, value, &path, findings),
            _ if value.is_wholly_known() => {}
            _ => findings.add(Rule::StateIsKnown, &path, "it is unknown"),
        }
    }
    for (name, nested) in &block.blocks {
        state_objects(nested, part(state, name), &path.then_attribute(name), findings);
    }
}

fn state_objects(nested: &Nested, value: &Value, path: &Path, findings: &mut Findings<'_>) {
    if value.is_unknown() {
        findings.add(Rule::StateIsKnown, path, "it is unknown");
    }
    for (step, object) in nested.objects(value) {
        state_block(&nested.block, object, &beneath(path, step), findings);
    }
}

fn write_only_is_null(block: &Block, value: &Value, path: &Path, what: &str, findings: &mut Findings<'_>) {
    for (name, attribute) in &block.attributes {
        if attribute.write_only && !part(value, name).is_null() {
            findings.add(Rule::WriteOnlyIsNull, &path.then_attribute(name), what);
        }
    }
    let attributes = block
        .attributes
        .iter()
        .filter_map(|(name, attribute)| Some((name, attribute.nested.as_ref()?)));
    for (name, nested) in attributes.chain(&block.blocks) {
        let path = path.then_attribute(name);
        for (step, object) in nested.objects(part(value, name)) {
            // Of an element that is unknown as a whole nothing is held.
            if !object.is_unknown() {
                write_only_is_null(&nested.block, object, &beneath(&path, step), what, findings);
            }
        }
    }
}

fn elements(value: &Value) -> &[Value] {
    value.as_list().unwrap_or_default()
}

fn beneath(path: &Path, step: Option<Step>) -> Path {
    step.map_or_else(|| path.clone(), |step| path.then(step))
}

/// How many objects there are, or their labels.
fn names(objects: &[(Option<Step>, &Value)]) -> String {
    let labels = objects.iter().filter_map(|(step, _)| match step {
        Some(Step::Key(label)) => Some(label.as_str()),
        _ => None,
    });
    let labels: Vec<&str> = labels.collect();
    if labels.is_empty() {
        objects.len().to_string()
    } else {
        labels.join(", ")
    }
}

/// How many elements a set turns out to have: unknown ones may be equal.
fn counts(elements: &[Value]) -> RangeInclusive<usize> {
    let most = elements.len();
    let least = if elements.iter().all(Value::is_wholly_known) {
        most
    } else {
        most.min(1)
    };
    least..=most
}

fn overlap(one: &RangeInclusive<usize>, other: &RangeInclusive<usize>) -> bool {
    one.start() <= other.end() && other.start() <= one.end()
}

/// Each element fits one of the other set, on both sides.
fn correlate(ones: &[Value], others: &[Value], fits: impl Fn(&Value, &Value) -> bool) -> bool {
    ones.iter().all(|one| others.iter().any(|other| fits(one, other)))
        && others.iter().all(|other| ones.iter().any(|one| fits(one, other)))
}

/// A check that finds nothing.
fn holds(check: impl FnOnce(&mut Findings<'_>)) -> bool {
    let mut all: Vec<Finding> = Vec::new();
    check(&mut Findings {
        step: String::new(),
        all: &mut all,
    });
    all.is_empty()
}
