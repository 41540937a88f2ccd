//! `broker-runtime doctor`: looks at what clusters need from the machine, and says how to mend what is wrong.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clock::{Clock, SystemClock};
use engine_embedded::addresses::{INTERNAL, PLAINTEXT, SASL_IAM, SASL_SCRAM, TLS, holder_of};
use rustix::{
    fs::statvfs,
    process::{Resource, getrlimit},
};
use serde_json::{Value, json};

use crate::{
    api_client::ApiClient,
    background,
    context::{Context, VERSION},
    data_dir::DataDir,
    doctor_kafka, output, serve_lock,
};

/// Less free space than this and a cluster is not going to live long.
const FREE_BYTES_MIN: u64 = 1024 * 1024 * 1024;
/// A broker with some hundred partitions and clients needs this many files.
const OPEN_FILES_MIN: u64 = 4096;
/// Certificates are renewed three months before they end; with less left than this that does not work.
const CERTIFICATE_DAYS_MIN: i64 = 30;
/// A clock before this moment (2025-01-01) was never set.
const NOW_MS_MIN: i64 = 1_735_689_600_000;
/// An address as clusters get them, outside of all of their blocks.
const SAMPLE_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 15, 255, 1);

/// What one check has found.
pub(crate) enum Finding {
    /// As it should be.
    Good(String),
    /// Not as it should be, and what to do about it.
    Bad { problem: String, remedy: String },
}

/// Prints a line a check; fails when something is wrong.
pub(crate) fn run(context: &Context, as_json: bool) -> Result<ExitCode> {
    let data_dir = &context.data_dir;
    let mut findings = vec![
        writable(data_dir),
        private(data_dir),
        disk_space(data_dir),
        open_files(),
        loopback(),
    ];
    findings.extend([INTERNAL, PLAINTEXT, TLS, SASL_SCRAM, SASL_IAM].map(port));
    findings.extend([wall_clock(), program(&context.executable), control_plane(data_dir)]);
    findings.extend(certificates(data_dir));
    findings.extend(doctor_kafka::findings(context));
    if as_json {
        return Ok(print_json(&findings));
    }
    let mut bad = 0;
    for finding in findings {
        match finding {
            Finding::Good(text) => output::line(&format!("ok     {text}")),
            Finding::Bad { problem, remedy } => {
                bad += 1;
                output::line(&format!("wrong  {problem}\n       → {remedy}"));
            }
        }
    }
    output::line("");
    if bad == 0 {
        output::line("all is well");
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("{bad} thing{} to mend", if bad == 1 { "" } else { "s" }));
    Ok(ExitCode::FAILURE)
}

