//! `msk_hosts`.

use async_trait::async_trait;
use control_plane_api::hosts::Host;
use control_plane_client::Client;
use plugin_framework::model::{Field, Model, Plain};

use super::look_up::{Answer, Question, texts};

/// States that hosts are in.
const STATES: &[&str] = &["ACTIVE", "DRAINING", "UNREACHABLE", "DEAD"];

/// The machines that have joined the control plane, by name.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Hosts {
    /// Only hosts that stand in this zone.
    #[attribute(optional)]
    zone: Field<String>,
    /// Only hosts in this state: `ACTIVE`, `DRAINING`, `UNREACHABLE` or `DEAD`.
    #[attribute(optional, one_of = STATES)]
    state: Field<String>,
    /// Their names.
    #[attribute(computed)]
    names: Field<Vec<String>>,
    /// Their zones, each once, in alphabetical order.
    #[attribute(computed)]
    zones: Field<Vec<String>>,
    /// What there is to say of each in a line.
    #[attribute(computed)]
    hosts: Field<Plain<Vec<HostLine>>>,
}

/// A host in a line.
#[derive(Clone, Debug, Default, Model)]
struct HostLine {
    #[attribute(computed)]
    address: Field<String>,
    #[attribute(computed)]
    agent_version: Field<String>,
    #[attribute(computed)]
    cores: Field<i64>,
    #[attribute(computed)]
    disk_bytes: Field<i64>,
    #[attribute(computed)]
    host_id: Field<String>,
    #[attribute(computed)]
    memory_bytes: Field<i64>,
    #[attribute(computed)]
    name: Field<String>,
    #[attribute(computed)]
    state: Field<String>,
    #[attribute(computed)]
    zone: Field<String>,
}

impl From<Host> for HostLine {
    fn from(host: Host) -> Self {
        let number = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX).into();
        Self {
            address: host.address.into(),
            agent_version: host.agent_version.into(),
            cores: i64::from(host.cores).into(),
            disk_bytes: number(host.disk_bytes),
            host_id: host.host_id.into(),
            memory_bytes: number(host.memory_bytes),
            name: host.name.into(),
            state: host.state.into(),
            zone: host.zone.into(),
        }
    }
}

#[async_trait]
impl Question for Hosts {
    const TYPE_NAME: &'static str = "msk_hosts";

    async fn ask(mut self, client: &Client) -> Answer<Self> {
        let mut all = client.list_hosts().await?;
        let is = |wanted: &Field<String>, found: &str| wanted.as_str().is_none_or(|wanted| wanted == found);
        all.retain(|host| is(&self.zone, &host.zone) && is(&self.state, &host.state));
        let mut zones: Vec<String> = all.iter().map(|host| host.zone.clone()).collect();
        zones.sort();
        zones.dedup();
        self.names = texts(all.iter().map(|host| &host.name));
        self.zones = zones.into();
        self.hosts = Plain(all.into_iter().map(Into::into).collect()).into();
        Ok(Ok(self))
    }
}
