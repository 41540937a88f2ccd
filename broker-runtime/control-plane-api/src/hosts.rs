//! Hosts, and the tokens that let them join: ours, under `/openmsk/v1`.

use serde::{Deserialize, Serialize};

use crate::SecretText;

/// `POST /openmsk/v1/host-tokens`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateHostTokenRequest {
    /// Zone that the host will stand in; it says so itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// How long a host may use it; an hour when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
}

/// Its answer: the only time the token is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateHostTokenResponse {
    /// The token, with the fingerprint of the control plane.
    pub token: SecretText,
    /// What is listed of it.
    pub host_token: HostToken,
    /// Where the control plane listens for other machines, `host:port`.
    pub join_address: String,
}

/// A token that lets one host join.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostToken {
    /// Id; the second part of the token.
    pub token_id: String,
    /// Zone that the host will stand in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// ISO 8601.
    pub creation_time: String,
    /// ISO 8601.
    pub expiration_time: String,
    /// `UNUSED`, `USED` or `EXPIRED`.
    pub status: String,
    /// Name of the host that has joined with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_by: Option<String>,
}

/// `GET /openmsk/v1/host-tokens`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListHostTokensResponse {
    /// Oldest first; those that were used or have expired for a week are forgotten.
    pub host_tokens: Vec<HostToken>,
}

/// `POST /openmsk/v1/host-joins`, which is not signed: the token says who may.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinHostRequest {
    /// Id of the token.
    pub token_id: String,
    /// Its secret.
    pub token_secret: SecretText,
    /// Identity that the host has given itself.
    pub host_id: String,
    /// Name.
    pub name: String,
    /// Zone; the token's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Where others reach the host.
    pub address: String,
    /// Where its agent answers, `address:port`.
    pub agent_address: String,
    /// Version of its agent.
    pub agent_version: String,
    /// Its wall clock, unix milliseconds.
    pub now_ms: i64,
    /// Absolute path of the data directory of its agent.
    pub data_directory: String,
    /// A certificate signing request, PEM.
    pub certificate_request_pem: String,
}

/// Its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinHostResponse {
    /// Zone that the host stands in.
    pub zone: String,
    /// Its certificate, PEM.
    pub certificate_pem: String,
    /// The authority of the fleet, PEM.
    pub authority_pem: String,
}

/// A host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// Identity.
    pub host_id: String,
    /// Name.
    pub name: String,
    /// Zone that it stands in.
    pub zone: String,
    /// `ACTIVE`, `DRAINING`, `UNREACHABLE` or `DEAD`.
    pub state: String,
    /// Why it cannot be reached, or what keeps it from being emptied or replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<String>,
    /// Where others reach it.
    pub address: String,
    /// Where its agent answers, `address:port`.
    pub agent_address: String,
    /// Version of its agent.
    pub agent_version: String,
    /// Processors.
    pub cores: u32,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Size of the disk under its data directory, bytes.
    pub disk_bytes: u64,
    /// What of that is free, bytes.
    pub disk_free_bytes: u64,
    /// By how much its clock is ahead, milliseconds.
    pub clock_ahead_ms: i64,
    /// Brokers and controllers that are placed on it.
    #[serde(default)]
    pub node_count: usize,
    /// When the certificate of its agent ends, ISO 8601; absent before it has answered once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_not_after: Option<String>,
    /// When it joined, ISO 8601.
    pub creation_time: String,
}

/// `GET /openmsk/v1/hosts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListHostsResponse {
    /// By name.
    pub hosts: Vec<Host>,
}

/// `GET /openmsk/v1/host-leftovers`, and of `POST /openmsk/v1/host-leftovers/delete`, after which it is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostLeftovers {
    /// What no cluster needs any more.
    pub leftovers: Vec<HostLeftover>,
    /// What was not looked at, and why: sentences.
    pub left_out: Vec<String>,
}

/// Something on a host that no cluster needs any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostLeftover {
    /// Name of the host; absent for the machine of the control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What it is.
    pub what: String,
    /// Where it is, on that machine.
    pub path: String,
    /// What it takes up.
    pub bytes: u64,
}

/// `PUT /openmsk/v1/hosts/{name}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateHostRequest {
    /// `ACTIVE`, `DRAINING` or `DEAD`.
    pub state: String,
}
