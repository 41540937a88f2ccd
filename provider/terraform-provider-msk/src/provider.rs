//! The provider block: where the control plane is, and with which key to talk to it.

use std::{
    ffi::OsString,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use async_trait::async_trait;
use control_plane_client::Credentials;
use plugin_framework::{
    Action, Configuration, Context, DataSource, Diagnostics, EphemeralResource, Function, ListResource, Provider,
    Resource,
    model::{Field, Model},
    schema::Schema,
    value::{Object, Path},
};

use crate::{
    actions,
    bundled_runtime::BundledRuntime,
    connection::{Connection, REGION, Target},
    control_plane::ControlPlane,
    data_sources, ephemeral_resources, functions, list_resources, resources,
};

/// What `main.rs` has read from the environment, and the clock.
#[derive(Clone)]
pub(crate) struct Surroundings {
    /// `OPENMSK_ENDPOINT`.
    pub(crate) endpoint: Option<String>,
    /// `AWS_ACCESS_KEY_ID`.
    pub(crate) access_key: Option<String>,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub(crate) secret_key: Option<String>,
    /// `OPENMSK_CA_FILE`, else `AWS_CA_BUNDLE`.
    pub(crate) ca_file: Option<PathBuf>,
    /// `OPENMSK_DATA_DIR`, else where user data goes on this system; `None` when there is no home directory.
    pub(crate) data_dir: Option<PathBuf>,
    /// `OPENMSK_RUNTIME_PATH`.
    pub(crate) runtime_path: Option<PathBuf>,
    /// The provider's own executable.
    pub(crate) executable: Option<PathBuf>,
    /// The directories of `PATH`.
    pub(crate) search_path: Vec<PathBuf>,
    /// What a started runtime inherits.
    pub(crate) inherited: Vec<(OsString, OsString)>,
    /// The directory the configuration is in; tells things it made from things of the same name made elsewhere.
    pub(crate) working_directory: PathBuf,
    /// Name of the workspace that is selected: each has a state of its own.
    pub(crate) workspace: String,
    /// The time, for signatures.
    pub(crate) now: fn() -> SystemTime,
}

/// Kafka clusters on machines of your own. An empty block is enough.
#[derive(Default, Model)]
struct ProviderModel {
    /// Address of the control plane, `https://host:port` or `http://host:port`. Default: the runtime shipped with the provider.
    #[attribute(optional)]
    endpoint: Field<String>,
    /// File with the certificates of authorities that an `https` endpoint is believed by, PEM. Default: the authorities of the
    /// system.
    #[attribute(optional)]
    ca_file: Field<String>,
    /// Access key for `endpoint`.
    #[attribute(optional)]
    access_key: Field<String>,
    /// Secret key for `endpoint`.
    #[attribute(optional, sensitive)]
    secret_key: Field<String>,
    /// Region to sign requests for. Default: `us-east-1`.
    #[attribute(optional)]
    region: Field<String>,
    /// Directory with the state of the runtime shipped with the provider.
    #[attribute(optional)]
    data_dir: Field<String>,
    /// The `broker-runtime` executable, or the directory it is in.
    #[attribute(optional)]
    runtime_path: Field<String>,
}

/// The provider.
pub(crate) struct MskProvider {
    surroundings: Surroundings,
    control_plane: Arc<ControlPlane>,
    schema: Schema,
}

impl MskProvider {
    pub(crate) fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            control_plane: Arc::default(),
            schema: ProviderModel::schema(),
        }
    }

    /// Where the control plane is, as block and environment together say.
    fn target(&self, block: ProviderModel) -> Result<Target, Diagnostics> {
        let surroundings = &self.surroundings;
        let local = !block.data_dir.is_null() || !block.runtime_path.is_null();
        // An endpoint of the environment must not redirect a block that says where the runtime is.
        let inherited = surroundings.endpoint.clone().filter(|_| !local);
        if let Some(endpoint) = block.endpoint.into_known().or(inherited) {
            let missing = |name: &str, variable: &str| {
                Diagnostics::from_attribute_error(
                    Path::attribute(name),
                    format!("{name} is required together with an endpoint"),
                    format!(
                        "Requests to {endpoint} have to be signed. Set {name} in the provider block, or {variable}. The \
                         runtime keeps valid credentials in the file credentials in its data directory."
                    ),
                )
            };
            let access_key = block
                .access_key
                .into_known()
                .or_else(|| surroundings.access_key.clone());
            let secret_key = block
                .secret_key
                .into_known()
                .or_else(|| surroundings.secret_key.clone());
            let credentials = Credentials {
                access_key: access_key.ok_or_else(|| missing("access_key", "AWS_ACCESS_KEY_ID"))?,
                secret_key: secret_key.ok_or_else(|| missing("secret_key", "AWS_SECRET_ACCESS_KEY"))?,
                region: block.region.into_known().unwrap_or_else(|| REGION.to_owned()),
            };
            let ca_file = block.ca_file.into_known().map(PathBuf::from);
            let ca_file = ca_file.or_else(|| surroundings.ca_file.clone());
            return Ok(Target::Endpoint {
                endpoint,
                credentials,
                ca_file: ca_file.map(|path| surroundings.working_directory.join(path)),
            });
        }
        let data_dir = block.data_dir.into_known().map(PathBuf::from);
        let data_dir = data_dir.or_else(|| surroundings.data_dir.clone());
        let data_dir = data_dir.ok_or_else(|| {
            Diagnostics::from_attribute_error(
                Path::attribute("data_dir"),
                "There is no home directory",
                "Without one, the provider does not know where the runtime keeps its state. Set data_dir in the provider \
                 block, or OPENMSK_DATA_DIR.",
            )
        })?;
        let runtime_path = block.runtime_path.into_known().map(PathBuf::from);
        let absolute = |path: &FilePath| surroundings.working_directory.join(path);
        let runtime = BundledRuntime {
            data_dir: absolute(&data_dir),
            runtime_path: runtime_path
                .or_else(|| surroundings.runtime_path.clone())
                .as_deref()
                .map(absolute),
            provider_executable: surroundings.executable.clone(),
            search_path: surroundings.search_path.clone(),
            environment: surroundings.inherited.clone(),
        };
        Ok(Target::Bundled {
            runtime,
            region: block.region.into_known(),
        })
    }
}

