//! Identities, lists and actions, as a core asks for them.

use std::sync::Arc;

use async_trait::async_trait;
use tfplugin_proto::tfplugin6::{self as proto, invoke_action::event, provider_server::Provider as _};
use tokio_stream::StreamExt;
use tonic::Request;

use super::{
    dynamic_value::{decode, encode},
    server::Server,
};
use crate::{
    Action, ApplyRequest, Configuration, Context, DeleteRequest, Diagnostics, ListResource, Listed, Progress, Provider,
    ReadRequest, Resource, StateSink,
    schema::{Attribute, Schema},
    value::{Object, Type, Value},
};

/// Rooms 1 to 5; 3 is gone by the time that somebody looks.
struct Room(Schema);

#[async_trait]
impl Resource for Room {
    fn type_name(&self) -> &'static str {
        "test_room"
    }

    fn schema(&self) -> &Schema {
        &self.0
    }

    fn identity(&self) -> &'static [&'static str] {
        &["house", "number"]
    }

    async fn create(&self, _context: &Context, request: ApplyRequest, state: &mut StateSink) -> Diagnostics {
        state.save(request.planned);
        Diagnostics::none()
    }

    async fn read(&self, _context: &Context, request: ReadRequest, state: &mut StateSink) -> Diagnostics {
        let mut room = request.prior;
        match room.i64("number") {
            Some(3) => state.remove(),
            _ => {
                room.set_string("colour", "white");
                state.save(room);
            }
        }
        Diagnostics::none()
    }

    async fn update(&self, _context: &Context, request: ApplyRequest, state: &mut StateSink) -> Diagnostics {
        state.save(request.planned);
        Diagnostics::none()
    }

    async fn delete(&self, _context: &Context, _request: DeleteRequest) -> Diagnostics {
        Diagnostics::none()
    }
}

struct Rooms(Schema);

#[async_trait]
impl ListResource for Rooms {
    fn type_name(&self) -> &'static str {
        "test_room"
    }

    fn schema(&self) -> &Schema {
        &self.0
    }

    async fn list(&self, _context: &Context, _config: Object) -> Result<Vec<Listed>, Diagnostics> {
        let rooms = (1..=5).map(|number| {
            let mut identity = Object::new();
            identity.set_string("house", "a").set_i64("number", number);
            Listed {
                identity,
                display_name: format!("room {number}"),
            }
        });
        Ok(rooms.collect())
    }
}

struct Knock(Schema);

#[async_trait]
impl Action for Knock {
    fn type_name(&self) -> &'static str {
        "test_knock"
    }

    fn schema(&self) -> &Schema {
        &self.0
    }

    async fn invoke(&self, _context: &Context, config: Object, progress: &Progress) -> Diagnostics {
        progress.say("knock");
        assert!(config.i64("times") != Some(0), "planted");
        progress.say("knock");
        match config.i64("times") {
            Some(1) => Diagnostics::from_error("Nobody is at home", "Come again."),
            _ => Diagnostics::none(),
        }
    }
}

struct House(Schema);

#[async_trait]
impl Provider for House {
    fn schema(&self) -> &Schema {
        &self.0
    }

    async fn configure(&self, _context: &Context, _configuration: Configuration) -> Diagnostics {
        Diagnostics::none()
    }

    fn resources(&self) -> Vec<Arc<dyn Resource>> {
        vec![Arc::new(Room(room()))]
    }

    fn list_resources(&self) -> Vec<Arc<dyn ListResource>> {
        vec![Arc::new(Rooms(Schema::new()))]
    }

    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(Knock(knock()))]
    }
}

fn room() -> Schema {
    Schema::new()
        .attribute("house", Attribute::string().optional().default(Value::string("a")))
        .attribute("number", Attribute::number().required())
        .attribute("colour", Attribute::string().computed())
}

fn knock() -> Schema {
    Schema::new().attribute("times", Attribute::number().optional())
}

fn server() -> Server {
    Server::new(Arc::new(House(Schema::new())))
}

fn identity_type() -> Type {
    let attributes = [("house", Type::String), ("number", Type::Number)];
    Type::Object(attributes.into_iter().map(|(name, of)| (name.to_owned(), of)).collect())
}

fn sent(identity: Object) -> Option<proto::ResourceIdentityData> {
    Some(proto::ResourceIdentityData {
        identity_data: Some(encode(&identity.into_value(), &identity_type())),
    })
}

fn object(value: Option<&proto::DynamicValue>, of: &Type) -> Object {
    Object::from_value(decode(value, of).unwrap()).unwrap()
}

async fn list(limit: i64, include_resource_object: bool) -> Vec<proto::list_resource::Event> {
    let request = proto::list_resource::Request {
        type_name: "test_room".to_owned(),
        config: Some(encode(&Schema::new().empty_value(), &Schema::new().object_type())),
        include_resource_object,
        limit,
    };
    let stream = server()
        .list_resource(Request::new(request))
        .await
        .unwrap()
        .into_inner();
    stream.map(Result::unwrap).collect().await
}

