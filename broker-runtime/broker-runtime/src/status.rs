//! `broker-runtime status`: what runs, in tables. Clusters and brokers come from the API; processes from `/proc`.

use std::{fs, path::Path, process::ExitCode};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    api_client::ApiClient,
    background,
    context::{Context, VERSION},
    output::{self, Table, text},
    serve_lock,
};

/// Exit code when no control plane answers; the one of `systemctl status` for a service that does not run.
const NOT_RUNNING: u8 = 3;
/// Entries a page of the API holds at most.
const PAGE: &str = "maxResults=100";

/// Prints what runs; fails when no control plane answers.
pub(crate) fn run(context: &Context, as_json: bool) -> Result<ExitCode> {
    let data_dir = &context.data_dir;
    let Some(info) = background::ready(data_dir) else {
        if as_json {
            output::json(&json!({"running": false, "dataDirectory": data_dir.root()}));
            return Ok(ExitCode::from(NOT_RUNNING));
        }
        let root = data_dir.root().display();
        output::line(&match serve_lock::holder(data_dir) {
            Some(holder) => format!(
                "the control plane of {root} (process {}) does not answer yet",
                holder.pid
            ),
            None => format!(
                "nothing runs in {root}; the provider starts it when it is needed, or `broker-runtime serve --background` does"
            ),
        });
        return Ok(ExitCode::from(NOT_RUNNING));
    };
    let client = ApiClient::new(data_dir, &info)?;
    let mut status = client.get("/openmsk/v1/status")?;
    if as_json {
        status["running"] = true.into();
        status["dataDirectory"] = json!(data_dir.root());
        output::json(&status);
        return Ok(ExitCode::SUCCESS);
    }
    let clusters = clusters(&client)?;
    output::line(&format!(
        "control plane {} at {}, process {}, {}",
        info.version,
        info.endpoint,
        info.pid,
        memory(info.pid)
    ));
    if info.version != VERSION {
        output::line(&format!(
            "this program is version {VERSION}: `broker-runtime stop` ends the other one"
        ));
    }
    output::line(&format!("data directory {}\n", data_dir.root().display()));
    if clusters.is_empty() {
        output::line("no clusters");
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&cluster_table(&clusters).to_string());
    output::line("");
    let (here, elsewhere) = split(&clusters, &data_dir.kafka_clusters());
    if !here.is_empty() {
        output::line(&broker_table(&here, &data_dir.clusters(), &status).to_string());
    }
    if !elsewhere.is_empty() {
        output::line(&kafka_table(&elsewhere, &status).to_string());
    }
    Ok(ExitCode::SUCCESS)
}

/// All clusters of the runtime's own account.
pub(crate) fn clusters(client: &ApiClient) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut path = format!("/api/v2/clusters?{PAGE}");
    loop {
        let page = client.get(&path)?;
        all.extend(page["clusterInfoList"].as_array().cloned().unwrap_or_default());
        match page["nextToken"].as_str() {
            Some(token) if !token.is_empty() => path = format!("/api/v2/clusters?{PAGE}&nextToken={token}"),
            _ => return Ok(all),
        }
    }
}

fn cluster_table(clusters: &[Value]) -> Table {
    let mut table = Table::new(&["CLUSTER", "STATE", "KAFKA", "BROKERS", "ARN"]);
    for cluster in clusters {
        let provisioned = &cluster["provisioned"];
        table.row([
            text(&cluster["clusterName"]),
            text(&cluster["state"]),
            text(&provisioned["currentBrokerSoftwareInfo"]["kafkaVersion"]),
            text(&provisioned["numberOfBrokerNodes"]),
            text(&cluster["clusterArn"]),
        ]);
    }
    table
}

/// Clusters whose brokers are this project's own, and those of Apache Kafka, which may be on other machines.
fn split(clusters: &[Value], kafka: &Path) -> (Vec<Value>, Vec<Value>) {
    let is_of_kafka = |cluster: &&Value| {
        let arn = text(&cluster["clusterArn"]);
        cluster_uuid(&arn).is_some_and(|uuid| kafka.join(uuid).is_dir())
    };
    let (elsewhere, here): (Vec<&Value>, Vec<&Value>) = clusters.iter().partition(is_of_kafka);
    (
        here.into_iter().cloned().collect(),
        elsewhere.into_iter().cloned().collect(),
    )
}

/// One row a broker of Apache Kafka, as the control plane has seen it on its host.
fn kafka_table(clusters: &[Value], status: &Value) -> Table {
    let mut table = Table::new(&[
        "CLUSTER",
        "BROKER",
        "ZONE",
        "HOST",
        "STATE",
        "PROCESS",
        "MEMORY",
        "CERTIFICATE UNTIL",
    ]);
    for cluster in clusters {
        let arn = text(&cluster["clusterArn"]);
        for broker in brokers_of(status, &arn) {
            let bytes = broker["residentBytes"].as_u64();
            table.row([
                text(&cluster["clusterName"]),
                text(&broker["brokerId"]),
                text(&broker["zone"]),
                text(&broker["host"]),
                text(&broker["state"]),
                text(&broker["pid"]),
                bytes.map_or_else(String::new, |bytes| format!("{:.1} MiB", mebibytes(bytes))),
                day(&broker["certificateExpiresAt"]),
            ]);
        }
    }
    table
}