#[async_trait]
impl Provider for MskProvider {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, block: &Object) -> Diagnostics {
        let mut diagnostics = Diagnostics::none();
        let block = ProviderModel::from_object(block);
        for (other, value) in [("data_dir", &block.data_dir), ("runtime_path", &block.runtime_path)] {
            if !block.endpoint.is_null() && !value.is_null() {
                diagnostics.attribute_error(
                    Path::attribute(other),
                    format!("endpoint and {other} exclude each other"),
                    format!(
                        "With an endpoint, the provider uses the control plane there and starts no runtime of its own, so \
                         {other} would have no effect. Remove one of them."
                    ),
                );
            }
        }
        diagnostics
    }

    async fn configure(&self, _context: &Context, configuration: Configuration) -> Diagnostics {
        let block = &configuration.values;
        if block.entries().values().any(|value| !value.is_wholly_known()) {
            self.control_plane.configure_later();
            return Diagnostics::none();
        }
        match self.target(ProviderModel::from_object(block)) {
            Ok(target) => {
                self.control_plane
                    .configure(Connection::new(target, self.surroundings.now));
                Diagnostics::none()
            }
            Err(diagnostics) => diagnostics,
        }
    }

    fn is_configured_later(&self) -> bool {
        self.control_plane.is_configured_later()
    }

    fn resources(&self) -> Vec<Arc<dyn Resource>> {
        let control_plane = || self.control_plane.clone();
        let creations = Arc::new(resources::Creations::new(
            self.surroundings.working_directory.clone(),
            self.surroundings.workspace.clone(),
        ));
        let foresight = Arc::<resources::Foresight>::default();
        let seen = || (creations.clone(), foresight.clone());
        vec![
            Arc::new(resources::Cluster::new(control_plane(), seen())),
            Arc::new(resources::ServerlessCluster::new(control_plane(), creations.clone())),
            Arc::new(resources::Configuration::new(control_plane(), seen())),
            Arc::new(resources::ScramSecret::new(control_plane(), creations.clone())),
            Arc::new(resources::Topic::new(control_plane(), seen())),
            Arc::new(resources::ClusterPolicy::new(control_plane())),
            Arc::new(resources::Acl::new(control_plane())),
            Arc::new(resources::Quota::new(control_plane())),
            Arc::new(resources::ScramSecretAssociation::new(control_plane())),
            Arc::new(resources::SingleScramSecretAssociation::new(control_plane())),
        ]
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        data_sources::all(&self.control_plane)
    }

    fn ephemeral_resources(&self) -> Vec<Arc<dyn EphemeralResource>> {
        ephemeral_resources::all(&self.control_plane)
    }

    fn list_resources(&self) -> Vec<Arc<dyn ListResource>> {
        list_resources::all(&self.control_plane)
    }

    fn actions(&self) -> Vec<Arc<dyn Action>> {
        actions::all(&self.control_plane)
    }

    fn functions(&self) -> Vec<Arc<dyn Function>> {
        functions::all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings() -> Surroundings {
        Surroundings {
            endpoint: None,
            ca_file: None,
            access_key: Some("AK".to_owned()),
            secret_key: Some("SK".to_owned()),
            data_dir: Some("/home/a/data".into()),
            runtime_path: None,
            executable: None,
            search_path: Vec::new(),
            inherited: Vec::new(),
            working_directory: "/work".into(),
            workspace: "default".to_owned(),
            now: || SystemTime::UNIX_EPOCH,
        }
    }

    fn block(values: &[(&str, &str)]) -> Object {
        let mut block = Object::new();
        for (name, value) in values {
            block.set_string(name, value);
        }
        block
    }

    fn target(surroundings: Surroundings, values: &[(&str, &str)]) -> Result<Target, Diagnostics> {
        MskProvider::new(surroundings).target(ProviderModel::from_object(&block(values)))
    }

    #[test]
    fn an_empty_block_means_the_bundled_runtime() {
        let Ok(Target::Bundled { runtime, .. }) = target(surroundings(), &[]) else {
            panic!("not the bundled runtime");
        };
        assert_eq!(runtime.data_dir, PathBuf::from("/home/a/data"));
    }

    #[test]
    fn relative_paths_are_of_the_configuration() {
        let Ok(Target::Bundled { runtime, .. }) = target(surroundings(), &[("data_dir", "d"), ("runtime_path", "r")])
        else {
            panic!("not the bundled runtime");
        };
        assert_eq!(runtime.data_dir, PathBuf::from("/work/d"));
        assert_eq!(runtime.runtime_path, Some("/work/r".into()));
    }

    #[test]
    fn keys_of_the_environment_count_only_with_an_endpoint() {
        let Ok(Target::Endpoint { credentials, .. }) = target(surroundings(), &[("endpoint", "http://h:1")]) else {
            panic!("not the endpoint");
        };
        assert_eq!(credentials.access_key, "AK");
        let values = [("endpoint", "https://h:1"), ("ca_file", "ca.pem")];
        let Ok(Target::Endpoint { ca_file, .. }) = target(surroundings(), &values) else {
            panic!("not the endpoint");
        };
        assert_eq!(ca_file, Some(surroundings().working_directory.join("ca.pem")));
        let mut bare = surroundings();
        bare.secret_key = None;
        let diagnostics = target(bare, &[("endpoint", "http://h:1")]).err().unwrap();
        assert_eq!(diagnostics.iter().next().unwrap().path, Path::attribute("secret_key"));
    }

    #[test]
    fn the_block_wins_over_the_environment() {
        let mut with_endpoint = surroundings();
        with_endpoint.endpoint = Some("http://env:1".to_owned());
        let found = target(with_endpoint.clone(), &[("endpoint", "http://block:1")]);
        assert!(matches!(found, Ok(Target::Endpoint { endpoint, .. }) if endpoint == "http://block:1"));
        let found = target(with_endpoint, &[("data_dir", "/d")]);
        assert!(matches!(found, Ok(Target::Bundled { .. })));
    }

    #[test]
    fn endpoint_and_data_directory_exclude_each_other() {
        let provider = MskProvider::new(surroundings());
        let diagnostics = provider.validate(&block(&[("endpoint", "http://h:1"), ("data_dir", "/d")]));
        assert!(diagnostics.has_errors());
        assert_eq!(provider.schema.problems(), Vec::<String>::new());
    }
}
