//! The documentation says what the provider does: generated pages are up to date, and every example of a data source and of a
//! function can be applied as it stands.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use acceptance_tests::{binaries, program, registry_docs, suite::Suite, terraform::Workspace, tools::Tools};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::for_each_core;

/// How long a check of pages may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What the examples look for.
const THERE: &str = r#"
terraform {
  required_providers {
    msk = { source = "openmsk/msk" }
  }
}

resource "msk_configuration" "there" {
  name              = "orders"
  server_properties = "log.retention.hours = 24"
}

resource "msk_cluster" "there" {
  cluster_name           = "orders"
  number_of_broker_nodes = 3
  configuration_info {
    arn      = msk_configuration.there.arn
    revision = msk_configuration.there.latest_revision
  }
  client_authentication {
    unauthenticated = true
    sasl {
      scram = true
    }
  }
}

resource "msk_scram_secret" "there" {
  cluster_arn         = msk_cluster.there.arn
  username            = "app"
  password_wo         = "Planted-2d7b-password"
  password_wo_version = 1
}

resource "msk_acl" "there" {
  cluster_arn   = msk_cluster.there.arn
  resource_type = "TOPIC"
  resource_name = "events"
  principal     = "User:app"
  operation     = "READ"
}

resource "msk_quota" "there" {
  cluster_arn        = msk_cluster.there.arn
  user               = "app"
  producer_byte_rate = 1048576
}

resource "msk_cluster_policy" "there" {
  cluster_arn = msk_cluster.there.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::000000000000:user/reader" }
      Action    = ["kafka:DescribeCluster"]
      Resource  = msk_cluster.there.arn
    }]
  })
}

resource "msk_topic" "there" {
  cluster_arn        = msk_cluster.there.arn
  name               = "events"
  partition_count    = 6
  replication_factor = 3
}
"#;

/// What the examples of lists in a cluster begin with.
const CLUSTER_VARIABLE: &str = "variable \"cluster_arn\" {\n  type = string\n}\n\n";

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    suite.test_with(
        "generated_pages_say_what_the_schema_says",
        "the newest terraform",
        tools.newest_terraform.clone(),
        up_to_date,
    );
    suite.test_with(
        "lists_and_actions_of_the_examples_are_understood",
        "the newest terraform",
        tools.newest_terraform.clone(),
        lists_and_actions,
    );
    suite.test_with(
        "pages_are_as_the_registry_wants_them",
        "tfplugindocs",
        tools.tfplugindocs.clone(),
        valid,
    );
    suite.test_with(
        "configurations_in_pages_and_examples_are_formatted",
        "terraform",
        tools.terraform.clone(),
        formatted,
    );
    for_each_core(suite, tools, "examples_of_data_sources_and_functions_apply", examples);
    for_each_core(suite, tools, "what_is_looked_for_in_vain_is_told", in_vain);
    for_each_core(suite, tools, "example_folders_apply", folders);
}

fn up_to_date(terraform: PathBuf) -> Result<()> {
    let root = binaries::repository();
    let schema = registry_docs::schema(&terraform)?;
    let known: Value = serde_json::from_slice(&fs::read(root.join(registry_docs::SCHEMA_FILE))?)?;
    ensure!(
        known == schema,
        "{} is not what the provider says: run cargo xtask docs, and look at what changed as a user would",
        registry_docs::SCHEMA_FILE
    );
    let pages = registry_docs::pages(&schema, &root.join("examples"))?;
    ensure!(pages.len() > 20, "{} pages", pages.len());
    for (path, text) in &pages {
        let written = fs::read_to_string(root.join("docs").join(path)).unwrap_or_default();
        ensure!(written == *text, "docs/{path} is not up to date: run cargo xtask docs");
    }
    for folder in registry_docs::folders() {
        let there = fs::read_dir(root.join("docs").join(folder))?.count();
        let made = pages.keys().filter(|path| path.starts_with(folder)).count();
        ensure!(there == made, "docs/{folder} has {there} pages, and {made} are made");
    }
    Ok(())
}

/// The checker knows HashiCorp's providers by their names alone, so it is told that ours is one.
fn valid(tfplugindocs: PathBuf) -> Result<()> {
    let root = binaries::repository();
    let schema: Value = serde_json::from_slice(&fs::read(root.join(registry_docs::SCHEMA_FILE))?)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("schema.json");
    let named = json!({ "registry.terraform.io/hashicorp/msk": schema });
    fs::write(
        &file,
        json!({ "format_version": "1.0", "provider_schemas": named }).to_string(),
    )?;
    let mut validate = Command::new(tfplugindocs);
    validate
        .args(["validate", "--provider-name", "msk", "--provider-dir"])
        .arg(&root);
    program::succeed(validate.arg("--providers-schema").arg(&file), LIMIT)?;
    Ok(())
}

