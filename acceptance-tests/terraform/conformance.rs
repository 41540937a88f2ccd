//! Every resource type lives its life with the conformance client as its core: each answer is one that core would take, also with a
//! value unknown, left out or empty at every attribute.

use acceptance_tests::{binaries, runtime::Runtime, suite::Suite};
use anyhow::{Context, Result, ensure};
use plugin_conformance::{Block, Change, Core, Finding, Life, start};
use plugin_framework::value::Value;
use tonic::transport::Channel;

/// Adds the tests of this file.
pub fn add(suite: &mut Suite) {
    suite.test("resources_conform_on_their_own", || in_runtime(on_their_own));
    suite.test("resources_in_a_cluster_conform", || in_runtime(in_a_cluster));
}

/// Runs a test with a provider that has a runtime of its own.
fn in_runtime<T: AsyncFnOnce(&mut Core<Channel>) -> Result<Vec<Finding>>>(test: T) -> Result<()> {
    let runtime = Runtime::new()?;
    let data_dir = runtime.data_dir().display().to_string();
    let binary = binaries::path("terraform-provider-msk")?;
    let tasks = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found = tasks.block_on(async {
        let mut provider = start(&binary, &[("OPENMSK_DATA_DIR", &data_dir)]).await?;
        provider.core.configure([]).await?;
        test(&mut provider.core).await
    })?;
    let text: String = found.iter().map(|finding| format!("{finding}\n")).collect();
    ensure!(found.is_empty(), "core would refuse:\n{text}");
    Ok(())
}

fn text(text: &str) -> Value {
    Value::string(text)
}

