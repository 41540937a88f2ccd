//! `cargo xtask quickstart`: the whole path on this machine, from the sources to records read back.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{package, step, tools};

/// Which Terraform to use.
#[derive(Args)]
pub struct Options {
    /// Program that applies the example; the default is `terraform`, else `tofu`.
    #[arg(long)]
    terraform: Option<PathBuf>,
}

/// Folder of everything the quickstart makes, in the root of the repository and ignored by git.
const FOLDER: &str = ".openmsk";

/// Builds, installs, applies, writes and reads. Can be run again at once.
pub fn run(options: &Options) -> Result<()> {
    let terraform = terraform(options)?;
    let folder = step::repository().join(FOLDER);
    let example = step::repository().join("examples/quickstart");
    step::say("OpenMSK quickstart\n");
    step::build("build the provider and the runtime", &step::PROGRAMS, &["--release"])?;
    step::step("install the provider for this directory", || install(&folder))?;
    let python = step::step("install a Kafka client (librdkafka, from PyPI)", tools::python_clients)?;
    let password = password(&folder)?;
    let command = |arguments: &[&str]| {
        let mut command = step::program(&terraform);
        command
            .current_dir(&example)
            .args(arguments)
            .env("TF_CLI_CONFIG_FILE", folder.join("terraform.tfrc"));
        command
            .env("TF_VAR_password", &password)
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1");
        command
    };
    // A rebuilt provider has another checksum than the one in an old lock file.
    remove(&example.join(".terraform.lock.hcl"))?;
    step::step("terraform init", || {
        step::quietly(&mut command(&["init", "-input=false", "-no-color"])).map(drop)
    })?;
    step::step("terraform apply", || {
        step::quietly(&mut command(&["apply", "-auto-approve", "-input=false", "-no-color"])).map(drop)
    })?;
    let outputs = step::quietly(&mut command(&["output", "-json"]))?.stdout;
    let outputs: serde_json::Value = serde_json::from_slice(&outputs).context("outputs of the example")?;
    let output = |name: &str| {
        outputs[name]["value"]
            .as_str()
            .map(str::to_owned)
            .with_context(|| format!("output {name}"))
    };
    let bootstrap = output("bootstrap_brokers_sasl_scram")?;
    let authority = folder.join("ca.pem");
    fs::write(&authority, output("certificate_authority_pem")?)?;
    let (user, topic) = (output("username")?, output("topic")?);
    let authority = authority.display().to_string();
    let client = [
        "--bootstrap",
        &bootstrap,
        "--topic",
        &topic,
        "--user",
        &user,
        "--ca",
        &authority,
    ];
    let read = step::step("write 1,000 records and read them back over SASL_SSL", || {
        records(&python, &client, &password)
    })?;
    step::say(&format!("\n{read}"));
    step::say(&next(&bootstrap, &user, &folder, &terraform));
    Ok(())
}

fn terraform(options: &Options) -> Result<PathBuf> {
    if let Some(folder) = options.terraform.as_ref().filter(|path| path.is_dir()) {
        bail!("{} is a folder; --terraform names the program in it", folder.display());
    }
    let found = options
        .terraform
        .clone()
        .or_else(|| step::find("terraform"))
        .or_else(|| step::find("tofu"));
    found.context("neither terraform nor tofu is on the PATH; install Terraform 1.11 or OpenTofu 1.11, or newer")
}

/// Lays the binaries out as a filesystem mirror and points a CLI configuration at it.
fn install(folder: &Path) -> Result<()> {
    let mirror = folder.join("mirror");
    for host in package::HOSTS {
        package::unpacked_mirror(&step::target().join("release"), &mirror.join(host))?;
    }
    // Terraform and OpenTofu take a wildcard for the host only where everything is one.
    let ours = package::HOSTS.map(|host| format!("\"{host}/openmsk/msk\"")).join(", ");
    let text = format!(
        "provider_installation {{\n  filesystem_mirror {{\n    path    = \"{}\"\n    include = [{ours}]\n  }}\n  \
         direct {{\n    exclude = [{ours}]\n  }}\n}}\n",
        mirror.display()
    );
    Ok(fs::write(folder.join("terraform.tfrc"), text)?)
}

/// The password of the example's user: random, made once, readable by this user only.
fn password(folder: &Path) -> Result<String> {
    let path = folder.join("password");
    if let Ok(password) = fs::read_to_string(&path) {
        return Ok(password);
    }
    let bytes: [u8; 16] = ring::rand::generate(&ring::rand::SystemRandom::new())
        .map_err(|_| anyhow::anyhow!("the system has no randomness"))?
        .expose();
    let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)?;
    file.write_all(password.as_bytes())?;
    Ok(password)
}

fn records(python: &Path, arguments: &[&str], password: &str) -> Result<String> {
    let mut command = Command::new(python);
    command
        .arg(step::repository().join("examples/quickstart/client.py"))
        .args(arguments);
    // The password goes through the environment: arguments can be read by every user of the machine.
    let output = step::quietly(command.env("KAFKA_PASSWORD", password))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn next(bootstrap: &str, user: &str, folder: &Path, terraform: &Path) -> String {
    let terraform = terraform.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "
What runs now: one control plane and three brokers, each a process of yours.

  bootstrap   {bootstrap}
  user        {user}, SCRAM-SHA-512, password in {folder}/password
  authority   {folder}/ca.pem

Try next:
  {runtime} status            what runs, in a table
  {runtime} doctor            what is wrong with this machine, and how to mend it
  cd examples/quickstart && export TF_CLI_CONFIG_FILE={folder}/terraform.tfrc TF_VAR_password=$(cat {folder}/password)
  {terraform} plan                                  no changes
  set number_of_broker_nodes = 5 in main.tf, then {terraform} apply: two more brokers join while clients work
  {terraform} destroy                               stop everything and remove its files",
        folder = folder.display(),
        runtime = step::target().join("release/broker-runtime").display(),
    )
}
