//! What the search, the start and the files of the bundled runtime promise.

use std::{os::unix::fs::PermissionsExt, sync::atomic::AtomicUsize};

use tempfile::TempDir;

use super::*;

/// A control plane that answers once `up` exists, with the version written there.
struct Switch {
    up: PathBuf,
    asked: AtomicUsize,
}

impl Probe for Switch {
    async fn version(&self, _endpoint: &str) -> Option<String> {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let text = fs::read_to_string(&self.up).ok()?;
        Some(text.trim().to_owned())
    }
}

struct Stage {
    folder: TempDir,
    probe: Switch,
    runtime: BundledRuntime,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_path_buf();
        fs::create_dir(root.join("bin")).unwrap();
        Self {
            probe: Switch {
                up: root.join("up"),
                asked: AtomicUsize::new(0),
            },
            runtime: BundledRuntime {
                data_dir: root.join("data"),
                runtime_path: None,
                provider_executable: Some(root.join("bin/terraform-provider-msk")),
                search_path: Vec::new(),
                environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
            },
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A `broker-runtime` that is this shell script, beside the provider.
    fn script(&self, body: &str) -> PathBuf {
        let path = self.path("bin/broker-runtime");
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A script that comes up as `version` and counts its starts.
    fn working(&self, version: &str) -> PathBuf {
        let root = self.folder.path().display();
        self.script(&format!(
            r#"echo start >> {root}/starts
            printf '{{"endpoint":"http://127.0.0.1:1","pid":1,"version":"{version}"}}' > {root}/data/runtime.json
            printf '[other]\nregion=x\n[default]\naws_access_key_id = AK\naws_secret_access_key=SK\nregion=us-east-1\n' > {root}/data/credentials
            echo {version} > {root}/up"#
        ))
    }

    fn starts(&self) -> usize {
        fs::read_to_string(self.path("starts")).map_or(0, |text| text.lines().count())
    }

    async fn connect(&self) -> Result<RuntimeAccess, BundledRuntimeError> {
        self.runtime.connect(&self.probe).await
    }
}

const OURS: &str = env!("CARGO_PKG_VERSION");

#[tokio::test]
async fn a_runtime_is_started_once_and_found_afterwards() {
    let stage = Stage::new();
    stage.working(OURS);
    let (first, second, third) = tokio::join!(stage.connect(), stage.connect(), stage.connect());
    let access = first.unwrap();
    assert_eq!(access.endpoint, "http://127.0.0.1:1");
    assert_eq!((access.access_key.as_str(), access.secret_key.as_str()), ("AK", "SK"));
    assert_eq!(access.region.as_deref(), Some("us-east-1"));
    assert!(second.unwrap() == access && third.unwrap() == access);
    assert!(stage.connect().await.unwrap() == access);
    assert_eq!(stage.starts(), 1);
}

#[tokio::test]
async fn a_runtime_of_another_version_is_refused() {
    let stage = Stage::new();
    stage.working("99.0.0");
    let error = stage.connect().await.err().unwrap();
    assert!(matches!(error, BundledRuntimeError::OtherVersion { ref runtime, .. } if runtime == "99.0.0"));
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_is_named() {
    let mut stage = Stage::new();
    stage.working(OURS);
    stage.runtime.data_dir = stage.path("bin/broker-runtime/data");
    let error = stage.connect().await.err().unwrap();
    assert!(matches!(error, BundledRuntimeError::DataDirectory { path, .. } if path == stage.runtime.data_dir));
}

#[tokio::test]
async fn the_text_of_a_failed_start_is_passed_on() {
    let stage = Stage::new();
    // The left-over child keeps the pipe open, as a daemon would.
    stage.script("sleep 5 & echo 'port 8479 is taken' >&2; exit 3");
    let error = stage.connect().await.err().unwrap();
    assert!(matches!(error, BundledRuntimeError::StartFailed { ref text, .. } if text == "port 8479 is taken"));
}

#[tokio::test]
async fn a_missing_executable_says_where_it_was_looked_for() {
    let mut stage = Stage::new();
    stage.runtime.search_path = vec![stage.path("elsewhere")];
    let error = stage.connect().await.err().unwrap();
    let BundledRuntimeError::NotFound { searched } = error else {
        panic!("{error}");
    };
    assert_eq!(searched, [stage.path("bin"), stage.path("elsewhere")]);
    assert!(
        !stage.runtime.data_dir.exists(),
        "a failed search leaves nothing behind"
    );
}

#[tokio::test]
async fn a_named_path_is_the_only_one_tried() {
    let mut stage = Stage::new();
    stage.working(OURS);
    stage.runtime.runtime_path = Some(stage.path("nowhere"));
    let error = stage.connect().await.err().unwrap();
    assert!(matches!(error, BundledRuntimeError::NamedPathMissing { .. }));
    stage.runtime.runtime_path = Some(stage.path("bin"));
    assert!(
        stage.connect().await.is_ok(),
        "a directory stands for the executable in it"
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_executed_is_named() {
    let stage = Stage::new();
    let path = stage.working(OURS);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = stage.connect().await.err().unwrap();
    assert!(matches!(error, BundledRuntimeError::NotExecutable { path: named } if named == path));
}

#[test]
fn the_runtime_behind_a_symbolic_link_of_the_provider_is_found() {
    let mut stage = Stage::new();
    let path = stage.working(OURS);
    fs::write(stage.path("bin/terraform-provider-msk"), "").unwrap();
    fs::create_dir(stage.path("plugins")).unwrap();
    let link = stage.path("plugins/terraform-provider-msk");
    std::os::unix::fs::symlink(stage.path("bin/terraform-provider-msk"), &link).unwrap();
    stage.runtime.provider_executable = Some(link);
    let found = stage.runtime.find_executable().unwrap();
    assert_eq!(fs::canonicalize(found).unwrap(), fs::canonicalize(path).unwrap());
}

#[test]
fn only_the_default_section_of_the_credentials_counts() {
    let text = "[other]\nregion = a\n\n[default]\n# comment\nregion = b = c\n[third]\nkey = d\n";
    assert_eq!(credentials_value(text, "region").as_deref(), Some("b = c"));
    assert_eq!(credentials_value(text, "key"), None);
}
