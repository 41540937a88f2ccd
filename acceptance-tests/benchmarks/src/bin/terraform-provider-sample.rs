//! A provider on our framework with a resource of fourteen attributes that is kept in the state and nowhere else: what the framework
//! itself costs, beside the same in Go (`acceptance-tests/programs/peer-providers`).

use std::{env, process::ExitCode, sync::Arc};

use async_trait::async_trait;
use plugin_framework::{
    ApplyRequest, Configuration, Context, DeleteRequest, Diagnostics, HostEnvironment, Provider, ReadRequest, Resource,
    ServeOptions, StateSink,
    schema::{Attribute, Schema},
};

fn main() -> ExitCode {
    let variable = |name: &str| env::var(name).ok();
    let options = ServeOptions {
        name: "sample",
        environment: HostEnvironment {
            magic_cookie: variable("TF_PLUGIN_MAGIC_COOKIE"),
            protocol_versions: variable("PLUGIN_PROTOCOL_VERSIONS"),
            client_certificate: variable("PLUGIN_CLIENT_CERT"),
            ..HostEnvironment::default()
        },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| Ok(runtime.block_on(plugin_framework::serve(Arc::new(Sample(Schema::new())), options))?));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

struct Sample(Schema);

#[async_trait]
impl Provider for Sample {
    fn schema(&self) -> &Schema {
        &self.0
    }

    async fn configure(&self, _context: &Context, _configuration: Configuration) -> Diagnostics {
        Diagnostics::none()
    }

    fn resources(&self) -> Vec<Arc<dyn Resource>> {
        vec![Arc::new(Wide(wide()))]
    }
}

/// The attributes of `framework_wide`.
fn wide() -> Schema {
    let mut schema = Schema::new()
        .attribute("id", Attribute::string().computed().stable())
        .attribute("name", Attribute::string().required().replaces("it is its name"));
    for number in 1..=4 {
        schema = schema
            .attribute(&format!("text_{number}"), Attribute::string().optional())
            .attribute(&format!("size_{number}"), Attribute::number().optional())
            .attribute(&format!("flag_{number}"), Attribute::bool().optional());
    }
    schema
}

struct Wide(Schema);

#[async_trait]
impl Resource for Wide {
    fn type_name(&self) -> &'static str {
        "sample_wide"
    }

    fn schema(&self) -> &Schema {
        &self.0
    }

    async fn create(&self, _context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = request.planned;
        state.set_string("id", "made");
        sink.save(state);
        Diagnostics::none()
    }

    async fn read(&self, _context: &Context, _request: ReadRequest, _sink: &mut StateSink) -> Diagnostics {
        Diagnostics::none()
    }

    async fn update(&self, _context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        sink.save(request.planned);
        Diagnostics::none()
    }

    async fn delete(&self, _context: &Context, _request: DeleteRequest) -> Diagnostics {
        Diagnostics::none()
    }
}