fn print_json(findings: &[Finding]) -> ExitCode {
    let told: Vec<_> = findings
        .iter()
        .map(|finding| match finding {
            Finding::Good(text) => json!({"ok": true, "finding": text}),
            Finding::Bad { problem, remedy } => json!({"ok": false, "finding": problem, "remedy": remedy}),
        })
        .collect();
    let well = findings.iter().all(|finding| matches!(finding, Finding::Good(_)));
    output::json(&json!({"ok": well, "findings": told}));
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

pub(crate) fn good(text: impl Into<String>) -> Finding {
    Finding::Good(text.into())
}

pub(crate) fn bad(problem: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding::Bad {
        problem: problem.into(),
        remedy: remedy.into(),
    }
}

/// The directory itself, or the nearest one above it that exists.
fn nearest(data_dir: &DataDir) -> PathBuf {
    let ancestors = data_dir.root().ancestors();
    ancestors
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or(Path::new("/"))
        .to_owned()
}

fn writable(data_dir: &DataDir) -> Finding {
    let path = nearest(data_dir);
    if !path.is_dir() {
        return bad(
            format!(
                "{} is not a directory, so {} cannot be one",
                path.display(),
                data_dir.root().display()
            ),
            "name another data directory with OPENMSK_DATA_DIR or --data-dir",
        );
    }
    let probe = path.join(format!(".openmsk-doctor-{}", std::process::id()));
    let written = fs::write(&probe, "probe");
    let removed = fs::remove_file(&probe);
    match written.and(removed) {
        Ok(()) => good(format!(
            "data directory {} can be written to",
            data_dir.root().display()
        )),
        Err(error) => bad(
            format!("{} cannot be written to: {error}", path.display()),
            "give this user the right to, or name another data directory with OPENMSK_DATA_DIR or --data-dir",
        ),
    }
}

fn private(data_dir: &DataDir) -> Finding {
    let credentials = data_dir.credentials();
    let Ok(metadata) = fs::metadata(&credentials) else {
        return good("credentials are made at the first start");
    };
    if metadata.permissions().mode() & 0o077 == 0 {
        return good("credentials can be read by this user only");
    }
    bad(
        format!("{} can be read by others", credentials.display()),
        format!("chmod 600 {}", credentials.display()),
    )
}

fn disk_space(data_dir: &DataDir) -> Finding {
    let path = nearest(data_dir);
    let free = match statvfs(&path) {
        Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
        Err(error) => {
            return bad(
                format!("free space of {} is not known: {error}", path.display()),
                "see `df`",
            );
        }
    };
    let text = format!("{} MiB are free in {}", free / (1024 * 1024), path.display());
    if free >= FREE_BYTES_MIN {
        return good(text);
    }
    bad(
        format!("only {text}"),
        "free some space: replicas of a topic are all on this disk",
    )
}

fn open_files() -> Finding {
    let limit = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    if limit >= OPEN_FILES_MIN {
        return good(match limit {
            u64::MAX => "a process may open any number of files".to_owned(),
            limit => format!("a process may open {limit} files"),
        });
    }
    bad(
        format!("a process may open {limit} files only; brokers need {OPEN_FILES_MIN}"),
        "raise the hard limit `nofile` in /etc/security/limits.conf, or LimitNOFILE of the service",
    )
}

fn loopback() -> Finding {
    match TcpListener::bind((SAMPLE_ADDRESS, 0)) {
        Ok(_) => good("loopback addresses 127.0.0.0/8 can be used"),
        Err(error) => bad(
            format!("loopback address {SAMPLE_ADDRESS} cannot be used: {error}"),
            "brokers get addresses of 127.0.0.0/8: `ip addr add 127.0.0.1/8 dev lo`",
        ),
    }
}

/// Only who listens on all addresses is in the way: a cluster avoids single addresses that are taken.
fn port(port: u16) -> Finding {
    match holder_of(SocketAddr::from((SAMPLE_ADDRESS, port))) {
        None => good(format!("port {port} is not taken on all addresses")),
        Some(holder) => bad(
            format!("port {port} is taken by {holder}: no broker can have it"),
            "stop that process, or let it listen on one address only",
        ),
    }
}

fn wall_clock() -> Finding {
    if SystemClock.now_ms() >= NOW_MS_MIN {
        return good("the clock is set");
    }
    bad(
        "the clock shows a time before 2025",
        "set it: certificates would not be valid and signatures not accepted",
    )
}

fn program(path: &Path) -> Finding {
    if path.is_file() {
        return good(format!("brokers run {}", path.display()));
    }
    bad(
        format!(
            "{} does not exist any more, so no broker can be started",
            path.display()
        ),
        "install broker-runtime there again",
    )
}

fn control_plane(data_dir: &DataDir) -> Finding {
    match (background::ready(data_dir), serve_lock::holder(data_dir)) {
        (Some(info), _) if info.version == VERSION => good(format!("control plane answers at {}", info.endpoint)),
        (Some(info), _) => bad(
            format!(
                "the control plane that runs is version {}, this program is version {VERSION}",
                info.version
            ),
            "`broker-runtime stop`; the next use starts this version, and brokers go on",
        ),
        (None, Some(holder)) => bad(
            format!("the control plane (process {}) does not answer", holder.pid),
            format!("see {}", data_dir.serve_log().display()),
        ),
        (None, None) => good("no control plane runs; it is started when it is needed"),
    }
}

/// Of the brokers of all clusters, as the control plane that runs knows them.
fn certificates(data_dir: &DataDir) -> Option<Finding> {
    let info = background::ready(data_dir)?;
    let status = ApiClient::new(data_dir, &info).ok()?.get("/openmsk/v1/status").ok()?;
    first_certificate_to_end(&status)
}

fn first_certificate_to_end(status: &Value) -> Option<Finding> {
    let clusters = status["clusters"].as_array()?.iter();
    let ends = clusters.flat_map(|cluster| {
        let brokers = cluster["brokers"].as_array().into_iter().flatten();
        brokers.filter_map(|broker| {
            Some((
                broker["certificateDaysLeft"].as_i64()?,
                &cluster["name"],
                &broker["brokerId"],
            ))
        })
    });
    let (days, cluster, broker) = ends.min_by_key(|(days, ..)| *days)?;
    if days >= CERTIFICATE_DAYS_MIN {
        return Some(good(format!(
            "certificates of brokers are good for {days} days and more"
        )));
    }
    let text = match days {
        ..0 => "has ended".to_owned(),
        0.. => format!("ends in {days} days"),
    };
    Some(bad(
        format!("the certificate of broker {broker} of cluster {cluster} {text}, and was not renewed"),
        "`broker-runtime logs` says why; mend that, and rotate the certificates with the action msk_rotate_certificates",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(finding: Finding) -> Option<String> {
        match finding {
            Finding::Good(_) => None,
            Finding::Bad { problem, .. } => Some(problem),
        }
    }

    #[test]
    fn directory_that_does_not_exist_yet_is_fine() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path().join("a/b"));
        assert_eq!(problem(writable(&data_dir)), None);
        assert_eq!(problem(private(&data_dir)), None);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "nothing is left of the probe"
        );
    }

    #[test]
    fn directory_below_a_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let data_dir = DataDir::new(folder.path().join("file/data"));
        assert!(problem(writable(&data_dir)).unwrap().contains("is not a directory"));
    }

    #[test]
    fn certificate_that_ends_soon_is_told_with_its_broker() {
        let status = |days: i64| {
            let brokers =
                json!([{"brokerId": 1, "certificateDaysLeft": 300}, {"brokerId": 2, "certificateDaysLeft": days}]);
            json!({"clusters": [{"name": "empty", "brokers": []}, {"name": "orders", "brokers": brokers}]})
        };
        let problem = |days| first_certificate_to_end(&status(days)).and_then(problem);
        assert_eq!(problem(30), None);
        let told = problem(29).unwrap();
        assert!(
            told.contains("broker 2 of cluster \"orders\" ends in 29 days"),
            "{told}"
        );
        assert!(problem(-1).unwrap().contains("has ended"));
        assert!(first_certificate_to_end(&json!({"clusters": []})).is_none());
    }

    #[test]
    fn readable_credentials_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(folder.path().to_owned());
        fs::write(data_dir.credentials(), "").unwrap();
        fs::set_permissions(data_dir.credentials(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(problem(private(&data_dir)).unwrap().contains("can be read by others"));
        fs::set_permissions(data_dir.credentials(), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(problem(private(&data_dir)), None);
    }

    #[test]
    fn port_taken_on_all_addresses_is_told_with_its_holder() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let taken = listener.local_addr().unwrap().port();
        let text = problem(port(taken)).unwrap();
        assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
        drop(listener);
        assert_eq!(problem(port(taken)), None);
    }
}
