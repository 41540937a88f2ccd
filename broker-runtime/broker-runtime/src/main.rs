//! The `broker-runtime` binary: reads arguments and environment, and hands over to the file of the subcommand. Nothing else
//! reads the environment.

mod api_client;
mod audit;
mod authorities;
mod background;
mod backup;
mod broker;
mod config;
mod context;
mod data_dir;
mod doctor;
mod doctor_kafka;
mod engines;
mod guard;
mod host_agent;
mod hosts;
mod kafka_bundle;
mod keys;
mod limits;
mod listening;
mod logging;
mod logs;
mod node_exporter;
mod output;
mod rotate_certificates;
mod serve;
mod serve_arguments;
mod serve_lock;
mod status;
mod stop;
mod tokens;

use std::{
    env,
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

use crate::{
    context::{Context, VERSION},
    data_dir::DataDir,
    serve_arguments::ServeArguments,
};

/// Which log lines are written when `OPENMSK_LOG` does not say.
const LOG_FILTER_DEFAULT: &str = "info";
/// Variables that processes we start get; everything else stays with whoever started us.
const INHERITED: [&str; 4] = ["OPENMSK_LOG", "RUST_BACKTRACE", "TMPDIR", "PATH"];

/// Runs Kafka clusters on this machine and answers the Amazon MSK API.
#[derive(Debug, Parser)]
#[command(name = "broker-runtime", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Where everything is kept [default: $OPENMSK_DATA_DIR, else openmsk in the user's data directory].
    #[arg(long, global = true, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the control plane.
    Serve {
        #[command(flatten)]
        arguments: ServeArguments,
        /// Start it in the background and return once it answers.
        #[arg(long)]
        background: bool,
        #[arg(long, hide = true)]
        detached: bool,
    },
    /// Runs one broker; the control plane starts it.
    Broker {
        /// Its configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Where to log; standard error when absent. A file that has become too long is set aside.
        #[arg(long, value_name = "FILE")]
        log_file: Option<PathBuf>,
        #[arg(long, hide = true)]
        process_token: Option<String>,
    },
    /// Serves the page of metrics of this machine; the control plane has hosts start it beside brokers of Apache Kafka.
    NodeExporter {
        /// Where.
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: SocketAddr,
        /// Where to log; standard error when absent. A file that has become too long is set aside.
        #[arg(long, value_name = "FILE")]
        log_file: Option<PathBuf>,
        #[arg(long, hide = true)]
        process_token: Option<String>,
    },
    /// Brings a killed control plane back; the control plane starts it.
    Guard {
        #[command(flatten)]
        arguments: ServeArguments,
        #[arg(long, hide = true)]
        process_token: Option<String>,
    },
    /// Shows what runs.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Says what is wrong with the environment and how to mend it.
    Doctor {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows log lines of the control plane or of brokers.
    Logs(logs::Logs),
    /// Shows who called the API, what for, and what came of it.
    Audit(audit::Audit),
    /// Makes and manages access keys of the API.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Takes in authorities whose certificates Kafka clients may show.
    #[command(subcommand)]
    Authorities(authorities::Authorities),
    /// Shows the hosts that have joined, or drains, undrains, declares dead, removes or prunes them.
    Hosts(hosts::Hosts),
    /// Makes and manages tokens that let hosts join.
    #[command(subcommand)]
    Token(tokens::Tokens),
    /// Makes this machine a host of a control plane elsewhere.
    #[command(subcommand)]
    HostAgent(host_agent::HostAgent),
    /// Gives every broker of a cluster a new certificate, without a restart.
    RotateCertificates {
        /// The cluster's name or its ARN.
        cluster: String,
    },
    /// Packs and verifies archives of Apache Kafka.
    #[command(subcommand)]
    KafkaBundle(kafka_bundle::KafkaBundle),
    /// Shows what is in force and where it comes from.
    Config {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Copies clusters, configurations, secrets and keys, without records, into a new directory.
    Backup {
        /// The directory.
        directory: PathBuf,
    },
    /// Puts a backup into a data directory that has no state.
    Restore {
        /// The directory of the backup.
        directory: PathBuf,
    },
    /// Ends the control plane; brokers go on.
    Stop,
    /// Prints the version.
    Version,
}

fn main() -> ExitCode {
    limits::keep_memory_small();
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            use std::io::Write;
            // Nobody reads it when this fails.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    let log_filter = env::var("OPENMSK_LOG").unwrap_or_else(|_| LOG_FILTER_DEFAULT.to_owned());
    if let Command::Broker { config, log_file, .. } = &arguments.command {
        broker::run(config, log_file.as_deref(), &log_filter)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::NodeExporter { listen, log_file, .. } = &arguments.command {
        node_exporter::run(*listen, log_file.as_deref(), &log_filter)?;
        return Ok(ExitCode::SUCCESS);
    }
    if matches!(arguments.command, Command::Version) {
        output::line(&format!("broker-runtime {VERSION}"));
        return Ok(ExitCode::SUCCESS);
    }
    let context = Context {
        data_dir: DataDir::new(data_dir(arguments.data_dir)?),
        executable: executable()?,
        log_filter,
        child_environment: child_environment(),
    };
    match arguments.command {
        Command::Serve {
            arguments,
            background: true,
            ..
        } => background::run(&context, &arguments)?,
        Command::Serve {
            arguments, detached, ..
        } => serve::run(&context, &serve::Options { arguments, detached })?,
        Command::Guard { arguments, .. } => guard::run(&context, &arguments)?,
        Command::Status { json } => return status::run(&context, json),
        Command::Doctor { json } => return doctor::run(&context, json),
        Command::Logs(logs) => logs::run(&context, &logs)?,
        Command::Audit(audit) => audit::run(&context, &audit)?,
        Command::Keys(keys) => keys::run(&context, keys)?,
        Command::Authorities(authorities) => authorities::run(&context, authorities)?,
        Command::Hosts(hosts) => hosts::run(&context, &hosts)?,
        Command::Token(tokens) => tokens::run(&context, tokens)?,
        Command::HostAgent(agent) => host_agent::run(&context, agent)?,
        Command::RotateCertificates { cluster } => rotate_certificates::run(&context, &cluster)?,
        Command::KafkaBundle(command) => kafka_bundle::run(&context, &command)?,
        Command::Config { json } => config::run(&context, json)?,
        Command::Backup { directory } => backup::backup(&context, &directory)?,
        Command::Restore { directory } => backup::restore(&context, &directory)?,
        Command::Stop => stop::run(&context)?,
        Command::Broker { .. } | Command::NodeExporter { .. } | Command::Version => (),
    }
    Ok(ExitCode::SUCCESS)
}

/// The data directory, under one name wherever it is named from.
fn data_dir(argument: Option<PathBuf>) -> Result<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let path = argument
        .or_else(|| variable("OPENMSK_DATA_DIR"))
        .or_else(|| Some(variable("XDG_DATA_HOME")?.join("openmsk")))
        .or_else(|| Some(variable("HOME")?.join(".local/share/openmsk")))
        .context("there is no data directory: set OPENMSK_DATA_DIR or pass --data-dir")?;
    let path = std::path::absolute(path)?;
    Ok(fs::canonicalize(&path).unwrap_or(path))
}

/// This program, also when it was replaced since it was started.
fn executable() -> Result<PathBuf> {
    let path = env::current_exe().context("the path of this program is not known")?;
    let text = path.to_string_lossy();
    Ok(match text.strip_suffix(" (deleted)") {
        Some(replaced) if !path.exists() => Path::new(replaced).to_owned(),
        _ => path,
    })
}

fn child_environment() -> Vec<(OsString, OsString)> {
    INHERITED
        .iter()
        .filter_map(|name| Some((OsString::from(name), env::var_os(name)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_well_formed() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn supervised_processes_accept_their_token() {
        let parsed = Arguments::try_parse_from(["broker-runtime", "broker", "--config", "f", "--process-token", "t"]);
        assert!(matches!(parsed.unwrap().command, Command::Broker { .. }));
        let parsed = Arguments::try_parse_from(["broker-runtime", "guard", "--data-dir", "d", "--process-token", "t"]);
        assert!(matches!(parsed.unwrap().command, Command::Guard { .. }));
        let parsed = [
            "broker-runtime",
            "node-exporter",
            "--listen",
            "127.0.0.1:11002",
            "--process-token",
            "t",
        ];
        let parsed = Arguments::try_parse_from(parsed);
        assert!(matches!(parsed.unwrap().command, Command::NodeExporter { .. }));
    }
}
