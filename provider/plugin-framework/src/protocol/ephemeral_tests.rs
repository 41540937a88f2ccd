//! An ephemeral resource from its opening to its end, as a core asks for it.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use tfplugin_proto::tfplugin6::{self as proto, provider_server::Provider as _};
use tonic::Request;

use super::{
    dynamic_value::{decode, encode},
    server::Server,
};
use crate::{
    Configuration, Context, Diagnostics, EphemeralResource, Opened, PrivateState, Provider, Renewed, Resource,
    schema::{Attribute, Schema},
    value::{Object, Value},
};

const RENEW_AT: Duration = Duration::from_secs(1_800_000_000);

struct Lease {
    schema: Schema,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Lease {
    fn note(&self, what: &str, private: &PrivateState) {
        let line = format!("{what} {}", private.string("lease").unwrap_or("nothing"));
        self.seen.lock().unwrap().push(line);
    }
}

#[async_trait]
impl EphemeralResource for Lease {
    fn type_name(&self) -> &'static str {
        "test_lease"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        if config.string("name") == Some("refused") {
            return Diagnostics::from_error("refused", "by its own check");
        }
        Diagnostics::none()
    }

    async fn open(&self, _context: &Context, mut config: Object) -> Result<Opened, Diagnostics> {
        match config.string("name") {
            Some("lies") => {
                config.set_string("name", "another");
            }
            Some("panics") => panic!("planted"),
            _ => {}
        }
        let mut private = PrivateState::default();
        private.set("lease", "first");
        config.set_string("token", "planted");
        Ok(Opened {
            result: config,
            private,
            renew_at: Some(SystemTime::UNIX_EPOCH + RENEW_AT),
        })
    }

    async fn renew(&self, _context: &Context, mut private: PrivateState) -> Result<Renewed, Diagnostics> {
        self.note("renew", &private);
        private.set("lease", "second");
        Ok(Renewed {
            private,
            renew_at: None,
        })
    }

    async fn close(&self, _context: &Context, private: PrivateState) -> Diagnostics {
        self.note("close", &private);
        Diagnostics::none()
    }
}

struct TestProvider(Arc<Lease>, Schema);

#[async_trait]
impl Provider for TestProvider {
    fn schema(&self) -> &Schema {
        &self.1
    }

    async fn configure(&self, _context: &Context, _configuration: Configuration) -> Diagnostics {
        Diagnostics::none()
    }

    fn resources(&self) -> Vec<Arc<dyn Resource>> {
        Vec::new()
    }

    fn ephemeral_resources(&self) -> Vec<Arc<dyn EphemeralResource>> {
        vec![self.0.clone()]
    }
}

fn lease() -> Arc<Lease> {
    let schema = Schema::new()
        .attribute("name", Attribute::string().required().description("Its name."))
        .attribute(
            "token",
            Attribute::string().computed().sensitive().description("Its token."),
        );
    Arc::new(Lease {
        schema,
        seen: Arc::default(),
    })
}

fn config(lease: &Lease, name: &str) -> Option<proto::DynamicValue> {
    let mut config = Object::new();
    config.set_string("name", name).set("token", Value::Null);
    Some(encode(&config.into_value(), &lease.schema.object_type()))
}

async fn open(server: &Server, lease: &Lease, name: &str) -> proto::open_ephemeral_resource::Response {
    let request = proto::open_ephemeral_resource::Request {
        type_name: "test_lease".to_owned(),
        config: config(lease, name),
        ..Default::default()
    };
    let answer = server.open_ephemeral_resource(Request::new(request)).await;
    answer.unwrap().into_inner()
}

#[tokio::test]
async fn what_is_opened_is_renewed_and_closed_with_what_it_has_left() {
    let lease = lease();
    let server = Server::new(Arc::new(TestProvider(lease.clone(), Schema::new())));
    let opened = open(&server, &lease, "a").await;
    assert!(opened.diagnostics.is_empty(), "{:?}", opened.diagnostics);
    assert_eq!(
        opened.renew_at.map(|at| at.seconds),
        i64::try_from(RENEW_AT.as_secs()).ok()
    );
    let result = decode(opened.result.as_ref(), &lease.schema.object_type()).unwrap();
    let result = Object::from_value(result).unwrap();
    assert_eq!(
        (result.string("name"), result.string("token")),
        (Some("a"), Some("planted"))
    );

    let renewed = server
        .renew_ephemeral_resource(Request::new(proto::renew_ephemeral_resource::Request {
            type_name: "test_lease".to_owned(),
            private: opened.private,
        }))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(renewed.renew_at, None);
    let closed = server
        .close_ephemeral_resource(Request::new(proto::close_ephemeral_resource::Request {
            type_name: "test_lease".to_owned(),
            private: renewed.private,
        }))
        .await
        .unwrap()
        .into_inner();
    assert!(closed.diagnostics.is_empty());
    assert_eq!(*lease.seen.lock().unwrap(), ["renew first", "close second"]);
}

#[tokio::test]
async fn what_a_core_must_not_get_is_a_diagnostic() {
    let lease = lease();
    let server = Server::new(Arc::new(TestProvider(lease.clone(), Schema::new())));
    for (name, said) in [("lies", "about something else"), ("panics", "planted")] {
        let opened = open(&server, &lease, name).await;
        assert!(opened.result.is_none());
        let text = format!("{:?}", opened.diagnostics);
        assert!(text.contains(said), "{text}");
    }
    let request = proto::validate_ephemeral_resource_config::Request {
        type_name: "test_lease".to_owned(),
        config: config(&lease, "refused"),
    };
    let checked = server.validate_ephemeral_resource_config(Request::new(request)).await;
    assert_eq!(checked.unwrap().into_inner().diagnostics[0].detail, "by its own check");
    let request = proto::close_ephemeral_resource::Request {
        type_name: "test_other".to_owned(),
        ..Default::default()
    };
    let closed = server.close_ephemeral_resource(Request::new(request)).await;
    assert_eq!(
        closed.unwrap().into_inner().diagnostics.len(),
        1,
        "there is no such type"
    );
}
