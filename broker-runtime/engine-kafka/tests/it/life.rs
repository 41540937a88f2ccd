//! What all engines do, with a page of metrics that is read meanwhile.

use std::{net::SocketAddr, time::Duration};

use engine::Exporters;
use libtest_mimic::Trial;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{stage::Stage, trial};

pub fn trials() -> Vec<Trial> {
    vec![trial("engine_conforms", conforms)]
}

/// What is on every page of the embedded engine, too: one of each kind of bean.
const NAMES: [&str; 6] = [
    "kafka_server_BrokerTopicMetrics_Count{name=\"MessagesInPerSec\",}",
    "kafka_server_ReplicaManager_Value{name=\"UnderReplicatedPartitions\",}",
    "kafka_controller_KafkaController_Value{name=\"ActiveControllerCount\",}",
    "kafka_network_RequestMetrics_99thPercentile{",
    "kafka_cluster_Partition_Value{",
    "process_resident_memory_bytes ",
];
/// How long the page may take to have all of it, from before there is a cluster.
const LIMIT: Duration = Duration::from_secs(240);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

async fn conforms(stage: Stage) {
    let engine = stage.engine().await;
    let mut spec = stage.spec(1);
    spec.exporters = Exporters { jmx: true, node: false };
    // Apache Kafka has 8, and takes no more than double at a time.
    spec.server_properties
        .insert("num.io.threads".to_owned(), "40".to_owned());
    let hosts = stage.hosts.0.iter().map(|host| host.facts().address);
    let pages: Vec<SocketAddr> = hosts.map(|address| SocketAddr::new(address, 11_001)).collect();
    let life = engine::conformance::life_of_a_cluster(&*engine, &spec);
    tokio::join!(life, read_a_page(&pages));
    assert_eq!(stage.units_left(), Vec::<String>::new(), "nothing is left on any host");
}

/// Reads until one of the pages has all names.
async fn read_a_page(pages: &[SocketAddr]) {
    let mut missing = "no page was there".to_owned();
    let reading = async {
        loop {
            for page in pages {
                let Some(text) = get(*page).await else { continue };
                match NAMES.iter().find(|name| !text.contains(**name)) {
                    None => return,
                    Some(name) => missing = format!("no {name} at {page}:\n{text}"),
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    let read = tokio::time::timeout(LIMIT, reading).await;
    assert!(read.is_ok(), "{missing}");
}

async fn get(page: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(page).await.ok()?;
    let request = format!("GET /metrics HTTP/1.0\r\nHost: {page}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    String::from_utf8(answer).ok()
}
