//! Whichever call of an apply is the one that fails, before or after it was done: the next apply leads to one resource, not two,
//! and the next destroy to none. Between whichever calls of a refresh somebody destroys the resource, it is found to be gone.

use std::path::Path;

use acceptance_tests::{binaries, runtime::Runtime, suite::Suite};
use anyhow::{Context, Result, ensure};
use plugin_conformance::{Change, Core, Planned, Provider, start};
use plugin_framework::value::Value;
use tonic::transport::Channel;

use crate::failing_proxy::{FailingProxy, Failure};

/// More calls than any of these takes.
const CALLS_MAX: usize = 40;

/// Adds the test of this file.
pub fn add(suite: &mut Suite) {
    suite.test("whichever_call_fails_the_next_apply_converges", || {
        let tasks = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tasks.block_on(converges())
    });
    suite.test("cluster_destroyed_between_the_calls_of_a_refresh_is_gone", || {
        let tasks = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tasks.block_on(is_gone())
    });
}

/// A runtime, the way to it, and the resource that is made.
struct Stage {
    runtime: Runtime,
    proxy: FailingProxy,
    type_name: &'static str,
    config: Value,
    /// Arguments of the list that finds it.
    listed_by: Vec<(&'static str, Value)>,
}

/// A new process of the provider, as each command of core starts one.
async fn provider_at(endpoint: &str, runtime: &Runtime) -> Result<Provider> {
    let folder: &Path = &runtime.data_dir();
    let binary = binaries::path("terraform-provider-msk")?;
    let home = folder.display().to_string();
    let mut provider = start(&binary, &[("OPENMSK_DATA_DIR", &home)]).await?;
    let (access_key, secret_key) = runtime.key()?;
    let block = [
        ("endpoint", Value::string(endpoint)),
        ("access_key", Value::string(access_key)),
        ("secret_key", Value::string(secret_key)),
    ];
    provider.core.configure(block).await?;
    Ok(provider)
}

impl Stage {
    async fn provider(&self) -> Result<Provider> {
        provider_at(&self.proxy.endpoint, &self.runtime).await
    }

    async fn count(&self, core: &mut Core<Channel>) -> Result<usize> {
        Ok(core.list(self.type_name, self.listed_by.clone()).await?.len())
    }

