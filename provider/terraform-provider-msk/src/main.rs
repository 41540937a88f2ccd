//! The provider for Terraform and OpenTofu: reads the environment, and serves the plugin protocol.

mod actions;
mod arn;
mod bootstrap;
mod bundled_runtime;
mod connection;
mod control_plane;
mod data_sources;
mod diagnostics;
mod ephemeral_resources;
mod functions;
mod list_resources;
mod moved;
mod patience;
mod provider;
mod resources;
mod timeouts;

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::SystemTime,
};

use plugin_framework::{HostEnvironment, ServeOptions};
use provider::{MskProvider, Surroundings};

/// What a started runtime inherits: nothing that Terraform's plugins or this command's variables might keep secret.
const INHERITED: [&str; 10] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TZ",
    "XDG_RUNTIME_DIR",
    "RUST_BACKTRACE",
];

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let provider = Arc::new(MskProvider::new(surroundings()));
        let options = ServeOptions {
            name: "msk",
            environment: host_environment(),
        };
        Ok(runtime.block_on(plugin_framework::serve(provider, options))?)
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Terraform shows this to the person, and so does a shell.
            eprintln!("terraform-provider-msk: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn host_environment() -> HostEnvironment {
    HostEnvironment {
        magic_cookie: variable("TF_PLUGIN_MAGIC_COOKIE"),
        protocol_versions: variable("PLUGIN_PROTOCOL_VERSIONS"),
        // Never without TLS where a host wants it: what is no text is no certificate either, and is refused as such.
        client_certificate: env::var_os("PLUGIN_CLIENT_CERT")
            .filter(|value| !value.is_empty())
            .map(|value| value.to_string_lossy().into_owned()),
        socket_directory: path("PLUGIN_UNIX_SOCKET_DIR"),
        multiplex: env::var_os("PLUGIN_MULTIPLEX_GRPC").is_some(),
        log_level: ["TF_LOG_PROVIDER_MSK", "TF_LOG_PROVIDER", "TF_LOG"]
            .iter()
            .find_map(|name| variable(name)),
    }
}

fn surroundings() -> Surroundings {
    let inherited = INHERITED
        .iter()
        .filter_map(|name| Some((OsString::from(name), env::var_os(name)?)));
    let working_directory = env::current_dir().unwrap_or_else(|_| Path::new("/").to_path_buf());
    Surroundings {
        endpoint: variable("OPENMSK_ENDPOINT"),
        ca_file: variable("OPENMSK_CA_FILE")
            .or_else(|| variable("AWS_CA_BUNDLE"))
            .map(PathBuf::from),
        access_key: variable("AWS_ACCESS_KEY_ID"),
        secret_key: variable("AWS_SECRET_ACCESS_KEY"),
        data_dir: path("OPENMSK_DATA_DIR")
            .or_else(|| path("XDG_DATA_HOME").map(|data| data.join("openmsk")))
            .or_else(|| path("HOME").map(|home| home.join(".local/share/openmsk"))),
        runtime_path: path("OPENMSK_RUNTIME_PATH"),
        executable: env::current_exe().ok(),
        search_path: path("PATH").map_or_else(Vec::new, |path| env::split_paths(&path).collect()),
        inherited: inherited.collect(),
        workspace: workspace(&working_directory),
        working_directory,
        now: SystemTime::now,
    }
}

/// The workspace that is selected, which Terraform does not tell a provider.
fn workspace(working_directory: &Path) -> String {
    let data = working_directory.join(path("TF_DATA_DIR").unwrap_or_else(|| ".terraform".into()));
    variable("TF_WORKSPACE")
        .or_else(|| fs::read_to_string(data.join("environment")).ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "default".to_owned())
}
