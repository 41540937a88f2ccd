//! A provider of lamps, written without any framework, that breaks one rule at a time: each is found, and only where it is broken.

mod nested;

use std::sync::{
    Mutex,
    atomic::{AtomicI64, Ordering},
};

use anyhow::Result;
use plugin_conformance::{Core, Finding, Life, Rule};
use plugin_framework::{
    proto::tfplugin6::{
        self as proto,
        provider_server::{Provider, ProviderServer},
    },
    value::{Object, Step, Type, Value, decode, encode, from_json},
};
use tonic::{Request, Response, Status};

use nested::{PLACES, Place, WRONGS, Wrong};

/// What this lamp provider does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    RefusesValid,
    RefusesUnknown,
    PlansOtherColour,
    PlansUnconfigured,
    PlansSecret,
    PlansMoreBulbs,
    PlansNothing,
    ChangesItsMind,
    AppliesOtherColour,
    AppliesUnknown,
    AppliesNothing,
    ReadsOtherColour,
    NeverSatisfied,
    ForgetsStored,
    ImportsLess,
    ChangesIdentity,
    KeepsDestroyed,
    /// In what is nested at a place.
    At(&'static Place, Wrong),
}

/// Each mistake, and the rule that it breaks.
const MISTAKES: [(Mistake, Rule); 17] = [
    (Mistake::RefusesValid, Rule::ValidIsAccepted),
    (Mistake::RefusesUnknown, Rule::ValidIsAccepted),
    (Mistake::PlansOtherColour, Rule::PlanKeepsConfiguration),
    (Mistake::PlansUnconfigured, Rule::PlanAddsOnlyComputed),
    (Mistake::PlansSecret, Rule::WriteOnlyIsNull),
    (Mistake::PlansMoreBulbs, Rule::PlanKeepsBlocks),
    (Mistake::PlansNothing, Rule::PlanIsForAnObject),
    (Mistake::ChangesItsMind, Rule::PlanIsKept),
    (Mistake::AppliesOtherColour, Rule::ApplyKeepsPlan),
    (Mistake::AppliesUnknown, Rule::StateIsKnown),
    (Mistake::AppliesNothing, Rule::ApplyIsDone),
    (Mistake::ReadsOtherColour, Rule::ReadFindsState),
    (Mistake::NeverSatisfied, Rule::SecondPlanIsEmpty),
    (Mistake::ForgetsStored, Rule::StateIsStored),
    (Mistake::ImportsLess, Rule::ImportFindsState),
    (Mistake::ChangesIdentity, Rule::IdentityStays),
    (Mistake::KeepsDestroyed, Rule::DestroyedIsGone),
];

/// Lamps: one at a time.
struct Lamps {
    mistake: Mistake,
    there: Mutex<Option<Object>>,
    calls: AtomicI64,
}

fn bulb() -> Type {
    Type::Object([("watts".to_owned(), Type::Number)].into())
}

fn lamp() -> Type {
    let attributes = [
        ("name", Type::String),
        ("colour", Type::String),
        ("note", Type::String),
        ("secret", Type::String),
        ("id", Type::String),
        ("bulb", Type::List(Box::new(bulb()))),
    ];
    let nested = PLACES.iter().map(|place| (place.name, nested::of(place)));
    let all = attributes.into_iter().chain(nested);
    Type::Object(all.map(|(name, of)| (name.to_owned(), of)).collect())
}

fn identity() -> Type {
    Type::Object([("name".to_owned(), Type::String)].into())
}

fn attribute(name: &str, of: &str, [required, optional, computed, write_only]: [bool; 4]) -> proto::schema::Attribute {
    proto::schema::Attribute {
        name: name.to_owned(),
        r#type: of.as_bytes().to_vec(),
        required,
        optional,
        computed,
        write_only,
        ..Default::default()
    }
}

fn schema() -> proto::Schema {
    let text = "\"string\"";
    let bulb = proto::schema::Block {
        attributes: vec![attribute("watts", "\"number\"", [false, true, false, false])],
        ..Default::default()
    };
    let nested = proto::schema::NestedBlock {
        type_name: "bulb".to_owned(),
        block: Some(bulb),
        nesting: proto::schema::nested_block::NestingMode::List.into(),
        ..Default::default()
    };
    let mut attributes = vec![
        attribute("name", text, [true, false, false, false]),
        attribute("colour", text, [false, true, true, false]),
        attribute("note", text, [false, true, false, false]),
        attribute("secret", text, [false, true, false, true]),
        attribute("id", text, [false, false, true, false]),
    ];
    attributes.extend(nested::attributes());
    proto::Schema {
        version: 0,
        block: Some(proto::schema::Block {
            attributes,
            block_types: [nested].into_iter().chain(nested::blocks()).collect(),
            ..Default::default()
        }),
    }
}

fn read(sent: Option<&proto::DynamicValue>) -> Value {
    decode(&sent.expect("a value").msgpack, &lamp()).expect("a lamp")
}

fn write(value: &Value, of: &Type) -> Option<proto::DynamicValue> {
    Some(proto::DynamicValue {
        msgpack: encode(value, of),
        json: Vec::new(),
    })
}

