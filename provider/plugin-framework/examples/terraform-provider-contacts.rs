//! A whole provider, small enough to read in one go: `contacts_card` keeps the card of a person in a JSON file.
//!
//! It shows what a resource with nested attributes and blocks looks like: one object (`address`), a list (`phones`), a set (`emails`)
//! and a map (`links`) of them, blocks by label (`note`) and a block that is there always (`privacy`). Whatever is nested may have
//! its own defaults, computed values and write-only values; the framework plans them, one element at a time.
//!
//! `cargo build -p plugin-framework --examples` builds it. To run it, name its folder in the CLI configuration of Terraform or OpenTofu:
//!
//! ```hcl
//! provider_installation {
//!   dev_overrides { "example/contacts" = "target/debug/examples" }
//!   direct {}
//! }
//! ```

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, LazyLock},
};

use async_trait::async_trait;
use plugin_framework::{
    ApplyRequest, Configuration, Context, DeleteRequest, Diagnostics, HostEnvironment, Provider, ReadRequest, Resource,
    ServeOptions, StateSink,
    schema::{Attribute, Nesting, Schema},
    serve,
    value::{Object, Path, Value, from_json},
};
use serde_json::{Value as Json, json};

static CARD: LazyLock<Schema> = LazyLock::new(|| {
    // Given when an element is made; an update keeps it.
    let id = || Attribute::number().computed().stable();
    let address = Schema::new()
        .attribute("street", Attribute::string().required())
        .attribute("country", Attribute::string().optional().default(Value::string("NL")))
        .attribute("door_code", Attribute::string().optional().write_only())
        .attribute("id", id());
    let phone = Schema::new()
        .attribute("number", Attribute::string().required())
        .attribute("kind", Attribute::string().optional().default(Value::string("mobile")))
        .attribute("id", id());
    let email = Schema::new()
        .attribute("address", Attribute::string().required())
        .attribute("id", id());
    let link = Schema::new()
        .attribute("url", Attribute::string().required())
        .attribute("password", Attribute::string().optional().write_only())
        .attribute("id", id());
    let note = Schema::new()
        .attribute("text", Attribute::string().required())
        .attribute("id", id());
    let privacy = Schema::new()
        .attribute("public", Attribute::bool().optional())
        .attribute("id", id());
    // Any number of elements.
    let (list, set) = (Nesting::List { min: 0, max: 0 }, Nesting::Set { min: 0, max: 0 });
    Schema::new()
        .attribute(
            "path",
            Attribute::string().required().replaces("it is where the card is"),
        )
        .attribute("name", Attribute::string().required())
        .attribute("address", Attribute::nested(Nesting::Single, address).optional())
        .attribute("phones", Attribute::nested(list, phone).optional())
        .attribute("emails", Attribute::nested(set, email).optional())
        .attribute("links", Attribute::nested(Nesting::Map, link).optional())
        .block("note", Nesting::Map, note)
        .block("privacy", Nesting::Group, privacy)
});

/// The resource type: the file is the state.
struct Card;

impl Card {
    fn path(card: &Object) -> PathBuf {
        card.string("path").unwrap_or_default().into()
    }

    fn load(path: &PathBuf) -> io::Result<Option<Object>> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let value = from_json(&serde_json::from_slice(&text)?, &CARD.object_type());
        Ok(Object::from_value(value.map_err(io::Error::other)?))
    }

    /// Create and update alike: what is planned, with a number for each id that is not known yet.
    fn store(planned: Object, state: &mut StateSink) -> Diagnostics {
        let path = Self::path(&planned);
        let mut card = planned.into_value();
        let mut last = 0;
        highest_id(&card, &mut last);
        give_ids(&mut card, &mut last);
        match fs::write(&path, to_json(&card).to_string()) {
            Ok(()) => {
                state.save(Object::from_value(card).unwrap_or_default());
                Diagnostics::none()
            }
            Err(error) => failed(&error),
        }
    }
}

fn failed(error: &io::Error) -> Diagnostics {
    Diagnostics::from_attribute_error(Path::attribute("path"), "Cannot keep the card", error.to_string())
}

