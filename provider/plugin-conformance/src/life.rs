//! The life of a resource, step by step as core goes, with every answer held to the rules.

use crate::{
    core::{Change, Core, Imported, Planned},
    finding::{Finding, Findings, Rule},
    propose::propose,
    rules,
    schema::part,
    service::Service,
    variants::{Variant, variants},
};
use anyhow::Result;
use plugin_framework::value::{Path, Value};

/// What a resource goes through.
#[derive(Clone, Debug)]
pub struct Life<'a> {
    /// Its type.
    pub type_name: &'a str,
    /// Its configurations: the first one creates it, the others change it.
    pub configs: Vec<Value>,
    /// The id to import it by, made of its state; `None` for a resource that has no import.
    pub import_id: Option<fn(&Value) -> String>,
    /// Attributes that an import cannot know.
    pub unknown_to_import: &'a [&'a str],
}

impl Life<'_> {
    /// Lives it. An error means that nothing more could be found out; findings are what core would refuse.
    pub async fn run<T: Service>(&self, core: &mut Core<T>) -> Result<Vec<Finding>> {
        let mut all = Vec::new();
        let mut now = Change::nothing();
        for (index, config) in self.configs.iter().enumerate() {
            let step = if index == 0 {
                "create".to_owned()
            } else {
                format!("change {index}")
            };
            let findings = &mut Findings { step, all: &mut all };
            let Some(next) = self.bring_about(core, now.clone(), config, findings).await? else {
                return Ok(all);
            };
            now = next;
            self.vary(core, &now, config, &mut all).await?;
        }
        let findings = &mut Findings {
            step: "import".to_owned(),
            all: &mut all,
        };
        self.import(core, &now, findings).await?;
        let findings = &mut Findings {
            step: "destroy".to_owned(),
            all: &mut all,
        };
        self.destroy(core, &now, findings).await?;
        Ok(all)
    }

    /// Makes what is there what `config` says. `None` when it could not be done.
    async fn bring_about<T: Service>(
        &self,
        core: &mut Core<T>,
        prior: Change,
        config: &Value,
        findings: &mut Findings<'_>,
    ) -> Result<Option<Change>> {
        let block = core.block(self.type_name)?.clone();
        for error in core.validate(self.type_name, config).await? {
            findings.add(Rule::ValidIsAccepted, &Path::root(), error);
        }
        let mut prior = prior;
        let Some(mut planned) = self.plan(core, &prior, config, findings).await? else {
            return Ok(None);
        };
        if planned.replaces && !prior.state.is_null() {
            self.destroy(core, &prior, findings).await?;
            prior = Change::nothing();
            let Some(anew) = self.plan(core, &prior, config, findings).await? else {
                return Ok(None);
            };
            planned = anew;
        }
        let Some(again) = self.plan(core, &prior, config, findings).await? else {
            return Ok(None);
        };
        rules::kept(&block, &planned.state, &again.state, Rule::PlanIsKept, findings);
        let applied = core.apply(self.type_name, &prior.state, &again, config).await?;
        if let Some(error) = applied.errors.first() {
            findings.add(Rule::ApplyIsDone, &Path::root(), error.clone());
            return Ok(None);
        }
        let applied = applied.value;
        if applied.state.is_null() {
            findings.add(Rule::ApplyIsDone, &Path::root(), "it answers no state");
            return Ok(None);
        }
        rules::kept(&block, &again.state, &applied.state, Rule::ApplyKeepsPlan, findings);
        rules::state(&block, &applied.state, findings);
        if prior.identity.is_some() && prior.identity != applied.identity {
            findings.add(Rule::IdentityStays, &Path::root(), "a change in place has changed it");
        }
        if core.identity_type(self.type_name).is_some()
            && !applied.identity.as_ref().is_some_and(Value::is_wholly_known)
        {
            findings.add(
                Rule::IdentityStays,
                &Path::root(),
                "the state has none, or one that is unknown",
            );
        }
        self.stays(core, applied, config, findings).await.map(Some)
    }

    async fn plan<T: Service>(
        &self,
        core: &mut Core<T>,
        prior: &Change,
        config: &Value,
        findings: &mut Findings<'_>,
    ) -> Result<Option<Planned>> {
        let block = core.block(self.type_name)?.clone();
        let proposed = propose(&block, &prior.state, config);
        let planned = core.plan(self.type_name, prior, &proposed, config).await?;
        if let Some(error) = planned.errors.first() {
            findings.add(Rule::ValidIsAccepted, &Path::root(), error.clone());
            return Ok(None);
        }
        rules::planned(&block, &prior.state, config, &planned.value.state, findings);
        Ok(Some(planned.value))
    }

    /// What was applied is read as it is, stored as it is, and needs no change.
    async fn stays<T: Service>(
        &self,
        core: &mut Core<T>,
        applied: Change,
        config: &Value,
        findings: &mut Findings<'_>,
    ) -> Result<Change> {
        let of = core.block(self.type_name)?.object_type();
        let stored = core.upgrade(self.type_name, &applied.state).await?;
        if !stored.value.equals(&applied.state, &of) {
            findings.add(Rule::StateIsStored, &Path::root(), stored.errors.join("; "));
        }
        let read = core.read(self.type_name, &applied).await?;
        if let Some(error) = read.errors.first() {
            findings.add(Rule::ReadFindsState, &Path::root(), error.clone());
            return Ok(applied);
        }
        let read = read.value;
        let block = core.block(self.type_name)?.clone();
        for (name, attribute) in &block.attributes {
            let (applied, read) = (part(&applied.state, name), part(&read.state, name));
            if !applied.equals(read, &attribute.of) {
                findings.add(Rule::ReadFindsState, &Path::attribute(name), "another value is read");
            }
        }
        if !read.state.equals(&applied.state, &of) {
            findings.add(Rule::ReadFindsState, &Path::root(), "another state is read");
        }
        if read.identity != applied.identity {
            findings.add(Rule::IdentityStays, &Path::root(), "another one is read");
        }
        let Some(planned) = self.plan(core, &read, config, findings).await? else {
            return Ok(read);
        };
        if planned.replaces || !planned.state.equals(&read.state, &of) {
            findings.add(
                Rule::SecondPlanIsEmpty,
                &Path::root(),
                "the same configuration would change something",
            );
        }
        Ok(read)
    }

    /// Every variant is planned, for a new resource and for the one that is there, or refused.
    async fn vary<T: Service>(
        &self,
        core: &mut Core<T>,
        now: &Change,
        config: &Value,
        all: &mut Vec<Finding>,
    ) -> Result<()> {
        let block = core.block(self.type_name)?.clone();
        for (variant, path, varied) in variants(&block, config) {
            let step = format!("{variant:?} at {path}");
            let findings = &mut Findings { step, all };
            let refused = core.validate(self.type_name, &varied).await?;
            if let Some(error) = refused.first() {
                if variant == Variant::Unknown {
                    findings.add(Rule::ValidIsAccepted, &path, error.clone());
                }
                continue;
            }
            for prior in [&Change::nothing(), now] {
                let proposed = propose(&block, &prior.state, &varied);
                let planned = core.plan(self.type_name, prior, &proposed, &varied).await?;
                if planned.errors.iter().any(|error| error.contains("panicked")) {
                    findings.add(Rule::CallIsAnswered, &path, planned.errors.join("; "));
                }
                // What cannot be done may be refused, but not because something is unknown.
                if planned.errors.is_empty() {
                    rules::planned(&block, &prior.state, &varied, &planned.value.state, findings);
                } else if variant == Variant::Unknown {
                    findings.add(Rule::ValidIsAccepted, &path, planned.errors.join("; "));
                }
            }
        }
        Ok(())
    }

    async fn import<T: Service>(&self, core: &mut Core<T>, now: &Change, findings: &mut Findings<'_>) -> Result<()> {
        let by_id = self.import_id.map(|id| Imported::Id(id(&now.state)));
        let by_identity = now.identity.clone().map(Imported::Identity);
        let block = core.block(self.type_name)?.clone();
        for what in [by_id, by_identity].into_iter().flatten() {
            let imported = core.import(self.type_name, &what).await?;
            if let Some(error) = imported.errors.first() {
                findings.add(Rule::ImportFindsState, &Path::root(), format!("{what:?}: {error}"));
                continue;
            }
            let read = core.read(self.type_name, &imported.value).await?;
            for (name, attribute) in &block.attributes {
                let (was, is) = (part(&now.state, name), part(&read.value.state, name));
                if !was.equals(is, &attribute.of) && !self.unknown_to_import.contains(&name.as_str()) {
                    findings.add(
                        Rule::ImportFindsState,
                        &Path::attribute(name),
                        format!("{what:?}: {is:?}"),
                    );
                }
            }
            if read.value.identity != now.identity {
                findings.add(
                    Rule::IdentityStays,
                    &Path::root(),
                    format!("{what:?}: another one is read"),
                );
            }
        }
        Ok(())
    }

    async fn destroy<T: Service>(&self, core: &mut Core<T>, now: &Change, findings: &mut Findings<'_>) -> Result<()> {
        let planned = core.plan(self.type_name, now, &Value::Null, &Value::Null).await?;
        if let Some(error) = planned.errors.first() {
            findings.add(Rule::ApplyIsDone, &Path::root(), error.clone());
            return Ok(());
        }
        if !planned.value.state.is_null() {
            findings.add(
                Rule::PlanIsForAnObject,
                &Path::root(),
                "a destroy is planned to leave something",
            );
        }
        let planned = Planned {
            state: Value::Null,
            ..planned.value
        };
        let applied = core.apply(self.type_name, &now.state, &planned, &Value::Null).await?;
        if !applied.errors.is_empty() || !applied.value.state.is_null() {
            let what = format!("something is left: {}", applied.errors.join("; "));
            findings.add(Rule::ApplyIsDone, &Path::root(), what);
        }
        let read = core.read(self.type_name, now).await?;
        if !read.value.state.is_null() || !read.errors.is_empty() {
            let what = format!("it is still found: {}", read.errors.join("; "));
            findings.add(Rule::DestroyedIsGone, &Path::root(), what);
        }
        Ok(())
    }
}