fn error(summary: &str) -> Vec<proto::Diagnostic> {
    vec![proto::Diagnostic {
        severity: proto::diagnostic::Severity::Error.into(),
        summary: summary.to_owned(),
        ..Default::default()
    }]
}

impl Lamps {
    fn identity_of(&self, state: &Value) -> Option<proto::ResourceIdentityData> {
        let name = state.as_map()?.get("name")?.clone();
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let name = match self.mistake {
            Mistake::ChangesIdentity => Value::string(format!("lamp {number}")),
            _ => name,
        };
        Some(proto::ResourceIdentityData {
            identity_data: write(&Value::Map([("name".to_owned(), name)].into()), &identity()),
        })
    }

    /// What is planned out of what core proposes.
    fn planned(&self, mut lamp: Object, prior: bool) -> Object {
        if lamp.is_null("colour") {
            lamp.set_string("colour", "white");
        }
        if !prior {
            lamp.set("id", Value::unknown());
        }
        lamp.set("secret", Value::Null);
        let wrong = match self.mistake {
            Mistake::At(place, wrong) => Some((place, wrong)),
            _ => None,
        };
        nested::plan(&mut lamp, wrong);
        match self.mistake {
            Mistake::PlansOtherColour => lamp.set_string("colour", "black"),
            Mistake::PlansUnconfigured => lamp.set_string("note", "planned"),
            Mistake::PlansSecret => lamp.set_string("secret", "planned"),
            Mistake::PlansMoreBulbs => {
                let bulb = Value::Map([("watts".to_owned(), Value::Null)].into());
                lamp.set("bulb", Value::List(vec![bulb; 5]))
            }
            Mistake::NeverSatisfied if prior => lamp.set("id", Value::unknown()),
            Mistake::ChangesItsMind => {
                let number = self.calls.fetch_add(1, Ordering::SeqCst);
                lamp.set_string("id", format!("lamp {number}"))
            }
            _ => &mut lamp,
        };
        lamp
    }
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Provider for Lamps {
    async fn get_provider_schema(
        &self,
        _: Request<proto::get_provider_schema::Request>,
    ) -> Reply<proto::get_provider_schema::Response> {
        Ok(Response::new(proto::get_provider_schema::Response {
            provider: Some(proto::Schema {
                version: 0,
                block: Some(proto::schema::Block::default()),
            }),
            resource_schemas: [("test_lamp".to_owned(), schema())].into(),
            ..Default::default()
        }))
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<proto::get_resource_identity_schemas::Request>,
    ) -> Reply<proto::get_resource_identity_schemas::Response> {
        let name = proto::resource_identity_schema::IdentityAttribute {
            name: "name".to_owned(),
            r#type: b"\"string\"".to_vec(),
            required_for_import: true,
            ..Default::default()
        };
        let schema = proto::ResourceIdentitySchema {
            version: 0,
            identity_attributes: vec![name],
        };
        Ok(Response::new(proto::get_resource_identity_schemas::Response {
            identity_schemas: [("test_lamp".to_owned(), schema)].into(),
            ..Default::default()
        }))
    }

    async fn validate_resource_config(
        &self,
        request: Request<proto::validate_resource_config::Request>,
    ) -> Reply<proto::validate_resource_config::Response> {
        let config = read(request.get_ref().config.as_ref());
        let refused = match self.mistake {
            Mistake::RefusesValid => true,
            Mistake::RefusesUnknown => !config.is_wholly_known(),
            _ => false,
        };
        let diagnostics = if refused { error("refused") } else { Vec::new() };
        Ok(Response::new(proto::validate_resource_config::Response { diagnostics }))
    }

    async fn plan_resource_change(
        &self,
        request: Request<proto::plan_resource_change::Request>,
    ) -> Reply<proto::plan_resource_change::Response> {
        let request = request.into_inner();
        let prior = !read(request.prior_state.as_ref()).is_null();
        let planned = match Object::from_value(read(request.proposed_new_state.as_ref())) {
            Some(_) if self.mistake == Mistake::PlansNothing => Value::Null,
            Some(lamp) => self.planned(lamp, prior).into_value(),
            None => Value::Null,
        };
        Ok(Response::new(proto::plan_resource_change::Response {
            planned_state: write(&planned, &lamp()),
            ..Default::default()
        }))
    }

    async fn apply_resource_change(
        &self,
        request: Request<proto::apply_resource_change::Request>,
    ) -> Reply<proto::apply_resource_change::Response> {
        let request = request.into_inner();
        let planned = Object::from_value(read(request.planned_state.as_ref()));
        let mut there = self.there.lock().expect("no panic while it is held");
        let state = match (planned, self.mistake) {
            (Some(_), Mistake::AppliesNothing) => Value::Null,
            (Some(mut planned), mistake) => {
                if planned.is_unknown("id") {
                    planned.set_string("id", "lamp");
                }
                nested::apply(&mut planned);
                *there = Some(planned.clone());
                if let Mistake::At(place, wrong) = mistake {
                    nested::spoil(&mut planned, place, wrong);
                }
                match mistake {
                    Mistake::AppliesOtherColour => planned.set_string("colour", "black"),
                    Mistake::AppliesUnknown => planned.set("id", Value::unknown()),
                    _ => &mut planned,
                };
                planned.into_value()
            }
            (None, mistake) => {
                if mistake != Mistake::KeepsDestroyed {
                    *there = None;
                }
                Value::Null
            }
        };
        Ok(Response::new(proto::apply_resource_change::Response {
            new_identity: self.identity_of(&state),
            new_state: write(&state, &lamp()),
            ..Default::default()
        }))
    }

    async fn read_resource(&self, _: Request<proto::read_resource::Request>) -> Reply<proto::read_resource::Response> {
        let there = self.there.lock().expect("no panic while it is held").clone();
        let state = there.map_or(Value::Null, |mut lamp| {
            if self.mistake == Mistake::ReadsOtherColour {
                lamp.set_string("colour", "grey");
            }
            lamp.into_value()
        });
        Ok(Response::new(proto::read_resource::Response {
            new_identity: self.identity_of(&state),
            new_state: write(&state, &lamp()),
            ..Default::default()
        }))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<proto::upgrade_resource_state::Request>,
    ) -> Reply<proto::upgrade_resource_state::Response> {
        let raw = request.into_inner().raw_state.expect("a state").json;
        let json = serde_json::from_slice(&raw).expect("JSON");
        let mut stored = Object::from_value(from_json(&json, &lamp()).expect("a lamp")).expect("an object");
        if self.mistake == Mistake::ForgetsStored {
            stored.set("note", Value::Null);
        }
        Ok(Response::new(proto::upgrade_resource_state::Response {
            upgraded_state: write(&stored.into_value(), &lamp()),
            ..Default::default()
        }))
    }

    async fn import_resource_state(
        &self,
        request: Request<proto::import_resource_state::Request>,
    ) -> Reply<proto::import_resource_state::Response> {
        let request = request.into_inner();
        let diagnostics = match self.mistake {
            Mistake::ImportsLess if request.id.is_empty() => error("only by id"),
            _ => Vec::new(),
        };
        let state = self.there.lock().expect("no panic while it is held").clone();
        let state = state.map_or(Value::Null, Object::into_value);
        let imported = proto::import_resource_state::ImportedResource {
            type_name: request.type_name,
            state: write(&state, &lamp()),
            ..Default::default()
        };
        Ok(Response::new(proto::import_resource_state::Response {
            imported_resources: vec![imported],
            diagnostics,
            deferred: None,
        }))
    }
}

async fn live(mistake: Mistake) -> Result<Vec<Finding>> {
    let lamps = Lamps {
        mistake,
        there: Mutex::default(),
        calls: AtomicI64::default(),
    };
    let mut core = Core::new(ProviderServer::new(lamps)).await?;
    let block = core.block("test_lamp")?.clone();
    let bulb = Value::Map([("watts".to_owned(), Value::integer(60))].into());
    let note = match mistake {
        Mistake::PlansUnconfigured => Value::Null,
        _ => Value::string("n"),
    };
    let config = |colours: &[&str]| {
        let nested = PLACES
            .iter()
            .map(|place| (place.name, nested::configured(place, colours)));
        let own = [
            ("name", Value::string("hall")),
            ("colour", Value::string(colours[0])),
            ("note", note.clone()),
            ("secret", Value::string("s")),
            ("bulb", Value::List(vec![bulb.clone()])),
        ];
        block.configuration(own.into_iter().chain(nested))
    };
    let life = Life {
        type_name: "test_lamp",
        configs: vec![config(&["red"]), config(&["green", "red"])],
        import_id: Some(|state| {
            let name = state
                .as_map()
                .and_then(|state| state.get("name"))
                .and_then(Value::as_str);
            name.unwrap_or_default().to_owned()
        }),
        unknown_to_import: &[],
    };
    life.run(&mut core).await
}

#[tokio::test]
async fn each_broken_rule_is_found_and_none_where_none_is_broken() {
    let found = live(Mistake::None).await.unwrap();
    assert!(found.is_empty(), "{}", text(&found));
    for (mistake, rule) in MISTAKES {
        let found = live(mistake).await.unwrap();
        assert!(
            found.iter().any(|finding| finding.rule == rule),
            "{mistake:?} is not found:\n{}",
            text(&found)
        );
    }
}

#[tokio::test]
async fn each_broken_rule_is_found_in_nested_attributes_and_blocks() {
    let mut planted = 0;
    for place in &PLACES {
        let at_place = Step::Attribute(place.name.to_owned());
        for wrong in WRONGS {
            let Some(rule) = wrong.breaks(place) else { continue };
            let found = live(Mistake::At(place, wrong)).await.unwrap();
            let is_it = |finding: &Finding| finding.rule == rule && finding.path.steps().first() == Some(&at_place);
            assert!(
                found.iter().any(is_it),
                "{wrong:?} is not found in {}:\n{}",
                place.name,
                text(&found)
            );
            planted += 1;
        }
    }
    assert_eq!(planted, 43);
}

fn text(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}