/// One row a broker directory; what a cluster should have and has not shows in the other table.
fn broker_table(clusters: &[Value], directory: &Path, status: &Value) -> Table {
    let mut table = Table::new(&["CLUSTER", "BROKER", "PROCESS", "MEMORY", "CERTIFICATE UNTIL", "LOG"]);
    for cluster in clusters {
        let arn = text(&cluster["clusterArn"]);
        let Some(uuid) = cluster_uuid(&arn) else { continue };
        for (broker, path) in broker_directories(&directory.join(uuid)) {
            let pid = recorded_pid(&path).filter(|pid| supervisor::identify(*pid).is_some());
            table.row([
                text(&cluster["clusterName"]),
                broker.to_string(),
                pid.map_or_else(|| "down".to_owned(), |pid| pid.to_string()),
                pid.map_or_else(String::new, memory),
                certificate_end(status, &arn, broker),
                path.join("broker.log").display().to_string(),
            ]);
        }
    }
    table
}

/// The day on which the certificate of a broker ends.
fn certificate_end(status: &Value, arn: &str, broker: u32) -> String {
    let mut found = brokers_of(status, arn).filter(|found| found["brokerId"] == broker);
    found
        .next()
        .map_or_else(String::new, |found| day(&found["certificateExpiresAt"]))
}

fn brokers_of<'a>(status: &'a Value, arn: &'a str) -> impl Iterator<Item = &'a Value> {
    let clusters = status["clusters"].as_array().into_iter().flatten();
    clusters
        .filter(move |cluster| cluster["arn"] == arn)
        .flat_map(|cluster| cluster["brokers"].as_array().into_iter().flatten())
}

/// The day of a moment.
fn day(moment: &Value) -> String {
    let text = moment.as_str().unwrap_or_default();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// Directories of the brokers of a cluster, by id.
pub(crate) fn broker_directories(cluster: &Path) -> Vec<(u32, std::path::PathBuf)> {
    let mut found: Vec<_> = fs::read_dir(cluster)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.strip_prefix("broker-")?.parse().ok()?,
                entry.path(),
            ))
        })
        .collect();
    found.sort();
    found
}

fn recorded_pid(broker: &Path) -> Option<u32> {
    let record: Value = serde_json::from_slice(&fs::read(broker.join("process.json")).ok()?).ok()?;
    u32::try_from(record["process"]["pid"].as_u64()?).ok()
}

/// `arn:aws:kafka:REGION:ACCOUNT:cluster/NAME/UUID-N` without everything but the UUID.
pub(crate) fn cluster_uuid(arn: &str) -> Option<&str> {
    arn.rsplit_once('/')?.1.rsplit_once('-').map(|(uuid, _)| uuid)
}

fn memory(pid: u32) -> String {
    supervisor::resident_bytes(pid).map_or_else(String::new, |bytes| format!("{:.1} MiB", mebibytes(bytes)))
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuid_is_read_from_an_arn() {
        let arn = "arn:aws:kafka:us-east-1:000000000000:cluster/orders/6b1f2d3c-0000-4000-8000-123456789abc-1";
        assert_eq!(cluster_uuid(arn), Some("6b1f2d3c-0000-4000-8000-123456789abc"));
    }

    #[test]
    fn end_of_a_certificate_is_a_day() {
        let broker = json!({"brokerId": 2, "certificateExpiresAt": "2027-11-29T05:00:00Z"});
        let status = json!({"clusters": [{"arn": "other", "brokers": []}, {"arn": "ours", "brokers": [broker]}]});
        assert_eq!(certificate_end(&status, "ours", 2), "2027-11-29");
        assert_eq!(certificate_end(&status, "ours", 1), "");
    }

    #[test]
    fn brokers_of_apache_kafka_are_shown_as_the_control_plane_has_seen_them() {
        let folder = tempfile::tempdir().unwrap();
        let uuid = "6b1f2d3c-0000-4000-8000-123456789abc";
        fs::create_dir(folder.path().join(uuid)).unwrap();
        let cluster =
            |name: &str, uuid: &str| json!({"clusterName": name, "clusterArn": format!("arn:cluster/{name}/{uuid}-1")});
        let clusters = [
            cluster("genuine", uuid),
            cluster("own", "7b1f2d3c-0000-4000-8000-123456789abc"),
        ];
        let (here, elsewhere) = split(&clusters, folder.path());
        assert_eq!((text(&here[0]["clusterName"]), here.len()), ("own".to_owned(), 1));
        let broker = json!({
            "brokerId": 1, "zone": "a", "host": "192.0.2.1", "state": "RUNNING", "pid": 42, "residentBytes": 1_048_576,
            "certificateExpiresAt": "2027-11-29T05:00:00Z",
        });
        let status = json!({"clusters": [{"arn": elsewhere[0]["clusterArn"], "brokers": [broker]}]});
        let table = kafka_table(&elsewhere, &status).to_string();
        let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(
            row,
            [
                "genuine",
                "1",
                "a",
                "192.0.2.1",
                "RUNNING",
                "42",
                "1.0",
                "MiB",
                "2027-11-29"
            ]
        );
    }

    #[test]
    fn brokers_are_listed_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["broker-10", "broker-2", "metadata"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let ids: Vec<u32> = broker_directories(folder.path())
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        assert_eq!(ids, [2, 10]);
    }
}