#[tokio::test]
async fn identities_are_what_a_configuration_would_have_to_say() {
    let schemas = server()
        .get_resource_identity_schemas(Request::new(proto::get_resource_identity_schemas::Request {}))
        .await
        .unwrap()
        .into_inner();
    let attributes = &schemas.identity_schemas["test_room"].identity_attributes;
    let required: Vec<(&str, bool)> = attributes
        .iter()
        .map(|it| (it.name.as_str(), it.required_for_import))
        .collect();
    assert_eq!(required, [("house", false), ("number", true)]);
}

#[tokio::test]
async fn what_an_identity_leaves_out_is_its_default_or_an_error() {
    let import = |identity| async {
        let request = proto::import_resource_state::Request {
            type_name: "test_room".to_owned(),
            identity: sent(identity),
            ..Default::default()
        };
        let answer = server().import_resource_state(Request::new(request)).await;
        answer.unwrap().into_inner()
    };
    let mut identity = Object::new();
    identity.set("house", Value::Null).set_i64("number", 7);
    let imported = import(identity).await;
    assert!(imported.diagnostics.is_empty(), "{:?}", imported.diagnostics);
    let imported = &imported.imported_resources[0];
    let state = object(imported.state.as_ref(), &room().object_type());
    assert_eq!((state.string("house"), state.i64("number")), (Some("a"), Some(7)));
    let identity = imported.identity.as_ref().and_then(|it| it.identity_data.as_ref());
    assert_eq!(object(identity, &identity_type()).string("house"), Some("a"));

    let mut identity = Object::new();
    identity.set_string("house", "b").set("number", Value::Null);
    let refused = import(identity).await;
    assert_eq!(refused.diagnostics[0].detail, "number is required.");
}

#[tokio::test]
async fn identities_come_with_every_state_and_are_kept_while_it_is_there() {
    let mut room_seven = Object::new();
    room_seven
        .set_string("house", "a")
        .set_i64("number", 7)
        .set("colour", Value::Null);
    let request = proto::read_resource::Request {
        type_name: "test_room".to_owned(),
        current_state: Some(encode(&room_seven.into_value(), &room().object_type())),
        ..Default::default()
    };
    let read = server()
        .read_resource(Request::new(request))
        .await
        .unwrap()
        .into_inner();
    let identity = read.new_identity.and_then(|it| it.identity_data);
    assert_eq!(object(identity.as_ref(), &identity_type()).i64("number"), Some(7));

    let stored = |version, json: &str| proto::upgrade_resource_identity::Request {
        type_name: "test_room".to_owned(),
        version,
        raw_identity: Some(proto::RawState {
            json: json.as_bytes().to_vec(),
            ..Default::default()
        }),
    };
    let upgrade = |request| async {
        let answer = server().upgrade_resource_identity(Request::new(request)).await;
        answer.unwrap().into_inner()
    };
    let same = upgrade(stored(0, r#"{"house":"a","number":7}"#)).await;
    let identity = same.upgraded_identity.and_then(|it| it.identity_data);
    assert_eq!(object(identity.as_ref(), &identity_type()).i64("number"), Some(7));
    for wrong in [stored(1, "{}"), stored(0, "nonsense"), stored(0, "[]")] {
        let refused = upgrade(wrong).await;
        assert!(refused.upgraded_identity.is_none() && refused.diagnostics.len() == 1);
    }
}

#[tokio::test]
async fn lists_end_at_their_limit_and_leave_out_what_is_gone() {
    let names = |events: &[proto::list_resource::Event]| -> Vec<String> {
        events.iter().map(|event| event.display_name.clone()).collect()
    };
    assert_eq!(list(0, false).await.len(), 5);
    assert_eq!(names(&list(2, false).await), ["room 1", "room 2"]);
    let with_objects = list(3, true).await;
    assert_eq!(names(&with_objects), ["room 1", "room 2", "room 4"]);
    let room = object(with_objects[2].resource_object.as_ref(), &room().object_type());
    assert_eq!((room.i64("number"), room.string("colour")), (Some(4), Some("white")));
}

#[tokio::test]
async fn actions_say_how_they_go_on_and_how_they_end() {
    let invoke = |times: i64| async move {
        let mut config = Object::new();
        config.set_i64("times", times);
        let request = proto::invoke_action::Request {
            action_type: "test_knock".to_owned(),
            config: Some(encode(&config.into_value(), &knock().object_type())),
            ..Default::default()
        };
        let stream = server()
            .invoke_action(Request::new(request))
            .await
            .unwrap()
            .into_inner();
        let events: Vec<_> = stream.map(|event| event.unwrap().r#type.unwrap()).collect().await;
        let said = events
            .iter()
            .filter(|it| matches!(it, event::Type::Progress(_)))
            .count();
        match events.into_iter().next_back() {
            Some(event::Type::Completed(completed)) => (said, completed.diagnostics),
            other => panic!("the last event is {other:?}"),
        }
    };
    let (said, diagnostics) = invoke(2).await;
    assert_eq!((said, diagnostics.len()), (2, 0));
    let (said, diagnostics) = invoke(1).await;
    assert_eq!((said, diagnostics[0].summary.as_str()), (2, "Nobody is at home"));
    let (said, diagnostics) = invoke(0).await;
    assert_eq!((said, diagnostics[0].summary.as_str()), (1, "The provider panicked"));
}