fn highest_id(value: &Value, last: &mut i64) {
    match value {
        Value::List(elements) => elements.iter().for_each(|it| highest_id(it, last)),
        Value::Map(entries) => {
            let id = entries.get("id").and_then(Value::as_i64);
            *last = id.unwrap_or_default().max(*last);
            entries.values().for_each(|it| highest_id(it, last));
        }
        _ => {}
    }
}

/// Nothing but ids is computed, so every unknown value of the plan is one.
fn give_ids(value: &mut Value, last: &mut i64) {
    match value {
        Value::Unknown(_) => {
            *last += 1;
            *value = Value::integer(*last);
        }
        Value::List(elements) => elements.iter_mut().for_each(|it| give_ids(it, last)),
        Value::Map(entries) => entries.values_mut().for_each(|it| give_ids(it, last)),
        _ => {}
    }
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(truth) => json!(truth),
        Value::Number(_) => json!(value.as_i64()),
        Value::String(text) => json!(text),
        Value::List(elements) => elements.iter().map(to_json).collect(),
        Value::Map(entries) => {
            let entries: BTreeMap<&String, Json> = entries.iter().map(|(name, it)| (name, to_json(it))).collect();
            json!(entries)
        }
        _ => Json::Null,
    }
}

#[async_trait]
impl Resource for Card {
    fn type_name(&self) -> &'static str {
        "contacts_card"
    }

    fn schema(&self) -> &Schema {
        &CARD
    }

    fn identity(&self) -> &'static [&'static str] {
        &["path"]
    }

    async fn create(&self, _: &Context, request: ApplyRequest, state: &mut StateSink) -> Diagnostics {
        Self::store(request.planned, state)
    }

    async fn read(&self, _: &Context, request: ReadRequest, state: &mut StateSink) -> Diagnostics {
        match Self::load(&Self::path(&request.prior)) {
            Ok(Some(card)) => state.save(card),
            Ok(None) => state.remove(),
            Err(error) => return failed(&error),
        }
        Diagnostics::none()
    }

    async fn update(&self, _: &Context, request: ApplyRequest, state: &mut StateSink) -> Diagnostics {
        Self::store(request.planned, state)
    }

    async fn delete(&self, _: &Context, request: DeleteRequest) -> Diagnostics {
        match fs::remove_file(Self::path(&request.prior)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => failed(&error),
            _ => Diagnostics::none(),
        }
    }

    async fn import(&self, _: &Context, id: &str) -> Result<Object, Diagnostics> {
        let mut card = Object::from_value(CARD.empty_value()).unwrap_or_default();
        card.set_string("path", id);
        Ok(card)
    }
}

/// The provider, which has nothing to configure.
struct Contacts(Schema);

#[async_trait]
impl Provider for Contacts {
    fn schema(&self) -> &Schema {
        &self.0
    }

    async fn configure(&self, _: &Context, _: Configuration) -> Diagnostics {
        Diagnostics::none()
    }

    fn resources(&self) -> Vec<Arc<dyn Resource>> {
        vec![Arc::new(Card)]
    }
}

/// What Terraform says to a plugin it starts.
fn host_environment() -> HostEnvironment {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    HostEnvironment {
        magic_cookie: variable("TF_PLUGIN_MAGIC_COOKIE"),
        protocol_versions: variable("PLUGIN_PROTOCOL_VERSIONS"),
        client_certificate: variable("PLUGIN_CLIENT_CERT"),
        socket_directory: variable("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from),
        multiplex: variable("PLUGIN_MULTIPLEX_GRPC").is_some(),
        log_level: variable("TF_LOG_PROVIDER").or_else(|| variable("TF_LOG")),
    }
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let options = ServeOptions {
        name: "contacts",
        environment: host_environment(),
    };
    let served = match runtime {
        Ok(runtime) => runtime.block_on(serve(Arc::new(Contacts(Schema::new())), options)),
        Err(error) => Err(error.into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("terraform-provider-contacts: {error}");
            ExitCode::FAILURE
        }
    }
}
