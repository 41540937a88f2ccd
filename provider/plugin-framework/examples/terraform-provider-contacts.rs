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
    model::{Distinct, Field, Model},
    schema::Schema,
    serve,
    value::{Object, Path, Value, from_json},
};
use serde_json::{Value as Json, json};

/// The card of a person, kept in a JSON file.
#[derive(Debug, Default, Model)]
struct CardModel {
    /// The file.
    #[attribute(required, replaces = "it is where the card is")]
    path: Field<String>,
    /// Name of the person.
    #[attribute(required)]
    name: Field<String>,
    /// Where the person lives.
    #[attribute(optional)]
    address: Field<Address>,
    /// The first one is called first.
    #[attribute(optional)]
    phones: Field<Vec<Phone>>,
    /// In no order.
    #[attribute(optional)]
    emails: Field<Distinct<Email>>,
    /// By what they are called.
    #[attribute(optional)]
    links: Field<BTreeMap<String, Link>>,
    #[block]
    note: Field<BTreeMap<String, Note>>,
    #[block(group)]
    privacy: Field<Privacy>,
}

/// An address.
#[derive(Debug, Default, Model)]
struct Address {
    /// Street and number.
    #[attribute(required)]
    street: Field<String>,
    /// Code of the country.
    #[attribute(optional, default = "NL")]
    country: Field<String>,
    /// What opens the door; it is kept nowhere.
    #[attribute(optional, write_only)]
    door_code: Field<String>,
    /// Given when it is made; an update keeps it.
    #[attribute(computed, stable)]
    id: Field<i64>,
}

/// A telephone.
#[derive(Debug, Default, Model)]
struct Phone {
    /// Its number.
    #[attribute(required)]
    number: Field<String>,
    /// What it is.
    #[attribute(optional, default = "mobile")]
    kind: Field<String>,
    /// Given when it is made; an update keeps it.
    #[attribute(computed, stable)]
    id: Field<i64>,
}

/// An address of electronic mail.
#[derive(Debug, Default, Model)]
struct Email {
    /// The address.
    #[attribute(required)]
    address: Field<String>,
    /// Given when it is made; an update keeps it.
    #[attribute(computed, stable)]
    id: Field<i64>,
}

/// A page of the person.
#[derive(Debug, Default, Model)]
struct Link {
    /// Where it is.
    #[attribute(required)]
    url: Field<String>,
    /// What it asks for; it is kept nowhere.
    #[attribute(optional, write_only)]
    password: Field<String>,
    /// Given when it is made; an update keeps it.
    #[attribute(computed, stable)]
    id: Field<i64>,
}

/// A note, by label.
#[derive(Debug, Default, Model)]
struct Note {
    /// What it says.
    #[attribute(required)]
    text: Field<String>,
    /// Given when it is made; an update keeps it.
    #[attribute(computed, stable)]
    id: Field<i64>,
}

/// Who may see the card.
#[derive(Debug, Default, Model)]
struct Privacy {
    /// Everybody.
    #[attribute(optional)]
    public: Field<bool>,
    /// Given when it is made; an update keeps it.
    #[attribute(computed, stable)]
    id: Field<i64>,
}

static CARD: LazyLock<Schema> = LazyLock::new(CardModel::schema);

/// The resource type: the file is the state.
struct Card;

impl Card {
    fn path(card: &Object) -> PathBuf {
        CardModel::from_object(card)
            .path
            .into_known()
            .unwrap_or_default()
            .into()
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
        let card = CardModel {
            path: id.into(),
            ..CardModel::default()
        };
        Ok(card.to_object())
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
