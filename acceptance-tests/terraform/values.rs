//! Values that go-cty has written, which is what cores write with, are read as what they are, and what we write is read by go-cty as
//! what it was: random values of random types, unknowns with refinements among them.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use acceptance_tests::{program, suite::Suite, tools::Tools};
use anyhow::{Context, Result, anyhow, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use plugin_framework::value::{Type, decode, encode, from_json};
use rand::RngExt;
use serde_json::Value as Json;

/// How many values.
const COUNT: usize = 5_000;
const LIMIT: Duration = Duration::from_secs(60);

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    suite.test_with(
        "values_of_go_cty_make_the_round_trip",
        "Go",
        tools.go_cty.clone(),
        |go_cty: PathBuf| {
            // A seed that has found something is worth a line here.
            let seed = rand::rng().random_range(0..u64::MAX);
            round_trip(&go_cty, seed).with_context(|| format!("with seed {seed}"))
        },
    );
}

fn round_trip(go_cty: &Path, seed: u64) -> Result<()> {
    let (seed, count) = (seed.to_string(), COUNT.to_string());
    let made = program::succeed(Command::new(go_cty).args(["make", &seed, &count]), LIMIT)?;
    let lines = made.stdout.lines().map(again).collect::<Result<Vec<_>>>()?;
    ensure!(lines.len() == COUNT, "{} values were made", lines.len());
    let mut check = Command::new(go_cty)
        .args(["check", &seed, &count])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // It reads all of it, or ends and says why.
    let written = check
        .stdin
        .take()
        .context("standard input")?
        .write_all(lines.concat().as_bytes());
    let mut said = String::new();
    check
        .stderr
        .take()
        .context("standard error")?
        .read_to_string(&mut said)?;
    ensure!(check.wait()?.success(), "go-cty reads something else: {said}");
    Ok(written?)
}

/// The bytes of a line, read and written again.
fn again(line: &str) -> Result<String> {
    let made: Json = serde_json::from_str(line)?;
    let of = Type::from_json(&made["type"]).with_context(|| format!("the type in {line}"))?;
    let bytes = STANDARD.decode(made["msgpack"].as_str().context("bytes")?)?;
    let value = decode(&bytes, &of).map_err(|error| anyhow!("{error} in {line}"))?;
    if let Some(stored) = made.get("json") {
        let stored = from_json(stored, &of).map_err(|error| anyhow!("{error} in {line}"))?;
        ensure!(
            stored.equals(&value, &of),
            "{stored:?} is stored, {value:?} was sent, in {line}"
        );
    }
    Ok(STANDARD.encode(encode(&value, &of)) + "\n")
}
