//! The provider under OpenTofu, beside resources that are built into the core, and beside providers in Go: the smallest possible one, and
//! one on HashiCorp's framework (`acceptance-tests/programs/peer-providers`). All of them run in turn, round by round.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use acceptance_tests::{binaries, terraform::Workspace, tools::Tools};
use anyhow::{Context, Result, ensure};

use crate::{
    Scale,
    core_run::{Runs, memory_of_provider},
    process,
    report::{Goal, Report, Spread},
};

/// The cookie of Terraform's plugin protocol.
const COOKIE: (&str, &str) = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);
/// So often each plan of one resource is made; it is short, and so is what is measured of it.
const SHORT_ROUNDS: usize = 20;
/// Arguments of a plan that must have nothing to do.
const PLAN: [&str; 5] = ["plan", "-detailed-exitcode", "-no-color", "-input=false", "-lock=false"];
/// Arguments of an apply.
const APPLY: [&str; 4] = ["apply", "-auto-approve", "-no-color", "-input=false"];
/// Arguments of an apply that leaves none of the many.
const APPLY_NONE: [&str; 6] = ["apply", "-auto-approve", "-no-color", "-input=false", "-var", "n=0"];

const CLUSTER: &str = r#"
resource "msk_cluster" "this" {
  cluster_name           = "bench"
  number_of_broker_nodes = 1
}
"#;
const ONE_DATA: &str = r#"
resource "terraform_data" "this" {
  input = 1
}
"#;
const ONE_TWO: &str = r#"
resource "smallest_two" "this" {
  name = "a"
}
"#;
const DATA: &str = r#"
resource "terraform_data" "this" {
  count = var.n
  input = "name-${count.index}"
}
"#;
const TWO: &str = r#"
resource "smallest_two" "this" {
  count = var.n
  name  = "name-${count.index}"
}
"#;
const TOPICS: &str = r#"
resource "msk_topic" "this" {
  count              = var.n
  cluster_arn        = msk_cluster.this.arn
  name               = "topic-${count.index}"
  partition_count    = 1
  replication_factor = 1
}
"#;
/// The same with a cluster that is nobody's; the name of its type is still open.
const KEPT_TOPICS: &str = r#"
resource "TYPE" "this" {
  count              = var.n
  cluster_arn        = "arn:aws:kafka:us-east-1:000000000000:cluster/bench/00000000-0000-4000-8000-000000000000-1"
  name               = "topic-${count.index}"
  partition_count    = 1
  replication_factor = 1
}
"#;
/// Fourteen attributes; the name of its type is still open.
const WIDE: &str = r#"
resource "TYPE" "this" {
  count  = var.n
  name   = "name-${count.index}"
  text_1 = "one"
  text_2 = "two"
  text_3 = "three"
  text_4 = "four"
  size_1 = 1
  size_2 = 22
  size_3 = 333
  size_4 = 4444
  flag_1 = true
  flag_2 = false
  flag_3 = true
  flag_4 = false
}
"#;

/// One configuration, applied, and what its runs took.
struct Subject {
    workspace: Workspace,
    plans: Runs,
    applies: Runs,
}

impl Subject {
    /// A configuration with some resources, of the providers that its resources are named after.
    fn new(core: &Path, resources: &str) -> Result<Self> {
        let workspace = Workspace::new(core)?;
        workspace.set_cli_configuration(&overrides()?)?;
        let known = [
            ("msk", "openmsk"),
            ("sample", "peer"),
            ("smallest", "peer"),
            ("framework", "peer"),
        ];
        let needed = known
            .iter()
            .filter(|(name, _)| resources.contains(&format!("\"{name}_")));
        let needed: String = needed
            .map(|(name, owner)| format!("    {name} = {{ source = \"{owner}/{name}\" }}\n"))
            .collect();
        workspace.write(&format!(
            "terraform {{\n  required_providers {{\n{needed}  }}\n}}\nvariable \"n\" {{\n  default = 1000\n}}\n{resources}"
        ))?;
        Ok(Self {
            workspace,
            plans: Runs::default(),
            applies: Runs::default(),
        })
    }

    /// Applied, and so ready for plans that have nothing to do.
    fn applied(core: &Path, resources: &str) -> Result<Self> {
        let subject = Self::new(core, resources)?;
        subject.workspace.apply()?;
        Ok(subject)
    }

    fn plan(&mut self) -> Result<()> {
        self.plans.run(&self.workspace, &PLAN)
    }

    /// Applies all of the many, after none of them is there any more.
    fn apply(&mut self) -> Result<()> {
        self.workspace.succeed(&APPLY_NONE)?;
        self.applies.run(&self.workspace, &APPLY)
    }
}

