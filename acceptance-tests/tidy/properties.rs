//! Every property that a person may set either has a reader, or is known to change nothing.

use std::{collections::BTreeSet, fs};

use acceptance_tests::{binaries, suite::Suite};
use anyhow::{Context, Result, ensure};
use server_properties::{
    Definition, GROUP_ASSIGNMENT_INTERVAL, GROUP_HEARTBEAT_INTERVAL, GROUP_SESSION_TIMEOUT, broker_synonyms,
    definitions, topic_definitions, unavailable, without_effect,
};

use crate::sources::{before_tests, files, is_test};

/// What acts on properties.
const ENGINE: [&str; 5] = [
    "kafka-broker",
    "kafka-log",
    "kafka-metadata",
    "engine-embedded",
    "control-plane",
];
/// Tiering is refused where a topic asks for it, beside the table itself.
const REFUSED: &str = "remote.storage.enable";

/// Adds the tests of this file.
pub fn add(suite: &mut Suite) {
    suite.test("properties_that_nothing_reads_are_known", readers);
    suite.test("properties_without_effect_are_documented", documented);
}

fn readers() -> Result<()> {
    let mut sources = String::new();
    for (path, text) in files(".rs")? {
        let acts = ENGINE
            .iter()
            .any(|name| path.starts_with(&format!("broker-runtime/{name}/")));
        if acts && !is_test(&path) {
            sources.push_str(before_tests(&text));
        }
    }
    let read = |name: &str| name == REFUSED || sources.contains(&format!("\"{name}\""));
    // A broker's property gives the topics' of the same meaning their default.
    let through_topics = |name: &str| {
        let synonym = |topic: &&Definition| broker_synonyms(topic.name).iter().any(|of| of.name == name);
        topic_definitions().iter().filter(synonym).any(|topic| read(topic.name))
    };
    // Those of groups stand in the table together with their bounds.
    let through_groups = |name: &str| {
        let of_groups = [
            ("GROUP_SESSION_TIMEOUT", GROUP_SESSION_TIMEOUT),
            ("GROUP_HEARTBEAT_INTERVAL", GROUP_HEARTBEAT_INTERVAL),
            ("GROUP_ASSIGNMENT_INTERVAL", GROUP_ASSIGNMENT_INTERVAL),
        ];
        let mut of_groups = of_groups.iter().filter(|(constant, _)| sources.contains(constant));
        of_groups.any(|(_, it)| [it.of_broker, it.min, it.max].contains(&name))
    };
    let settable = definitions().iter().filter(|it| it.may_be_configured());
    let unread: BTreeSet<&str> = settable
        .map(|it| it.name)
        .filter(|name| unavailable(name).is_none())
        .filter(|name| !read(name) && !through_topics(name) && !through_groups(name))
        .chain(topic_definitions().iter().map(|it| it.name).filter(|name| !read(name)))
        .collect();
    let forgotten: Vec<_> = unread.difference(without_effect()).collect();
    ensure!(
        forgotten.is_empty(),
        "nothing reads them, and without_effect.txt lacks them: {forgotten:?}"
    );
    let wrong: Vec<_> = without_effect().difference(&unread).collect();
    ensure!(
        wrong.is_empty(),
        "something reads them: remove them from without_effect.txt: {wrong:?}"
    );
    let both: Vec<_> = without_effect()
        .iter()
        .filter(|name| unavailable(name).is_some())
        .collect();
    ensure!(both.is_empty(), "they are refused, and not ignored: {both:?}");
    Ok(())
}

fn documented() -> Result<()> {
    let page = fs::read_to_string(binaries::repository().join("docs/guides/limits.md"))?;
    let (_, section) = page
        .split_once("## Properties without an effect")
        .context("the section")?;
    // In the first column of the tables, each in backquotes.
    let rows = section
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let shown: BTreeSet<&str> = rows
        .flat_map(|(names, _)| names.split(' '))
        .filter_map(|name| name.strip_prefix('`')?.strip_suffix('`'))
        .collect();
    let different: Vec<_> = shown.symmetric_difference(without_effect()).collect();
    ensure!(
        different.is_empty(),
        "docs/guides/limits.md and without_effect.txt differ in {different:?}"
    );
    Ok(())
}
