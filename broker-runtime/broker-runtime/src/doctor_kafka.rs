//! What `broker-runtime doctor` finds about clusters of Apache Kafka: Java on this machine, and the hosts that have joined.

use std::{
    ffi::OsStr,
    fs,
    process::{Command, Stdio},
};

use engine_kafka::{JAVA_MIN, java_version};
use serde_json::Value;

use crate::{
    api_client::ApiClient,
    background,
    context::{Context, VERSION},
    data_dir::DataDir,
    doctor::{Finding, bad, good},
};

/// By how much clocks may differ, milliseconds: more is refused when a host joins.
const CLOCK_DIFFERENCE_MAX_MS: u64 = 5000;
/// A host with less free space than this takes no more brokers before long.
const FREE_BYTES_MIN: u64 = 1 << 30;

/// Java here, and a line a host.
pub(crate) fn findings(context: &Context) -> Vec<Finding> {
    let hosts = hosts(&context.data_dir);
    let is_needed = hosts.is_empty() && has_clusters(&context.data_dir);
    let mut findings = vec![java(context, is_needed)];
    findings.extend(hosts.iter().map(host));
    findings
}

fn hosts(data_dir: &DataDir) -> Vec<Value> {
    let asked = background::ready(data_dir).and_then(|info| {
        let client = ApiClient::new(data_dir, &info).ok()?;
        client.get("/openmsk/v1/hosts").ok()
    });
    let hosts = asked.and_then(|answer| answer["hosts"].as_array().cloned());
    hosts.unwrap_or_default()
}

fn has_clusters(data_dir: &DataDir) -> bool {
    fs::read_dir(data_dir.kafka_clusters()).is_ok_and(|mut entries| entries.next().is_some())
}

/// What runs brokers of Apache Kafka here, found as it would be found for them.
fn java(context: &Context, is_needed: bool) -> Finding {
    let path = context.child_environment.iter().find(|(name, _)| name == "PATH");
    let mut command = Command::new("java");
    command.arg("-version").stdin(Stdio::null()).env_clear();
    command.env("PATH", path.map_or(OsStr::new(""), |(_, value)| value));
    let said = command.output().ok().map(|output| {
        let (out, err) = (output.stdout, output.stderr);
        format!("{}{}", String::from_utf8_lossy(&err), String::from_utf8_lossy(&out))
    });
    judge_java(said.as_deref().and_then(java_version), is_needed)
}

fn judge_java(version: Option<u32>, is_needed: bool) -> Finding {
    let (problem, remedy) = match version {
        Some(version) if version >= JAVA_MIN => {
            return good(format!("Java {version} can run clusters of Apache Kafka here"));
        }
        Some(version) => (
            format!("Java {version} is too old for Apache Kafka"),
            format!("install Java {JAVA_MIN} or newer"),
        ),
        None => (
            "there is no Java".to_owned(),
            format!("install Java {JAVA_MIN} or newer, so that it is found in PATH"),
        ),
    };
    if is_needed {
        bad(format!("{problem}, and clusters of Apache Kafka run here"), remedy)
    } else {
        good(format!(
            "{problem}; only clusters of Apache Kafka on this machine need it"
        ))
    }
}

fn host(host: &Value) -> Finding {
    let text = |name: &str| host[name].as_str().unwrap_or_default();
    let name = text("name");
    match text("state") {
        "ACTIVE" | "DRAINING" => (),
        "UNREACHABLE" => {
            return bad(
                format!("host {name} cannot be reached: {}", text("stateReason")),
                "bring it or its agent back, or say that it is dead: `broker-runtime hosts dead`",
            );
        }
        _ => {
            return bad(
                format!("host {name} was declared dead, and is still listed"),
                format!("`broker-runtime hosts remove {name}` once it is gone"),
            );
        }
    }
    let ahead_ms = host["clockAheadMs"].as_i64().unwrap_or_default();
    if ahead_ms.unsigned_abs() > CLOCK_DIFFERENCE_MAX_MS {
        return bad(
            format!("the clock of host {name} differs by {ahead_ms:+} ms from the control plane's"),
            "have both follow a time server",
        );
    }
    let free = host["diskFreeBytes"].as_u64().unwrap_or_default();
    if free < FREE_BYTES_MIN {
        return bad(
            format!("only {} MiB are free on host {name}", free >> 20),
            "free some space there: brokers keep replicas on it",
        );
    }
    let version = text("agentVersion");
    if version != VERSION {
        return bad(
            format!("the agent of host {name} is version {version}, this program is version {VERSION}"),
            "install the same version there and restart the agent; its processes go on",
        );
    }
    good(format!("host {name} in zone {} answers", text("zone")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(finding: Finding) -> Option<String> {
        match finding {
            Finding::Good(_) => None,
            Finding::Bad { problem, .. } => Some(problem),
        }
    }

    #[test]
    fn java_is_missed_only_where_something_needs_it() {
        assert_eq!(problem(judge_java(Some(JAVA_MIN), true)), None);
        assert_eq!(problem(judge_java(None, false)), None);
        assert!(problem(judge_java(None, true)).unwrap().contains("there is no Java"));
        assert!(
            problem(judge_java(Some(11), true))
                .unwrap()
                .contains("Java 11 is too old")
        );
    }

    #[test]
    fn what_is_wrong_with_a_host_is_told() {
        let well = json!({
            "name": "one", "zone": "a", "state": "ACTIVE", "clockAheadMs": -5000, "diskFreeBytes": FREE_BYTES_MIN,
            "agentVersion": VERSION,
        });
        let with = |name: &str, value: Value| {
            let mut changed = well.clone();
            changed[name] = value;
            problem(host(&changed)).unwrap_or_default()
        };
        assert_eq!(with("name", json!("one")), "");
        assert!(with("state", json!("UNREACHABLE")).contains("cannot be reached"));
        assert!(with("state", json!("DEAD")).contains("declared dead"));
        assert!(with("clockAheadMs", json!(5001)).contains("+5001 ms"));
        assert!(with("diskFreeBytes", json!(1)).contains("only 0 MiB are free on host one"));
        assert!(with("agentVersion", json!("0")).contains("is version 0"));
    }
}
