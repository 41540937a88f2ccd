//! A machine that is in the way: a port is taken, the disk is full. One diagnostic says what to do, and once that is
//! done the next apply converges. The tests do so in namespaces of their own, so that nobody else notices.

use std::{fs, path::Path, process::Command};

use acceptance_tests::{
    binaries,
    cluster::{CONFIGURATION, PASSWORD},
    program,
    suite::Suite,
    terraform::Workspace,
    tools::Tools,
};
use anyhow::{Context, Result, ensure};

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    let Some(terraform) = tools.terraform.clone() else {
        return;
    };
    let core = terraform.clone();
    suite.test_if("taken_port_names_who_has_it", namespaces(), move || taken_port(&core));
    let core = terraform;
    suite.test_if("full_disk_is_named_with_its_remedy", namespaces(), move || {
        full_disk(&core)
    });
}

/// Whether this kernel lets us have namespaces of our own.
fn namespaces() -> Result<()> {
    let mut command = Command::new("unshare");
    command.args([
        "-rnm",
        "sh",
        "-c",
        "ip link set lo up && mount -t tmpfs -o size=1m tmpfs /mnt",
    ]);
    program::succeed(&mut command, program::LIMIT)
        .map(drop)
        .context("no network and mount namespaces for this user")
}

/// Runs `script` in namespaces of its own, with `$TERRAFORM`, `$RUNTIME` and `$DATA`. Each step of it leaves a file.
struct Script {
    workspace: Workspace,
}

impl Script {
    fn run(core: &Path, steps: &str) -> Result<Self> {
        let mut workspace = Workspace::new(core)?;
        workspace.set("TF_VAR_password", PASSWORD);
        workspace.write(CONFIGURATION)?;
        fs::create_dir_all(workspace.runtime.data_dir())?;
        let script = format!(
            "ip link set lo up\n\
             apply() {{ \"$TERRAFORM\" apply -auto-approve -no-color -input=false >\"$1\" 2>&1; echo $? >\"$1.code\"; }}\n\
             {steps}\n\
             \"$TERRAFORM\" destroy -auto-approve -no-color -input=false >destroyed 2>&1; echo $? >destroyed.code\n\
             ls \"$DATA/clusters\" >left\n\
             \"$RUNTIME\" stop >/dev/null\n"
        );
        let shell = ["-rnm", "sh", "-c", &script];
        let mut command = workspace.prepare_with(Path::new("unshare"), &shell);
        command
            .env("TERRAFORM", core)
            .env("RUNTIME", binaries::path("broker-runtime")?)
            .env("DATA", workspace.runtime.data_dir());
        program::succeed(&mut command, program::LIMIT)?;
        Ok(Self { workspace })
    }

    fn file(&self, name: &str) -> Result<String> {
        fs::read_to_string(self.workspace.path().join(name)).with_context(|| format!("{name} of the script"))
    }

    /// What a step printed, on one line; it ended with `code`.
    fn expect(&self, step: &str, code: i32, parts: &[&str]) -> Result<()> {
        let text = self.file(step)?;
        let ended = self.file(&format!("{step}.code"))?;
        ensure!(ended.trim() == code.to_string(), "{step} ended with {ended}:\n{text}");
        let flat = text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            ensure!(flat.contains(part), "{part:?} is not in:\n{text}");
        }
        let errors = flat.matches("Error: ").count();
        ensure!(errors == usize::from(code != 0), "{errors} errors in:\n{text}");
        Ok(())
    }

    /// The next apply and a destroy went well.
    fn expect_converged(&self) -> Result<()> {
        self.expect("again", 0, &["Apply complete!"])?;
        self.expect("destroyed", 0, &["Destroy complete!"])?;
        let left = self.file("left")?;
        ensure!(left.trim().is_empty(), "clusters are left: {left}");
        ensure!(
            self.workspace.runtime.processes("broker").is_empty(),
            "brokers are left"
        );
        Ok(())
    }
}

fn taken_port(core: &Path) -> Result<()> {
    let script = Script::run(
        core,
        "python3 -c 'import socket, time\n\
         listener = socket.create_server((\"0.0.0.0\", 9096))\n\
         open(\"listening\", \"w\")\n\
         time.sleep(120)' & squatter=$!\n\
         while ! [ -e listening ]; do kill -0 $squatter || exit 1; sleep 0.05; done\n\
         apply refused\n\
         ps -e -o args | grep '[b]roker-runtime broker' | grep \"$DATA\" >brokers\n\
         kill $squatter; wait $squatter\n\
         apply again",
    )?;
    script.expect(
        "refused",
        1,
        &[":9096 is taken by", "python3 (process", "stop that process"],
    )?;
    ensure!(script.file("brokers")?.is_empty(), "brokers of a failed cluster run");
    script.expect_converged()
}

fn full_disk(core: &Path) -> Result<()> {
    for size in ["64k", "400k"] {
        let script = Script::run(
            core,
            &format!(
                "mount -t tmpfs -o size={size} tmpfs \"$DATA\"\n\
                 apply refused\n\
                 mount -o remount,size=200m \"$DATA\"\n\
                 apply again"
            ),
        )?;
        script.expect("refused", 1, &["full"])?;
        script.expect_converged()?;
    }
    Ok(())
}