/// As `terraform fmt` would write it: every example, and every piece of a configuration in a page.
fn formatted(terraform: PathBuf) -> Result<()> {
    let root = binaries::repository();
    let mut pages = vec![root.join("README.md")];
    for folder in fs::read_dir(root.join("docs"))? {
        let folder = folder?.path();
        if folder.is_dir() {
            for page in fs::read_dir(folder)? {
                pages.push(page?.path());
            }
        } else {
            pages.push(folder);
        }
    }
    let workspace = Workspace::new(&terraform)?;
    let mut count = 0;
    for page in pages
        .iter()
        .filter(|page| page.extension().is_some_and(|it| it == "md"))
    {
        let text = fs::read_to_string(page)?;
        let name = page.file_stem().context("a name")?.to_string_lossy();
        for piece in text
            .split("```terraform\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next())
        {
            count += 1;
            fs::write(workspace.path().join(format!("{name}-{count}.tf")), piece)?;
        }
    }
    ensure!(count > 40, "{count} pieces");
    workspace.succeed(&["fmt", "-check", "-diff"])?;
    let examples = root.join("examples").display().to_string();
    workspace.succeed(&["fmt", "-check", "-diff", "-recursive", &examples])?;
    Ok(())
}

/// The examples below a folder, each with the name of its own.
fn example_files(folder: &str) -> Result<Vec<(String, String)>> {
    let folder = binaries::repository().join("examples").join(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file = fs::read_dir(entry.path())?.next().context("an example")??;
        let name = entry.file_name().to_string_lossy().into_owned();
        found.push((name, fs::read_to_string(file.path())?));
    }
    Ok(found)
}

fn examples(core: PathBuf) -> Result<()> {
    let workspace = Workspace::new(&core)?;
    workspace.write(THERE)?;
    workspace.apply()?;
    let mut count = 0;
    for folder in ["data-sources", "functions"] {
        for (name, text) in example_files(folder)? {
            fs::write(workspace.path().join(format!("{folder}-{name}.tf")), text)?;
            count += 1;
        }
    }
    ensure!(count > 10, "{count} examples");
    workspace.apply()?;
    // What lists configurations has not seen the one that an example has just made.
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let expected = [
        ("retention_hours", "24"),
        ("events_partitions", "6"),
        ("partitions_by_topic", "{\"events\":6}"),
        ("app_may", "[\"READ events\"]"),
        ("app_bytes_a_second", "1048576"),
        ("users_with_quotas", "[\"app\"]"),
        ("app_secret", "AmazonMSK_orders_app"),
        ("secrets", "[\"AmazonMSK_orders_app\"]"),
        ("allowed_actions", "[\"kafka:DescribeCluster\"]"),
        ("newest_version", "4.2.x.kraft"),
        ("kafka_version", "4.2.x.kraft"),
        ("cluster_uuid", "9d2e7c1a-1"),
        ("min_insync_replicas", "2"),
        ("clusters_in_trouble", "[]"),
        ("brokers", "[\"127.16.0.1:9094\",\"127.16.0.2:9094\"]"),
    ];
    for (name, expected) in expected {
        let value = workspace.output(name)?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        ensure!(value == expected, "{name} is {value}");
    }
    let zones = workspace.output("brokers_by_zone")?;
    ensure!(zones.as_object().is_some_and(|zones| zones.len() == 3), "{zones}");
    let endpoints = workspace.output("tls_endpoints")?;
    ensure!(endpoints.as_array().is_some_and(|all| all.len() == 3), "{endpoints}");
    Ok(())
}

/// A query over everything there is, and each action invoked.
fn lists_and_actions(core: PathBuf) -> Result<()> {
    let mut workspace = Workspace::new(&core)?;
    let mut configuration = THERE.replace("\"there\"", "\"orders\"").replace(".there.", ".orders.");
    let actions = example_files("actions")?;
    for (_, text) in &actions {
        configuration += text;
    }
    workspace.write(&configuration)?;
    workspace.apply()?;
    for (name, _) in &actions {
        let address = configuration.lines().find_map(|line| {
            line.strip_prefix(&format!("action \"{name}\" \""))?
                .strip_suffix("\" {")
        });
        let invoke = format!("-invoke=action.{name}.{}", address.context("an action")?);
        workspace.succeed(&["apply", "-auto-approve", "-no-color", "-input=false", &invoke])?;
    }
    workspace.write(&format!(
        "{configuration}\noutput \"arn\" {{\n  value = msk_cluster.orders.arn\n}}\n"
    ))?;
    workspace.apply()?;
    let arn = workspace.output("arn")?.as_str().context("arn")?.to_owned();
    let mut count = 0;
    for (name, text) in example_files("list-resources")? {
        // What is said twice may stand there once.
        let text = text.replace(CLUSTER_VARIABLE, "");
        fs::write(workspace.path().join(format!("{name}.tfquery.hcl")), text)?;
        count += 1;
    }
    ensure!(count == 10, "{count} lists");
    fs::write(workspace.path().join("variables.tfquery.hcl"), CLUSTER_VARIABLE)?;
    workspace.set("TF_VAR_cluster_arn", &arn);
    let found = workspace.succeed(&["query", "-no-color"])?.stdout;
    ensure!(found.contains("name=events"), "{found}");
    Ok(())
}

/// Each as its head says. The quickstart has a test of its own.
fn folders(core: PathBuf) -> Result<()> {
    let example = |name: &str| fs::read_to_string(binaries::repository().join("examples").join(name).join("main.tf"));
    let mut workspace = Workspace::new(&core)?;
    workspace.write(&example("monitoring")?)?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let prometheus = workspace.output("prometheus")?;
    let prometheus = prometheus.as_str().unwrap_or_default().to_owned();
    let targets = |port: &str| prometheus.matches(port).count();
    ensure!(targets(":11001") == 3 && targets(":11002") == 3, "{prometheus}");
    workspace.write(&example("scale-out")?)?;
    for brokers in [None, Some("5"), None] {
        workspace.set("TF_VAR_brokers", brokers.unwrap_or("3"));
        workspace.apply()?;
        workspace.expect_empty_plan()?;
        let bootstrap = workspace.output("bootstrap_brokers_tls")?;
        ensure!(bootstrap.as_str().is_some_and(|it| !it.is_empty()), "{bootstrap}");
    }
    workspace.destroy()?;
    for_tests(&core, &example("ci-tests")?)?;
    for_teams(&core)
}

/// The runtime is in the folder itself, as the example has it.
fn for_tests(core: &Path, text: &str) -> Result<()> {
    let workspace = Workspace::new(core)?;
    let folder = workspace.runtime.data_dir().display().to_string();
    ensure!(
        text.contains("${path.root}/.openmsk-tests"),
        "the example has a directory of its own"
    );
    workspace.write(&text.replace("${path.root}/.openmsk-tests", &folder))?;
    workspace.apply()?;
    workspace.expect_empty_plan()?;
    let bootstrap = workspace.output("bootstrap_brokers")?;
    ensure!(
        bootstrap.as_str().is_some_and(|it| it.ends_with(":9092")),
        "{bootstrap}"
    );
    workspace.destroy()?;
    Ok(())
}

/// The example and the module that it uses, side by side.
fn for_teams(core: &Path) -> Result<()> {
    let mut workspace = Workspace::new(core)?;
    workspace.set(
        "TF_VAR_passwords",
        r#"{"shop":"only-for-this-test-1","reporting":"only-for-this-test-2"}"#,
    );
    let examples = binaries::repository().join("examples");
    for folder in ["team-platform", "modules/kafka"] {
        let target = workspace.path().join(folder);
        fs::create_dir_all(&target)?;
        for entry in fs::read_dir(examples.join(folder))? {
            let entry = entry?;
            if entry.path().is_file() {
                fs::copy(entry.path(), target.join(entry.file_name()))?;
            }
        }
    }
    let run = |arguments: &[&str]| workspace.succeed(&[&["-chdir=team-platform"], arguments].concat());
    // The module is installed; the provider is there already.
    run(&["get"])?;
    run(&["apply", "-auto-approve", "-no-color", "-input=false"])?;
    run(&["plan", "-detailed-exitcode", "-no-color", "-input=false"])?;
    let listed = run(&["state", "list"])?.stdout;
    for there in [
        "module.kafka.msk_topic.topics[\"orders\"]",
        "msk_quota.teams[\"reporting\"]",
    ] {
        ensure!(listed.contains(there), "{there} is not in:\n{listed}");
    }
    run(&["destroy", "-auto-approve", "-no-color", "-input=false"])?;
    Ok(())
}

fn in_vain(core: PathBuf) -> Result<()> {
    let wrong = [
        (
            "data \"msk_cluster\" \"it\" {\n  cluster_name = \"nobody\"\n}\n",
            "There is no cluster \"nobody\"",
        ),
        (
            "data \"msk_topics\" \"it\" {\n  cluster_arn = \"orders\"\n}\n",
            "is not the ARN of a cluster",
        ),
        (
            "data \"msk_kafka_version\" \"it\" {\n  version = \"1.0\"\n}\n",
            "The runtime offers",
        ),
        (
            "output \"it\" {\n  value = provider::msk::topic_arn(\"orders\", \"a\")\n}\n",
            "is not the ARN of a cluster",
        ),
        (
            "output \"it\" {\n  value = provider::msk::server_properties({ \"no.such\" = 1 })\n}\n",
            "no.such",
        ),
    ];
    let workspace = Workspace::new(&core)?;
    let required = THERE.split("resource").next().unwrap_or_default();
    for (text, says) in wrong {
        workspace.write(&format!("{required}{text}"))?;
        let refused = workspace.fail(&["plan", "-no-color", "-input=false"])?.text();
        let flat = refused
            .replace('│', " ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        ensure!(flat.contains(says), "{says:?} is not in:\n{refused}");
    }
    Ok(())
}
