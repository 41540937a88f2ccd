//! Dependencies between crates that must not exist; ARCHITECTURE.md lists and explains them.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use acceptance_tests::{binaries, suite::Suite};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

type Dependencies = BTreeMap<String, BTreeSet<String>>;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite) {
    suite.test("edges_that_must_not_exist_do_not", forbidden);
    suite.test("every_dependency_has_its_sentence", sentences);
    suite.test("versions_stand_in_the_root_manifest_only", versions);
}

/// The triple of this machine; crates for other platforms need not have been downloaded.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names its host")?.to_owned())
}

/// Normal and build dependencies of each crate of the workspace, the indirect ones included.
fn dependencies() -> Result<Dependencies> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version=1",
            "--offline",
            "--filter-platform",
            &host()?,
        ])
        .current_dir(binaries::repository())
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let names: BTreeMap<String, String> = list(&metadata["packages"])
        .iter()
        .map(|it| (text(&it["id"]), text(&it["name"])))
        .collect();
    let mut direct: Dependencies = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let name = names.get(&text(&node["id"])).context("a package's name")?.clone();
        let normal = list(&node["deps"])
            .into_iter()
            .filter(|dependency| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev"));
        let targets = normal.filter_map(|it| names.get(&text(&it["pkg"])).cloned());
        direct.entry(name).or_default().extend(targets);
    }
    let members: Vec<String> = list(&metadata["workspace_members"])
        .iter()
        .filter_map(|id| names.get(&text(id)).cloned())
        .collect();
    Ok(members
        .into_iter()
        .map(|member| (member.clone(), reachable(&direct, &member)))
        .collect())
}

fn reachable(direct: &Dependencies, from: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut todo = vec![from.to_owned()];
    while let Some(name) = todo.pop() {
        for next in direct.get(&name).into_iter().flatten() {
            if found.insert(next.clone()) {
                todo.push(next.clone());
            }
        }
    }
    found
}

/// A crate, and those that it may not depend on, directly or not.
type Rule<'a> = (&'static str, Vec<&'a str>);

/// Crates of the runtime, by what they are.
struct Runtime<'a> {
    all: Vec<&'a str>,
    kafka: Vec<&'a str>,
    engines: Vec<&'a str>,
}

impl<'a> Runtime<'a> {
    fn of(all: &'a Dependencies) -> Self {
        let provider = ["tfplugin-proto", "control-plane-client", "terraform-provider-msk"];
        let all: Vec<&str> = all
            .keys()
            .map(String::as_str)
            .filter(|name| !name.starts_with("plugin-framework") && !provider.contains(name))
            .filter(|name| !["acceptance-tests", "benchmarks", "xtask"].contains(name))
            .collect();
        let starts = |prefix: &str| {
            all.iter()
                .copied()
                .filter(|it| it.starts_with(prefix))
                .collect::<Vec<_>>()
        };
        Self {
            kafka: [starts("kafka-"), starts("kraft-")].concat(),
            engines: starts("engine-"),
            all,
        }
    }

    fn provider(&self) -> Vec<Rule<'a>> {
        let api_only = without(&self.all, &["control-plane-api", "server-properties"]);
        vec![
            ("plugin-framework", [&self.all[..], &["control-plane-client"]].concat()),
            ("tfplugin-proto", self.all.clone()),
            ("control-plane-client", api_only.clone()),
            ("terraform-provider-msk", api_only),
        ]
    }

    fn control_plane(&self) -> Vec<Rule<'a>> {
        let not_ours = [
            "control-plane",
            "control-plane-api",
            "axum",
            "rusqlite",
            "kafka-broker",
            "kafka-log",
        ];
        let only_hosts = ["engine-embedded", "supervisor", "host-agent"];
        let of_clusters = ["supervisor", "control-plane", "hosts"];
        vec![
            (
                "control-plane",
                [&self.kafka[..], &self.engines, &["supervisor"]].concat(),
            ),
            (
                "engine",
                [&self.kafka[..], &self.engines, &["supervisor", "control-plane"]].concat(),
            ),
            ("engine-embedded", not_ours.to_vec()),
            ("engine-kafka", [&not_ours[..], &only_hosts].concat()),
            ("cluster-files", [&self.kafka[..], &self.engines, &of_clusters].concat()),
        ]
    }

    fn brokers(&self) -> Vec<Rule<'a>> {
        let sockets = ["tokio", "hyper", "axum", "socket2", "rustls"];
        let above = ["control-plane", "engine", "engine-embedded", "supervisor"];
        vec![
            ("kafka-codec", [&sockets[..], &["clock"]].concat()),
            ("kafka-metadata", sockets.to_vec()),
            ("kraft-snapshot", sockets.to_vec()),
            ("kafka-broker", above.to_vec()),
            ("exporter", without(&self.all, &["exporter", "exposition"])),
        ]
    }

    fn hosts(&self) -> Vec<Rule<'a>> {
        let agent = ["host-agent", "host-link", "hosts", "supervisor", "clock"];
        vec![
            (
                "supervisor",
                [&self.kafka[..], &self.engines, &["engine", "control-plane"]].concat(),
            ),
            ("hosts", without(&self.all, &["hosts"])),
            ("host-link", without(&self.all, &["host-link", "hosts", "clock"])),
            ("host-agent", without(&self.all, &agent)),
        ]
    }
}

fn forbidden() -> Result<()> {
    let all = dependencies()?;
    let runtime = Runtime::of(&all);
    let rules = [
        runtime.provider(),
        runtime.control_plane(),
        runtime.brokers(),
        runtime.hosts(),
    ]
    .concat();
    let mut broken = Vec::new();
    for (from, to) in rules {
        let found = all.get(from).with_context(|| format!("there is no crate {from}"))?;
        broken.extend(
            to.iter()
                .filter(|it| found.contains(**it))
                .map(|it| format!("{from} → {it}")),
        );
    }
    ensure!(broken.is_empty(), "edges that must not exist: {broken:?}");
    Ok(())
}

fn without<'a>(all: &[&'a str], allowed: &[&str]) -> Vec<&'a str> {
    all.iter().copied().filter(|it| !allowed.contains(it)).collect()
}

fn sentences() -> Result<()> {
    let manifest = std::fs::read_to_string(binaries::repository().join("Cargo.toml"))?;
    let section = manifest
        .split("[workspace.dependencies]")
        .nth(1)
        .context("[workspace.dependencies]")?;
    let section = section.split("\n[").next().unwrap_or_default();
    let bare: Vec<&str> = section
        .lines()
        .filter(|line| line.contains(" = ") && !line.starts_with('#') && !line.contains("path = "))
        .filter(|line| line.split_once(" # ").is_none_or(|(_, sentence)| sentence.len() < 15))
        .collect();
    ensure!(bare.is_empty(), "dependencies without a sentence: {bare:#?}");
    Ok(())
}

fn versions() -> Result<()> {
    let mut bad = Vec::new();
    for (path, text) in crate::sources::files("Cargo.toml")? {
        let dependencies = text.split("dependencies]").skip(1);
        let own = dependencies.flat_map(|it| it.split("\n[").next().unwrap_or_default().lines());
        bad.extend(
            own.filter(|line| line.contains('=') && !line.contains("workspace = true"))
                .map(|line| format!("{path}: {line}")),
        );
    }
    ensure!(bad.is_empty(), "{bad:#?}");
    Ok(())
}
