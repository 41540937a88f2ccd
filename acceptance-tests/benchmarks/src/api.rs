//! The control plane under its API: many clusters and topics stored, a steady stream of questions, a restart.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use acceptance_tests::runtime::Runtime;
use anyhow::{Context, Result};
use control_plane_api::{
    clusters::{BrokerNodeGroupInfo, CreateClusterRequest},
    topics::CreateTopicRequest,
};
use control_plane_client::{Client, Credentials, Settings};

use crate::{
    Scale, process,
    report::{Report, Spread},
};

/// Clusters of one broker each, and topics of one partition in each of them.
const CLUSTERS: usize = 100;
const TOPICS_EACH: usize = 100;
/// Questions a second, and for how long.
const QUESTIONS_PER_S: u32 = 500;
const SECONDS: u32 = 10;
/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Fills a control plane and asks it.
pub fn measure(_: Scale, report: &mut Report) -> Result<()> {
    let runtime = Runtime::new()?;
    runtime.start()?;
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio.block_on(async {
        let client = client(&runtime)?;
        let arns = fill(&client, report).await?;
        ask(&client, &runtime, &arns, report).await
    })?;
    restart(&runtime, &tokio, report)
}

/// A signed client of the runtime.
pub fn client(runtime: &Runtime) -> Result<Client> {
    let (access_key, secret_key) = runtime.key()?;
    let settings = Settings {
        endpoint: runtime.endpoint()?,
        authorities_pem: None,
        credentials: Some(Credentials {
            access_key,
            secret_key,
            region: "us-east-1".to_owned(),
        }),
        now: SystemTime::now,
        patient: false,
    };
    Ok(Client::new(settings)?)
}

async fn fill(client: &Client, report: &mut Report) -> Result<Vec<String>> {
    let mut active_ms = Vec::new();
    for number in 0..3 {
        let began = Instant::now();
        let arn = create(client, &format!("three-{number}"), 3).await?;
        client.wait_for_cluster(&arn, LIMIT).await?;
        active_ms.push(began.elapsed().as_secs_f64() * 1000.0);
        client.delete_cluster(&arn, None).await?;
        client.wait_for_deleted(&arn, LIMIT).await?;
    }
    report.limit(
        "API: create cluster (3 brokers) to ACTIVE",
        "ms",
        Spread::of(&active_ms),
        800.0,
    );
    let mut arns = Vec::new();
    for number in 0..CLUSTERS {
        arns.push(create(client, &format!("bench-{number:03}"), 1).await?);
    }
    for arn in &arns {
        client.wait_for_cluster(arn, LIMIT).await?;
    }
    let mut thousand_s = Vec::new();
    let mut began = Instant::now();
    for number in 0..CLUSTERS * TOPICS_EACH {
        let topic = CreateTopicRequest {
            topic_name: format!("topic-{number:05}"),
            partition_count: 1,
            replication_factor: 1,
            configs: None,
        };
        client.create_topic(&arns[number / TOPICS_EACH], &topic, None).await?;
        if (number + 1) % 1000 == 0 {
            thousand_s.push(began.elapsed().as_secs_f64());
            began = Instant::now();
        }
    }
    report.limit(
        "API: 1,000 topics, sequential calls",
        "s",
        Spread::of(&thousand_s),
        10.0,
    );
    Ok(arns)
}

async fn create(client: &Client, name: &str, brokers: i64) -> Result<String> {
    let request = CreateClusterRequest {
        cluster_name: name.to_owned(),
        number_of_broker_nodes: brokers,
        broker_node_group_info: Some(BrokerNodeGroupInfo::default()),
        ..CreateClusterRequest::default()
    };
    Ok(client.create_cluster(&request, None).await?.cluster_arn)
}

/// Questions at a steady rate, whether the one before has been answered or not.
async fn ask(client: &Client, runtime: &Runtime, arns: &[String], report: &mut Report) -> Result<()> {
    let serve = runtime
        .processes("serve")
        .into_iter()
        .map(|it| it.pid)
        .collect::<Vec<_>>();
    let cpu = process::cpu_seconds(&serve);
    let began = Instant::now();
    let arns = Arc::new(arns.to_vec());
    let mut asked = Vec::new();
    for number in 0..QUESTIONS_PER_S * SECONDS {
        tokio::time::sleep_until((began + Duration::from_secs(1) * number / QUESTIONS_PER_S).into()).await;
        let (client, arns) = (client.clone(), Arc::clone(&arns));
        asked.push(tokio::spawn(async move {
            let arn = &arns[number as usize % arns.len()];
            let began = Instant::now();
            match number % 10 {
                0 => client.list_clusters_v2(Some("bench-00")).await.map(drop)?,
                1 => client
                    .describe_topic(
                        arn,
                        &format!("topic-{:05}", (number as usize % arns.len()) * TOPICS_EACH),
                    )
                    .await
                    .map(drop)?,
                _ => client.describe_cluster_v2(arn).await.map(drop)?,
            }
            Ok::<f64, control_plane_client::Error>(began.elapsed().as_secs_f64() * 1000.0)
        }));
    }
    let mut times = Vec::new();
    for one in asked {
        times.push(one.await??);
    }
    let cpu = (process::cpu_seconds(&serve) - cpu) / began.elapsed().as_secs_f64() * 100.0;
    times.sort_by(f64::total_cmp);
    let at = |part: usize| Spread::of(&[times[(times.len() - 1) * part / 1000]]);
    report.limit("API: describe and list at 500/s, p50", "ms", at(500), 5.0);
    report.limit("API: the same, p99", "ms", at(990), 5.0);
    report.limit(
        "API: the same, CPU of the control plane",
        "% of a core",
        Spread::of(&[cpu]),
        30.0,
    );
    let memory = process::resident_megabytes(*serve.first().context("a control plane")?)?;
    report.limit(
        "API: memory with 100 clusters and 10,000 topics",
        "MiB",
        Spread::of(&[memory]),
        60.0,
    );
    Ok(())
}

/// From the start of the program to its first answer, with everything stored.
fn restart(runtime: &Runtime, tokio: &tokio::runtime::Runtime, report: &mut Report) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..3 {
        runtime.command(&["stop"])?;
        let began = Instant::now();
        let mut start = runtime.prepare(&["serve", "--background"])?;
        start.args(["--data-dir"]).arg(runtime.data_dir());
        let status = start.status()?;
        anyhow::ensure!(status.success(), "serve did not start");
        tokio.block_on(async {
            client(runtime)?
                .list_clusters_v2(Some("bench-000"))
                .await
                .map_err(anyhow::Error::from)
        })?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    report.limit(
        "API: start of the control plane to its first answer",
        "ms",
        Spread::of(&times),
        150.0,
    );
    Ok(())
}