/// CLI configuration with our provider, the sample on our framework, and the peers.
fn overrides() -> Result<String> {
    let peers = Tools::directory().join("peer-providers");
    ensure!(
        peers.join("terraform-provider-smallest").is_file(),
        "the providers in Go are not built: `cargo xtask bench` builds them"
    );
    let ours = binaries::directory()?;
    let sources: [(&str, &PathBuf); 4] = [
        ("openmsk/msk", &ours),
        ("peer/sample", &ours),
        ("peer/smallest", &peers),
        ("peer/framework", &peers),
    ];
    let overrides = sources.map(|(source, folder)| format!("    \"{source}\" = \"{}\"\n", folder.display()));
    Ok(format!(
        "provider_installation {{\n  dev_overrides {{\n{}  }}\n  direct {{}}\n}}\n",
        overrides.concat()
    ))
}

/// Starts of the plugin, and plans of one resource.
pub fn measure_one(_scale: Scale, report: &mut Report) -> Result<()> {
    let core = Tools::load().tofu.context("OpenTofu")?;
    handshake(report)?;
    one(&core, report)
}

/// Plans and applies of a thousand resources.
pub fn measure_many(scale: Scale, report: &mut Report) -> Result<()> {
    let core = Tools::load().tofu.context("OpenTofu")?;
    many(&core, scale, report)
}

/// From `fork` to the handshake line, with a client certificate as Terraform sends one.
fn handshake(report: &mut Report) -> Result<()> {
    let certificate = client_certificate()?;
    let mut times = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..SHORT_ROUNDS {
        let mut command = Command::new(binaries::path("terraform-provider-msk")?);
        command
            .env(COOKIE.0, COOKIE.1)
            .env("PLUGIN_PROTOCOL_VERSIONS", "6")
            .env("PLUGIN_CLIENT_CERT", &certificate);
        command.env("PLUGIN_MIN_PORT", "10000").env("PLUGIN_MAX_PORT", "25000");
        let start = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("output")?).read_line(&mut line)?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        ensure!(line.starts_with("1|6|unix|"), "{line}");
        memory.push(process::resident_megabytes(i32::try_from(child.id())?)?);
        child.kill()?;
        child.wait()?;
    }
    report.limit("plugin: start to handshake line", "ms", Spread::of(&times), 3.0);
    report.limit("plugin: memory after the handshake", "MiB", Spread::of(&memory), 12.0);
    Ok(())
}

