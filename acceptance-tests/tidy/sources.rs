//! Rules about single files: headers, sizes, and who may read the clock and the environment.

use std::{fs, path::Path};

use acceptance_tests::{binaries, suite::Suite};
use anyhow::{Result, ensure};

/// Lines a file may have before its tests.
const LINES: usize = 500;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite) {
    suite.test("every_file_says_what_it_is_for", headers);
    suite.test("no_file_is_longer_than_one_can_hold_in_mind", sizes);
    suite.test("mod_rs_only_declares", declarations);
    suite.test("only_clock_reads_time", time);
    suite.test("only_main_reads_the_environment", environment);
    suite.test("no_unfinished_business", unfinished);
    suite.test("no_vague_module_names", names);
}

/// Path from the root and text of all files of our crates whose path ends with `suffix`; the root manifest is left out.
pub fn files(suffix: &str) -> Result<Vec<(String, String)>> {
    let root = binaries::repository();
    let mut found = Vec::new();
    for folder in ["provider", "broker-runtime", "acceptance-tests", "xtask"] {
        collect(&root.join(folder), &root, suffix, &mut found)?;
    }
    ensure!(found.len() > 5, "too few files end with {suffix}");
    Ok(found)
}

fn collect(folder: &Path, root: &Path, suffix: &str, found: &mut Vec<(String, String)>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.strip_prefix(root)?.display().to_string();
        if path.is_dir() {
            if !name.ends_with("target") {
                collect(&path, root, suffix, found)?;
            }
        } else if name.ends_with(suffix) {
            found.push((name, fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// The part of a file in front of its unit tests.
pub fn before_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or_default()
}

/// True for a file that holds nothing but tests.
pub fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.starts_with("acceptance-tests/")
}

fn headers() -> Result<()> {
    let bare: Vec<String> = files(".rs")?
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path)
        .collect();
    ensure!(bare.is_empty(), "files without a `//!` header: {bare:#?}");
    Ok(())
}

fn sizes() -> Result<()> {
    let long: Vec<String> = files(".rs")?
        .into_iter()
        .filter(|(path, _)| !is_test(path))
        .map(|(path, text)| (path, before_tests(&text).lines().count()))
        .filter(|(path, lines)| *lines > LINES && !path.contains("server-properties/src/table"))
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    ensure!(
        long.is_empty(),
        "files with more than {LINES} lines before their tests: {long:#?}"
    );
    Ok(())
}

fn declarations() -> Result<()> {
    let mut bad = Vec::new();
    for (path, text) in files("mod.rs")? {
        let code = ["fn ", "struct ", "enum ", "impl ", "trait "];
        let first = before_tests(&text).lines().find(|line| {
            let line = line
                .trim_start()
                .trim_start_matches("pub ")
                .trim_start_matches("pub(crate) ");
            code.iter().any(|word| line.starts_with(word))
        });
        bad.extend(first.map(|line| format!("{path}: {line}")));
    }
    ensure!(bad.is_empty(), "mod.rs declares and re-exports, nothing else: {bad:#?}");
    Ok(())
}

fn expect_only(words: &[&str], allowed: &[&str], rule: &str) -> Result<()> {
    let mut bad = Vec::new();
    for (path, text) in files(".rs")? {
        if is_test(&path) || path.starts_with("xtask/") || allowed.iter().any(|it| path.contains(it)) {
            continue;
        }
        let lines = before_tests(&text).lines().enumerate();
        let code = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
        let hits = code.filter(|(_, line)| words.iter().any(|word| line.contains(word)));
        bad.extend(hits.map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim())));
    }
    ensure!(bad.is_empty(), "{rule}: {bad:#?}");
    Ok(())
}

fn time() -> Result<()> {
    // The provider's framework waits and logs with time stamps but decides nothing by the clock: its two readers are named.
    let allowed = [
        "broker-runtime/clock/",
        "plugin-framework/src/logs",
        "broker-runtime/broker-runtime/src/main.rs",
        "terraform-provider-msk/src/main.rs",
    ];
    let words = ["SystemTime::now", "Instant::now", "Timestamp::now", "Utc::now"];
    expect_only(&words, &allowed, "only the crate `clock` and the two main.rs read time")
}

fn environment() -> Result<()> {
    let words = ["env::var", "env::vars", "env::set_var", "env::var_os"];
    let allowed = [
        "broker-runtime/broker-runtime/src/main.rs",
        "terraform-provider-msk/src/main.rs",
        "/build.rs",
        "/examples/",
    ];
    expect_only(&words, &allowed, "only the two main.rs read the environment")
}

fn unfinished() -> Result<()> {
    let words = [
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
    ];
    let mut bad = Vec::new();
    for (path, text) in files(".rs")? {
        let hits = text
            .lines()
            .enumerate()
            .filter(|(_, line)| words.iter().any(|word| line.contains(word)));
        bad.extend(hits.map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim())));
    }
    ensure!(bad.is_empty(), "{bad:#?}");
    Ok(())
}

fn names() -> Result<()> {
    let vague = ["utils", "util", "helpers", "common", "misc"];
    let bad: Vec<String> = files(".rs")?
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| path.split(['/', '.']).any(|part| vague.contains(&part)))
        .collect();
    ensure!(bad.is_empty(), "{bad:#?}");
    Ok(())
}
