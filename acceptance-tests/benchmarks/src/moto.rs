//! The same boto3 script against us and against moto's server, which only pretends.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use acceptance_tests::{binaries, program, runtime::Runtime, tools::Tools, wait};
use anyhow::{Context, Result};

use crate::{
    Scale,
    report::{Report, Spread},
};

/// Clusters that live and die.
const TIMES: &str = "5";
/// How long moto may take to be installed, and the script to end.
const LIMIT: Duration = Duration::from_secs(300);
/// How long its server may take to listen.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Runs the script on both sides, in turn, as often as there are rounds.
pub fn measure(scale: Scale, report: &mut Report) -> Result<()> {
    let python = install()?;
    let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
    for _ in 0..scale.rounds {
        let runtime = Runtime::new()?;
        runtime.start()?;
        let mut script = script(&python, &runtime.endpoint()?);
        script.env("AWS_SHARED_CREDENTIALS_FILE", runtime.data_dir().join("credentials"));
        keep(&mut ours, &mut script)?;
        drop(runtime);
        let moto = Moto::start(&python)?;
        let mut script = self::script(&python, &moto.endpoint);
        script.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
        keep(&mut theirs, &mut script)?;
    }
    for (call, ours) in &ours {
        let theirs = theirs.get(call).context("both run the same script")?;
        let what = format!("API against moto's server: {call}");
        report.compare(&what, "ms", Spread::of(ours), Spread::of(theirs));
    }
    Ok(())
}

/// An interpreter with boto3 and moto, in the cache of tools.
fn install() -> Result<PathBuf> {
    let system = Tools::load().python.context("`cargo xtask tools` finds no Python")?;
    let requirements = folder().join("requirements.txt");
    let folder = Tools::directory().join("moto");
    let (python, stamp) = (folder.join("bin/python"), folder.join("requirements.txt"));
    let wanted = fs::read(&requirements)?;
    if fs::read(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    program::succeed(Command::new(system).args(["-m", "venv", "--clear"]).arg(&folder), LIMIT)?;
    let mut install = Command::new(&python);
    install
        .args(["-m", "pip", "install", "--quiet", "-r"])
        .arg(&requirements);
    program::succeed(&mut install, LIMIT)?;
    fs::write(stamp, wanted)?;
    Ok(python)
}

fn folder() -> PathBuf {
    binaries::repository().join("acceptance-tests/benchmarks")
}

fn script(python: &Path, endpoint: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(folder().join("lifecycle.py")).args([endpoint, TIMES]);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn keep(all: &mut BTreeMap<String, Vec<f64>>, script: &mut Command) -> Result<()> {
    let printed = program::succeed(script, LIMIT)?.stdout;
    let medians: BTreeMap<String, f64> = serde_json::from_str(&printed).context("what the script prints")?;
    for (call, median) in medians {
        all.entry(call).or_default().push(median);
    }
    Ok(())
}

/// moto's server, ended when it is dropped.
struct Moto {
    process: Child,
    endpoint: String,
}

impl Moto {
    fn start(python: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(python);
        command.args(["-m", "moto.server", "-p", &port.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let moto = Self {
            process: command.spawn().context("moto's server")?,
            endpoint: format!("http://127.0.0.1:{port}"),
        };
        wait::until("moto's server", START_LIMIT, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        })?;
        Ok(moto)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