    /// Creates it, the first apply failing at a call, and destroys it in the same way. False when that call was never made.
    async fn live(&self, call: usize, failure: Failure) -> Result<bool> {
        let mut first = self.provider().await?;
        let before = self.count(&mut first.core).await?;
        self.proxy.fail_from(call, failure);
        let made = create(&mut first.core, self.type_name, &self.config).await;
        let create_failed = self.proxy.heal();
        let (mut now, errors) = made?;
        ensure!(
            create_failed || errors.is_empty(),
            "a failure that nobody planted: {errors:?}"
        );
        if !errors.is_empty() {
            let mut second = self.provider().await?;
            if !now.state.is_null() {
                // Core has marked it as tainted.
                let errors = destroy(&mut second.core, self.type_name, &now).await?;
                ensure!(errors.is_empty(), "what is half made cannot be destroyed: {errors:?}");
            }
            let (state, errors) = create(&mut second.core, self.type_name, &self.config).await?;
            ensure!(errors.is_empty(), "the next apply fails: {errors:?}");
            now = state;
        }
        let mut third = self.provider().await?;
        // As a refresh: from here on the state is known to be written.
        now = third.core.read(self.type_name, &now).await?.value;
        ensure!(self.count(&mut third.core).await? == before + 1, "there is not one");
        let mut fourth = self.provider().await?;
        self.proxy.fail_from(call, failure);
        let errors = destroy(&mut fourth.core, self.type_name, &now).await?;
        let destroy_failed = self.proxy.heal();
        if !errors.is_empty() {
            let mut fifth = self.provider().await?;
            let read = fifth.core.read(self.type_name, &now).await?;
            ensure!(
                read.errors.is_empty(),
                "what is half gone cannot be read: {:?}",
                read.errors
            );
            if !read.value.state.is_null() {
                let errors = destroy(&mut fifth.core, self.type_name, &read.value).await?;
                ensure!(errors.is_empty(), "the next destroy fails: {errors:?}");
            }
        }
        ensure!(self.count(&mut third.core).await? == before, "something is left");
        Ok(create_failed || destroy_failed)
    }
}

/// What an apply leaves in the state, and its errors.
async fn create(core: &mut Core<Channel>, type_name: &str, config: &Value) -> Result<(Change, Vec<String>)> {
    let proposed = config.clone();
    let planned = core.plan(type_name, &Change::nothing(), &proposed, config).await?;
    if !planned.errors.is_empty() {
        return Ok((Change::nothing(), planned.errors));
    }
    let applied = core.apply(type_name, &Value::Null, &planned.value, config).await?;
    Ok((applied.value, applied.errors))
}

async fn destroy(core: &mut Core<Channel>, type_name: &str, now: &Change) -> Result<Vec<String>> {
    let nothing = Planned {
        state: Value::Null,
        private: now.private.clone(),
        replaces: false,
    };
    Ok(core.apply(type_name, &now.state, &nothing, &Value::Null).await?.errors)
}

async fn converges() -> Result<()> {
    let runtime = Runtime::new()?;
    runtime.start()?;
    let proxy = FailingProxy::start(&runtime.endpoint()?)?;
    let mut stage = Stage {
        runtime,
        proxy,
        type_name: "msk_cluster",
        config: Value::Null,
        listed_by: Vec::new(),
    };
    let mut provider = stage.provider().await?;
    for (type_name, config, listed_by) in made(&mut provider.core).await? {
        (stage.type_name, stage.config, stage.listed_by) = (type_name, config, listed_by);
        for failure in [Failure::Refused, Failure::AnswerLost] {
            let mut call = 1;
            while stage
                .live(call, failure)
                .await
                .with_context(|| format!("{type_name}: call {call} {failure:?}"))?
            {
                call += 1;
                ensure!(call < CALLS_MAX, "{type_name} makes no end of calls");
            }
            ensure!(call > 2, "{type_name}: no call was made to fail");
        }
    }
    Ok(())
}

async fn is_gone() -> Result<()> {
    let runtime = Runtime::new()?;
    runtime.start()?;
    let proxy = FailingProxy::start(&runtime.endpoint()?)?;
    let mut reader = provider_at(&proxy.endpoint, &runtime).await?;
    for type_name in ["msk_cluster", "msk_serverless_cluster"] {
        let block = reader.core.block(type_name)?.clone();
        let count = (type_name == "msk_cluster").then(|| ("number_of_broker_nodes", Value::integer(1)));
        let config = block.configuration(std::iter::once(("cluster_name", Value::string("failing"))).chain(count));
        let mut call = 1;
        loop {
            let mut destroyer = provider_at(&runtime.endpoint()?, &runtime).await?;
            let made = destroyer.core.create(type_name, &config).await?;
            // The first refresh has more to do than the others.
            let made = destroyer.core.read(type_name, &made).await?.value;
            proxy.hold(call);
            let reading = reader.core.read(type_name, &made);
            tokio::pin!(reading);
            let was_held = tokio::select! {
                read = &mut reading => {
                    ensure!(!read?.value.state.is_null(), "{type_name} is gone before it is destroyed");
                    false
                }
                held = proxy.held() => held.map(|()| true)?,
            };
            let errors = destroy(&mut destroyer.core, type_name, &made).await?;
            ensure!(errors.is_empty(), "{errors:?}");
            proxy.release();
            if !was_held {
                break;
            }
            let read = reading.await?;
            ensure!(read.errors.is_empty(), "{type_name}, call {call}: {:?}", read.errors);
            ensure!(
                read.value.state.is_null(),
                "{type_name}, call {call}: it is still there"
            );
            call += 1;
        }
        ensure!(call > 2, "{type_name}: a refresh makes one call");
    }
    Ok(())
}

/// A type, its configuration, and the arguments of its list.
type Made = (&'static str, Value, Vec<(&'static str, Value)>);

/// What is made, some of it in a cluster that is there already.
async fn made(core: &mut Core<Channel>) -> Result<Vec<Made>> {
    let cluster = core.block("msk_cluster")?.clone();
    let authentication = &cluster.blocks["client_authentication"].block;
    let sasl = authentication.nested("sasl", [("scram", Value::Bool(true))]);
    let authentication = cluster.nested("client_authentication", [("sasl", sasl)]);
    let configured = |name: &str| {
        cluster.configuration([
            ("cluster_name", Value::string(name)),
            ("number_of_broker_nodes", Value::integer(1)),
            ("client_authentication", authentication.clone()),
        ])
    };
    let there = core.create("msk_cluster", &configured("there")).await?;
    let arn = there.state.as_map().and_then(|state| state["arn"].as_str());
    let by_cluster = vec![("cluster_arn", Value::string(arn.context("arn")?))];
    let name = Value::string("failing");
    let topic = vec![
        ("name", name.clone()),
        ("partition_count", Value::integer(1)),
        ("replication_factor", Value::integer(1)),
    ];
    let acl = vec![
        ("resource_type", Value::string("TOPIC")),
        ("resource_name", name.clone()),
        ("principal", Value::string("User:app")),
        ("operation", Value::string("READ")),
    ];
    let quota = vec![("user", name.clone()), ("producer_byte_rate", Value::integer(1000))];
    let password = Value::string("Planted-4711-password");
    let user = vec![("username", name.clone()), ("password_wo", password)];
    let properties = Value::string("num.partitions = 3\n");
    let configuration = core
        .block("msk_configuration")?
        .configuration([("name", name), ("server_properties", properties)]);
    let mut all: Vec<Made> = vec![("msk_configuration", configuration, Vec::new())];
    for (type_name, set) in [
        ("msk_topic", topic),
        ("msk_acl", acl),
        ("msk_quota", quota),
        ("msk_scram_secret", user),
    ] {
        let config = core
            .block(type_name)?
            .configuration(set.into_iter().chain(by_cluster.clone()));
        all.push((type_name, config, by_cluster.clone()));
    }
    all.push(("msk_cluster", configured("failing"), Vec::new()));
    Ok(all)
}
