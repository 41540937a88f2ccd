//! Clients that log in with the signature of an access key: Amazon's own login module for Java, its signer for the bearer
//! tokens of librdkafka and kafka-python, and franz-go's.

use std::{fs, path::Path, process::Command};

use acceptance_tests::{cluster::Cluster, java, program, suite::Suite, tools::Tools};
use anyhow::{Context, Result, ensure};

use crate::{Shared, programs::file};

const REGION: &str = "us-east-1";

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools, shared: &Shared) {
    for (name, script) in [
        ("librdkafka", "librdkafka_client.py"),
        ("kafka_python", "kafka_python_client.py"),
    ] {
        let (all, of_all) = (tools.clone(), shared.clone());
        suite.test_with(
            &format!("{name}_logs_in_with_a_bearer_token"),
            "Python clients",
            tools.python.clone(),
            move |python| {
                let mut command = Command::new(python);
                command.arg(file(script));
                let cluster = of_all.cluster(&all)?;
                succeed(command, &cluster, "OAUTHBEARER", &Key::of_the_root(&cluster)?)
            },
        );
    }
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "franz_go_logs_in_with_an_access_key",
        "franz-go",
        tools.franz_go.clone(),
        move |client| {
            let cluster = of_all.cluster(&all)?;
            succeed(
                Command::new(client),
                &cluster,
                "AWS_MSK_IAM",
                &Key::of_the_root(&cluster)?,
            )
        },
    );
    let (all, of_all) = (tools.clone(), shared.clone());
    // One jar of one project more: without it the others still say that logins work.
    let (iam, missing) = (tools.iam_jar.clone(), "aws-msk-iam-auth is missing");
    suite.test_if(
        "java_logs_in_with_an_access_key",
        iam.as_ref().map(drop).context(missing),
        move || {
            let java = all.java.as_ref().context("a JDK; run `cargo xtask tools`")?;
            let jars = all
                .kafka_jars
                .as_ref()
                .context("Kafka's jars; run `cargo xtask tools`")?;
            let class_path = format!("{}:{}", jars.join("*").display(), iam.context(missing)?.display());
            run_java((java, jars), &class_path, &*of_all.cluster(&all)?)
        },
    );
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "logins_wait_for_a_control_plane_that_was_killed",
        "franz-go",
        tools.franz_go.clone(),
        move |client| {
            let cluster = of_all.cluster(&all)?;
            let key = Key::of_the_root(&cluster)?;
            for _ in 0..3 {
                cluster.workspace.runtime.kill("serve");
                succeed(Command::new(&client), &cluster, "AWS_MSK_IAM", &key)?;
            }
            Ok(())
        },
    );
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "access_keys_are_refused_with_the_reason",
        "franz-go",
        tools.franz_go.clone(),
        move |client| refusals(&client, &*of_all.cluster(&all)?),
    );
}

fn run_java((java, jars): (&Path, &Path), class_path: &str, cluster: &Cluster) -> Result<()> {
    let key = Key::of_the_root(cluster)?;
    let mut command = java::with_class_path(java, jars, class_path, java::source("Clients.java"));
    command.arg(cluster.java_iam_properties()?).args(["orders", "500"]);
    command
        .env("AWS_ACCESS_KEY_ID", &key.id)
        .env("AWS_SECRET_ACCESS_KEY", &key.secret)
        .env("AWS_REGION", REGION);
    let finished = program::succeed(&mut command, program::LIMIT)?;
    ensure!(finished.stdout.contains("ok: "), "{}", finished.text());
    Ok(())
}

fn refusals(client: &Path, cluster: &Cluster) -> Result<()> {
    let refused = |key: &Key, why: &str| {
        let mut command = Command::new(client);
        prepare(&mut command, cluster, "AWS_MSK_IAM", key);
        let said = program::fail(&mut command, program::LIMIT)?.text();
        ensure!(
            said.contains("SASL_AUTHENTICATION_FAILED") && said.contains(why),
            "{said}"
        );
        Ok(())
    };
    let root = Key::of_the_root(cluster)?;
    let wrong = Key {
        secret: "wrong".to_owned(),
        ..root.clone()
    };
    refused(&wrong, "the signature does not match")?;
    let unknown = Key {
        id: "AKIANOBODY".to_owned(),
        ..root
    };
    refused(&unknown, "not known or disabled")?;
    let allow = |action: &str| format!(r#"{{"Effect": "Allow", "Action": "{action}", "Resource": "*"}}"#);
    let reader = Key::make(cluster, "reader", &[allow("kafka-cluster:ReadData")])?;
    refused(&reader, "may not kafka-cluster:Connect")?;
    let deny = r#"{"Effect": "Deny", "Action": "kafka-cluster:DeleteTopic", "Resource": "*"}"#.to_owned();
    let careful = Key::make(cluster, "careful", &[allow("kafka-cluster:*"), deny])?;
    refused(&careful, "an explicit deny names it")?;
    let app = Key::make(cluster, "app", &[allow("kafka-cluster:*")])?;
    succeed(Command::new(client), cluster, "AWS_MSK_IAM", &app)?;
    cluster.runtime(&["keys", "disable", &app.id])?;
    refused(&app, "not known or disabled")?;
    let audit = cluster.runtime(&["audit", "--action", "kafka-cluster:Connect", "--json"])?;
    ensure!(
        audit.contains("user/app") && audit.contains("SaslAuthenticationFailed"),
        "{audit}"
    );
    ensure!(!audit.contains(&app.secret), "a secret in the audit log");
    Ok(())
}

/// An access key.
#[derive(Clone)]
struct Key {
    id: String,
    secret: String,
}

impl Key {
    /// From text in the form of a credentials file.
    fn parse(text: &str) -> Result<Self> {
        let value = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            let found = lines.find(|(key, _)| key.trim() == name);
            Ok::<_, anyhow::Error>(found.context("a credentials file")?.1.trim().to_owned())
        };
        Ok(Self {
            id: value("aws_access_key_id")?,
            secret: value("aws_secret_access_key")?,
        })
    }

    /// The one that every runtime has.
    fn of_the_root(cluster: &Cluster) -> Result<Self> {
        let path = cluster.workspace.runtime.data_dir().join("credentials");
        Self::parse(&fs::read_to_string(path)?)
    }

    /// One of a principal with a policy of these statements.
    fn make(cluster: &Cluster, principal: &str, statements: &[String]) -> Result<Self> {
        let path = cluster.workspace.path().join(format!("{principal}.json"));
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#,
            statements.join(",")
        );
        fs::write(&path, text)?;
        let policy = path.display().to_string();
        Self::parse(&cluster.runtime(&["keys", "create", "--principal", principal, "--policy", &policy])?)
    }
}

fn prepare(command: &mut Command, cluster: &Cluster, mechanism: &str, key: &Key) {
    command
        .arg(&cluster.bootstrap_iam)
        .arg(&cluster.authority)
        .args([&key.id, mechanism, "orders", "500"])
        // The names of the brokers do not tell it, as those of AWS do.
        .env("AWS_REGION", REGION)
        .env("KAFKA_PASSWORD", &key.secret);
}

fn succeed(mut command: Command, cluster: &Cluster, mechanism: &str, key: &Key) -> Result<()> {
    prepare(&mut command, cluster, mechanism, key);
    let finished = program::succeed(&mut command, program::LIMIT)?;
    ensure!(finished.stdout.contains("ok: "), "{}", finished.text());
    Ok(())
}
