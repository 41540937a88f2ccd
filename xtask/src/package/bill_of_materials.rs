//! What the two programs are made of, as CycloneDX 1.5: every crate that is linked in, with its version, licence and checksum.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::archive::VERSION;
use crate::step;

/// The packages that are shipped.
const SHIPPED: [&str; 2] = ["terraform-provider-msk", "broker-runtime"];

/// Asks cargo and writes the bill.
pub fn write(path: &Path) -> Result<()> {
    let mut cargo = step::program("cargo");
    cargo.args(["metadata", "--format-version", "1", "--locked"]);
    let metadata: Value = serde_json::from_slice(&step::quietly(&mut cargo)?.stdout)?;
    let lock = fs::read_to_string(step::repository().join("Cargo.lock"))?;
    let bill = bill(&metadata, &checksums(&lock))?;
    Ok(fs::write(path, format!("{bill:#}\n"))?)
}

/// Checksums of crates by name and version, out of the lock file.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, name: &str| {
        let line = block
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} = \"")))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let blocks = lock.split("[[package]]").skip(1);
    blocks
        .filter_map(|block| {
            Some((
                (value(block, "name")?, value(block, "version")?),
                value(block, "checksum")?,
            ))
        })
        .collect()
}

fn bill(metadata: &Value, checksums: &BTreeMap<(String, String), String>) -> Result<Value> {
    let packages: BTreeMap<&str, &Value> = list(&metadata["packages"])
        .filter_map(|package| Some((package["id"].as_str()?, package)))
        .collect();
    let nodes: BTreeMap<&str, &Value> = list(&metadata["resolve"]["nodes"])
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let mut waiting: Vec<&str> = packages
        .iter()
        .filter(|(_, package)| package["name"].as_str().is_some_and(|name| SHIPPED.contains(&name)))
        .map(|(id, _)| *id)
        .collect();
    let mut linked = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if linked.insert(id) {
            waiting.extend(linked_by(
                nodes.get(id).context("a package without dependencies listed")?,
            ));
        }
    }
    let components = linked.iter().map(|id| component(packages[id], checksums));
    let dependencies = linked.iter().map(|id| {
        let on: Vec<String> = linked_by(nodes[id]).map(|id| reference(packages[id])).collect();
        json!({ "ref": reference(packages[id]), "dependsOn": on })
    });
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": { "type": "application", "name": "terraform-provider-msk", "version": VERSION },
        },
        "components": components.collect::<Vec<_>>(),
        "dependencies": dependencies.collect::<Vec<_>>(),
    }))
}

/// The packages that a package links in: not those that only build or test it.
fn linked_by(node: &Value) -> impl Iterator<Item = &str> {
    let is_linked = |dependency: &&Value| list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null());
    list(&node["deps"])
        .filter(is_linked)
        .filter_map(|dependency| dependency["pkg"].as_str())
}

fn component(package: &Value, checksums: &BTreeMap<(String, String), String>) -> Value {
    let text = |name: &str| package[name].as_str().unwrap_or_default().to_owned();
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(package),
        "name": text("name"),
        "version": text("version"),
        "purl": reference(package),
    });
    if let Some(licence) = package["license"].as_str() {
        component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
    }
    if let Some(checksum) = checksums.get(&(text("name"), text("version"))) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

/// A package URL.
fn reference(package: &Value) -> String {
    let text = |name: &str| package[name].as_str().unwrap_or_default();
    format!("pkg:cargo/{}@{}", text("name"), text("version"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_linked_in_is_listed() {
        let package = |name: &str| json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0" });
        let on = |name: &str, kind: Value| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        let packages = ["broker-runtime", "linked", "builds", "tests", "elsewhere"].map(package);
        let metadata = json!({
            "packages": packages,
            "resolve": { "nodes": [
                { "id": "broker-runtime", "deps": [on("linked", Value::Null), on("builds", json!("build")), on("tests", json!("dev"))] },
                { "id": "linked", "deps": [] },
                { "id": "builds", "deps": [] },
                { "id": "tests", "deps": [] },
                { "id": "elsewhere", "deps": [on("linked", Value::Null)] },
            ] },
        });
        let lock = "[[package]]\nname = \"linked\"\nversion = \"1.0.0\"\nchecksum = \"c0ffee\"\n";
        let bill = bill(&metadata, &checksums(lock)).unwrap();
        let names: Vec<&str> = list(&bill["components"]).filter_map(|it| it["name"].as_str()).collect();
        assert_eq!(names, ["broker-runtime", "linked"]);
        assert_eq!(bill["components"][1]["hashes"][0]["content"], "c0ffee");
        assert_eq!(bill["components"][1]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(bill["dependencies"][0]["dependsOn"], json!(["pkg:cargo/linked@1.0.0"]));
    }
}
