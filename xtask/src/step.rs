//! Steps with a line of progress each, and running programs.
#![expect(clippy::print_stdout, reason = "a command line tool talks on standard output")]

use std::{
    env,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Steps that go on at this moment, one below the other.
static STEPS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(PathBuf::from)
        .unwrap_or_default()
}

/// Where cargo puts what it builds: `CARGO_TARGET_DIR`, else `target` in the repository.
pub fn target() -> PathBuf {
    let chosen = env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
    repository().join(chosen.map_or_else(|| "target".into(), PathBuf::from))
}

/// Runs `work` under a spinner and prints how long it took. Several may go on at once.
pub fn step<T>(title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let spinner = STEPS.add(ProgressBar::new_spinner());
    spinner.set_style(ProgressStyle::with_template("  {spinner} {msg} ({elapsed})")?);
    spinner.set_message(title.to_owned());
    spinner.enable_steady_tick(Duration::from_millis(100));
    let result = work();
    spinner.finish_and_clear();
    let mark = if result.is_ok() { "✓" } else { "✗" };
    say(&format!("  {mark} {title} ({:.1} s)", start.elapsed().as_secs_f64()));
    result
}

/// Prints a line, above the steps that go on.
pub fn say(line: &str) {
    STEPS.suspend(|| println!("{line}"));
}

/// Prints why everything stopped.
pub fn failed(reason: &str) {
    eprintln!("\nerror: {reason}");
}

/// A program in the root of the repository.
pub fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(repository()).stdin(Stdio::null());
    command
}

/// Runs quietly; on failure the error carries what was printed.
pub fn quietly(command: &mut Command) -> Result<Output> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {:?}", command.get_program()))?;
    if !output.status.success() {
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        // Not the command as a whole: its environment may hold a password.
        let arguments: Vec<_> = command.get_args().map(std::ffi::OsStr::to_string_lossy).collect();
        let program = command.get_program().to_string_lossy();
        bail!(
            "{program} {} ended with {}\n{stdout}{stderr}",
            arguments.join(" "),
            output.status
        );
    }
    Ok(output)
}

/// The runtime and the provider alone, for [`build`].
pub const PROGRAMS: [&str; 4] = ["-p", "broker-runtime", "-p", "terraform-provider-msk"];

/// Builds packages, with these options of `cargo build`. A first build takes minutes: on a terminal cargo shows how far it is, elsewhere
/// a line says what has begun.
pub fn build(title: &str, packages: &[&str], options: &[&str]) -> Result<()> {
    let mut build = program("cargo");
    build.arg("build").args(packages).args(options);
    say(&format!("  … {title}: minutes, the first time"));
    if !io::stderr().is_terminal() {
        return step(title, || quietly(build.arg("--quiet")).map(drop));
    }
    let start = Instant::now();
    loudly(&mut build)?;
    say(&format!("  ✓ {title} ({:.1} s)", start.elapsed().as_secs_f64()));
    Ok(())
}

/// Runs with its output passed through.
pub fn loudly(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {:?}", command.get_program()))?;
    if !status.success() {
        bail!("{:?} ended with {status}", command.get_program());
    }
    Ok(())
}

/// Finds a program on the `PATH`.
pub fn find(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