fn attribute(state: &Value, name: &str) -> String {
    let value = state.as_map().and_then(|state| state.get(name)).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

async fn on_their_own(core: &mut Core<Channel>) -> Result<Vec<Finding>> {
    let configuration = core.block("msk_configuration")?.clone();
    let configured = |name: &str, properties: &str| {
        let versions = Value::strings(["4.1.x.kraft", "4.2.x.kraft"]);
        configuration.configuration([
            ("name", text(name)),
            ("server_properties", text(properties)),
            ("description", text("for a test")),
            ("kafka_versions", versions),
        ])
    };
    let mut found = Life {
        type_name: "msk_configuration",
        configs: vec![
            configured("conforming", "num.partitions = 3\n"),
            configured("conforming", "num.partitions = 4\n# more\n"),
        ],
        import_id: Some(|state| attribute(state, "arn")),
        unknown_to_import: &[],
    }
    .run(core)
    .await?;
    let shared = core
        .create("msk_configuration", &configured("shared", "num.partitions = 3\n"))
        .await?;
    let cluster = core.block("msk_cluster")?.clone();
    found.extend(
        Life {
            type_name: "msk_cluster",
            configs: vec![small(&cluster), large(&cluster, &shared)],
            import_id: Some(|state| attribute(state, "arn")),
            unknown_to_import: &["timeouts", "deletion_protection"],
        }
        .run(core)
        .await?,
    );
    let serverless = core.block("msk_serverless_cluster")?.clone();
    let bounded = |most: i64| {
        let tags = [("team".to_owned(), "one".to_owned())];
        serverless.configuration([
            ("cluster_name", text("conforming-serverless")),
            ("min_broker_count", Value::integer(1)),
            ("max_broker_count", Value::integer(most)),
            (
                "tags",
                Value::map_of_strings(tags.iter().map(|(key, value)| (key, value))),
            ),
        ])
    };
    found.extend(
        Life {
            type_name: "msk_serverless_cluster",
            configs: vec![bounded(2), bounded(4)],
            import_id: Some(|state| attribute(state, "cluster_name")),
            unknown_to_import: &["deletion_protection"],
        }
        .run(core)
        .await?,
    );
    Ok(found)
}

fn small(cluster: &Block) -> Value {
    cluster.configuration([
        ("cluster_name", text("conforming")),
        ("number_of_broker_nodes", Value::integer(1)),
        ("kafka_version", text("4.1.x.kraft")),
    ])
}

/// Almost every argument is set.
fn large(cluster: &Block, configuration: &Change) -> Value {
    let tags = [("team".to_owned(), "one".to_owned())];
    let on = || Value::Bool(true);
    let authentication = &cluster.blocks["client_authentication"].block;
    let authentication = [
        ("unauthenticated", on()),
        ("sasl", authentication.nested("sasl", [("scram", on()), ("iam", on())])),
    ];
    let monitoring = &cluster.blocks["open_monitoring"].block;
    let prometheus = &monitoring.blocks["prometheus"].block;
    let exporter = prometheus.nested("jmx_exporter", [("enabled_in_broker", on())]);
    let prometheus = monitoring.nested("prometheus", [("jmx_exporter", exporter)]);
    let configuration = [
        ("arn", text(&attribute(&configuration.state, "arn"))),
        ("revision", Value::integer(1)),
    ];
    let patience = [("create", text("5m")), ("delete", text("5m"))];
    cluster.configuration([
        ("cluster_name", text("conforming")),
        ("number_of_broker_nodes", Value::integer(2)),
        ("kafka_version", text("4.2.x.kraft")),
        ("enhanced_monitoring", text("PER_BROKER")),
        ("deletion_protection", Value::Bool(false)),
        (
            "tags",
            Value::map_of_strings(tags.iter().map(|(key, value)| (key, value))),
        ),
        (
            "configuration_info",
            cluster.nested("configuration_info", configuration),
        ),
        (
            "client_authentication",
            cluster.nested("client_authentication", authentication),
        ),
        ("broker_node_group_info", group(cluster)),
        (
            "open_monitoring",
            cluster.nested("open_monitoring", [("prometheus", prometheus)]),
        ),
        ("timeouts", cluster.nested("timeouts", patience)),
    ])
}

fn group(cluster: &Block) -> Value {
    let group = &cluster.blocks["broker_node_group_info"].block;
    let storage = &group.blocks["storage_info"].block;
    let volume = storage.nested("ebs_storage_info", [("volume_size", Value::integer(100))]);
    cluster.nested(
        "broker_node_group_info",
        [
            ("instance_type", text("kafka.m7g.large")),
            ("client_subnets", Value::strings(["subnet-a", "subnet-b"])),
            (
                "storage_info",
                group.nested("storage_info", [("ebs_storage_info", volume)]),
            ),
        ],
    )
}

async fn in_a_cluster(core: &mut Core<Channel>) -> Result<Vec<Finding>> {
    let cluster = core.block("msk_cluster")?.clone();
    let authentication = cluster.blocks["client_authentication"].block.clone();
    let sasl = authentication.nested("sasl", [("scram", Value::Bool(true))]);
    let config = cluster.configuration([
        ("cluster_name", text("conforming")),
        ("number_of_broker_nodes", Value::integer(1)),
        (
            "client_authentication",
            cluster.nested("client_authentication", [("sasl", sasl)]),
        ),
    ]);
    let made = core.create("msk_cluster", &config).await?;
    let arn = attribute(&made.state, "arn");
    let mut found = Vec::new();
    let mut lives = of_data(core, &arn)?;
    lives.extend(of_access(core, &arn).await?);
    for (type_name, configs, import_id, unknown_to_import) in lives {
        let life = Life {
            type_name,
            configs,
            import_id: Some(import_id),
            unknown_to_import,
        };
        let of_type = life.run(core).await.with_context(|| type_name.to_owned())?;
        found.extend(of_type.into_iter().map(|finding| Finding {
            step: format!("{type_name}: {}", finding.step),
            ..finding
        }));
    }
    Ok(found)
}

/// A type, its configurations, its import id, and what an import cannot know.
type LifeOf = (&'static str, Vec<Value>, fn(&Value) -> String, &'static [&'static str]);

/// What is about topics, and who may do what.
fn of_data(core: &Core<Channel>, arn: &str) -> Result<Vec<LifeOf>> {
    let settings = |value: &str| {
        let entries = [("retention.ms".to_owned(), value.to_owned())];
        Value::map_of_strings(entries.iter().map(|(key, value)| (key, value)))
    };
    let topic = core.block("msk_topic")?;
    let topic = |partitions: i64, retention: &str| {
        topic.configuration([
            ("cluster_arn", text(arn)),
            ("name", text("orders")),
            ("partition_count", Value::integer(partitions)),
            ("replication_factor", Value::integer(1)),
            ("configs", settings(retention)),
        ])
    };
    let acl = core.block("msk_acl")?;
    let acl = |operation: &str| {
        acl.configuration([
            ("cluster_arn", text(arn)),
            ("resource_type", text("TOPIC")),
            ("resource_name", text("orders")),
            ("principal", text("User:app")),
            ("operation", text(operation)),
            ("host", text("127.0.0.1")),
        ])
    };
    let quota = core.block("msk_quota")?;
    let quota = |rate: i64| {
        quota.configuration([
            ("cluster_arn", text(arn)),
            ("user", text("app")),
            ("client_id", text("<default>")),
            ("producer_byte_rate", Value::integer(rate)),
        ])
    };
    let by_id = |state: &Value| attribute(state, "id");
    Ok(vec![
        (
            "msk_topic",
            vec![topic(1, "1000"), topic(2, "2000")],
            |state| format!("{}|{}", attribute(state, "cluster_arn"), attribute(state, "name")),
            &["deletion_protection"],
        ),
        ("msk_acl", vec![acl("READ"), acl("WRITE")], by_id, &[]),
        ("msk_quota", vec![quota(1000), quota(2000)], by_id, &[]),
    ])
}

/// What is about users and other accounts.
async fn of_access(core: &mut Core<Channel>, arn: &str) -> Result<Vec<LifeOf>> {
    let policy = core.block("msk_cluster_policy")?.clone();
    let policy = |action: &str| {
        let statement = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::111122223333:root"}},"Action":"{action}","Resource":"{arn}"}}]}}"#
        );
        policy.configuration([("cluster_arn", text(arn)), ("policy", text(&statement))])
    };
    let user = core.block("msk_scram_secret")?.clone();
    let user = |name: &str, version: i64| {
        user.configuration([
            ("cluster_arn", text(arn)),
            ("username", text(name)),
            ("password_wo", text("Planted-0815-password")),
            ("password_wo_version", Value::integer(version)),
        ])
    };
    let other = core.create("msk_scram_secret", &user("other", 1)).await?;
    let secret_arn = attribute(&other.state, "arn");
    let single = core.block("msk_single_scram_secret_association")?;
    let single = single.configuration([("cluster_arn", text(arn)), ("secret_arn", text(&secret_arn))]);
    let all = core.block("msk_scram_secret_association")?;
    let all = all.configuration([
        ("cluster_arn", text(arn)),
        ("secret_arn_list", Value::strings([&secret_arn])),
    ]);
    let of_cluster = |state: &Value| attribute(state, "cluster_arn");
    Ok(vec![
        (
            "msk_cluster_policy",
            vec![policy("kafka:DescribeCluster"), policy("kafka:*")],
            of_cluster,
            &[],
        ),
        (
            "msk_scram_secret",
            vec![user("app", 1), user("app", 2)],
            |state| format!("{}|{}", attribute(state, "cluster_arn"), attribute(state, "username")),
            // The version is known to whoever has written it.
            &["password_wo_version", "version_id"],
        ),
        (
            "msk_single_scram_secret_association",
            vec![single],
            |state| format!("{},{}", attribute(state, "cluster_arn"), attribute(state, "secret_arn")),
            &[],
        ),
        ("msk_scram_secret_association", vec![all], of_cluster, &[]),
    ])
}