/// A P-521 certificate as go-plugin makes one.
fn client_certificate() -> Result<String> {
    let folder = tempfile::tempdir()?;
    let arguments =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-521 -nodes -keyout key.pem -days 1 -subj /CN=localhost";
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder.path())
        .output()?;
    ensure!(
        output.status.success(),
        "openssl: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Plans of one resource with nothing to do: what it costs that there is a provider at all.
fn one(core: &Path, report: &mut Report) -> Result<()> {
    let mut ours = Subject::applied(core, CLUSTER)?;
    let mut bare = Subject::applied(core, ONE_DATA)?;
    let mut smallest = Subject::applied(core, ONE_TWO)?;
    for _ in 0..SHORT_ROUNDS {
        for subject in [&mut bare, &mut ours, &mut smallest] {
            subject.plan()?;
        }
    }
    let title = "no-op plan, one msk_cluster: longer than one terraform_data";
    report.limit(title, "ms", ours.plans.longer_ms(&bare.plans), 40.0);
    let (ours_ms, smallest_ms) = (ours.plans.wall_ms(), smallest.plans.wall_ms());
    report.compare("the same, against terraform_data", "ms", ours_ms, bare.plans.wall_ms());
    report.compare(
        "the same, against one of the smallest Go provider",
        "ms",
        ours_ms,
        smallest_ms,
    );
    let (mut resident, mut proportional) = (Vec::new(), Vec::new());
    for _ in 0..SHORT_ROUNDS {
        // A provider that came and went between two looks was not seen.
        if let Some((rss, pss)) = memory_of_provider(&ours.workspace, &PLAN)? {
            resident.push(rss);
            proportional.push(pss);
        }
    }
    report.limit(
        "plugin: most resident memory in that plan",
        "MiB",
        Spread::of(&resident),
        10.0,
    );
    report.limit("plugin: the same, proportional", "MiB", Spread::of(&proportional), 10.0);
    Ok(())
}

/// A thousand resources of each kind.
struct Many {
    bare: Subject,
    topics: Subject,
    two: Subject,
    kept: Subject,
    framework: Subject,
    wide: Subject,
    framework_wide: Subject,
}

/// Plans and applies of a thousand resources.
fn many(core: &Path, scale: Scale, report: &mut Report) -> Result<()> {
    let mut many = Many {
        bare: Subject::applied(core, DATA)?,
        topics: Subject::applied(core, &format!("{CLUSTER}{TOPICS}"))?,
        two: Subject::applied(core, TWO)?,
        kept: Subject::applied(core, &KEPT_TOPICS.replace("TYPE", "smallest_topic"))?,
        framework: Subject::applied(core, &KEPT_TOPICS.replace("TYPE", "framework_topic"))?,
        wide: Subject::applied(core, &WIDE.replace("TYPE", "sample_wide"))?,
        framework_wide: Subject::applied(core, &WIDE.replace("TYPE", "framework_wide"))?,
    };
    // The first plan after an apply gives up the tokens of what was made.
    many.topics.workspace.expect_empty_plan()?;
    plans(&mut many, scale, report)?;
    applies(&mut many, scale, report)?;
    memory(&many.topics, &many.framework, report)
}

fn plans(many: &mut Many, scale: Scale, report: &mut Report) -> Result<()> {
    for _ in 0..scale.rounds {
        for subject in [
            &mut many.bare,
            &mut many.topics,
            &mut many.two,
            &mut many.kept,
            &mut many.framework,
            &mut many.wide,
            &mut many.framework_wide,
        ] {
            subject.plan()?;
        }
    }
    let mut compare = |what: &str, ours: &Subject, theirs: &Subject, goal: Option<f64>| {
        let title = format!("no-op plan, 1,000 {what}");
        report.compare_with_goal(
            &title,
            "s",
            ours.plans.wall_s(),
            theirs.plans.wall_s(),
            goal.map(Goal::AtMost),
        );
        report.compare("the same, CPU", "s", ours.plans.cpu_s(), theirs.plans.cpu_s());
    };
    let bare = &many.bare;
    compare("msk_topic, against terraform_data", &many.topics, bare, Some(1.3));
    for (peer, theirs) in [
        ("the smallest Go provider with 2 attributes", &many.two),
        ("the same with the attributes of msk_topic", &many.kept),
        ("the same on Go's framework", &many.framework),
    ] {
        compare(&format!("msk_topic, against {peer}"), &many.topics, theirs, Some(1.0));
    }
    let title = "of 14 attributes on our framework, against";
    compare(&format!("{title} terraform_data"), &many.wide, bare, Some(2.0));
    compare(
        &format!("{title} Go's framework"),
        &many.wide,
        &many.framework_wide,
        Some(1.0),
    );
    let title = "of the smallest Go provider instead of ours, against terraform_data";
    compare(&format!("{title}, 2 attributes"), &many.two, bare, None);
    compare(&format!("{title}, attributes of msk_topic"), &many.kept, bare, None);
    Ok(())
}

fn applies(many: &mut Many, scale: Scale, report: &mut Report) -> Result<()> {
    for _ in 0..scale.rounds {
        for subject in [&mut many.bare, &mut many.topics, &mut many.framework] {
            subject.apply()?;
        }
    }
    let ours = &many.topics.applies;
    for (peer, theirs, goal) in [
        ("terraform_data", &many.bare.applies, 4.0),
        ("the same on Go's framework", &many.framework.applies, 1.0),
    ] {
        let title = format!("apply, 1,000 msk_topic, against {peer}");
        report.compare_with_goal(&title, "s", ours.wall_s(), theirs.wall_s(), Some(Goal::AtMost(goal)));
        report.compare("the same, CPU", "s", ours.cpu_s(), theirs.cpu_s());
    }
    Ok(())
}

/// Memory of the provider with a thousand resources: looked at once, as it hardly differs from run to run.
fn memory(ours: &Subject, theirs: &Subject, report: &mut Report) -> Result<()> {
    for (title, arguments) in [("plan", &PLAN[..]), ("apply", &APPLY[..])] {
        let mut most = Vec::new();
        for subject in [ours, theirs] {
            if title == "apply" {
                subject.workspace.succeed(&APPLY_NONE)?;
            }
            let (resident, _) = memory_of_provider(&subject.workspace, arguments)?.context("a provider to look at")?;
            most.push(Spread::of(&[resident]));
        }
        let title = format!("most resident memory of the provider in that {title}, against Go's framework");
        report.compare_with_goal(&title, "MiB", most[0], most[1], Some(Goal::AtMost(0.25)));
    }
    Ok(())
}
