//! Hosts, and the tokens that let others join: under `/openmsk/v1`.

use control_plane_api::hosts::{
    CreateHostTokenRequest, CreateHostTokenResponse, Host, HostToken, ListHostTokensResponse, ListHostsResponse,
    UpdateHostRequest,
};
use http::Method;

use crate::{
    error::Result,
    transport::{Call, Client, Retry, segment},
};

const HOSTS: &str = "/openmsk/v1/hosts";
const TOKENS: &str = "/openmsk/v1/host-tokens";

impl Client {
    /// The hosts that have joined, by name.
    pub async fn list_hosts(&self) -> Result<Vec<Host>> {
        let found: ListHostsResponse = self.call(Call::get("list_hosts", HOSTS.to_owned())).await?;
        Ok(found.hosts)
    }

    /// Has a host emptied (`DRAINING`), used again (`ACTIVE`), or taken for lost (`DEAD`).
    pub async fn update_host(&self, name: &str, state: &str) -> Result<()> {
        let path = format!("{HOSTS}/{}", segment(name));
        let state = state.to_owned();
        let call = Call::new("update_host", Method::PUT, path).json(&UpdateHostRequest { state });
        self.call_for_nothing(call.retry(Retry::Always)).await
    }

    /// Forgets a host that nothing is on, or that is dead.
    pub async fn remove_host(&self, name: &str) -> Result<()> {
        let path = format!("{HOSTS}/{}", segment(name));
        self.call_for_nothing(Call::new("remove_host", Method::DELETE, path))
            .await
    }

    /// Makes a token that lets one host join.
    pub async fn create_host_token(&self, request: &CreateHostTokenRequest) -> Result<CreateHostTokenResponse> {
        self.call(Call::new("create_host_token", Method::POST, TOKENS.to_owned()).json(request))
            .await
    }

    /// The tokens, oldest first.
    pub async fn list_host_tokens(&self) -> Result<Vec<HostToken>> {
        let found: ListHostTokensResponse = self.call(Call::get("list_host_tokens", TOKENS.to_owned())).await?;
        Ok(found.host_tokens)
    }

    /// Forgets a token.
    pub async fn delete_host_token(&self, token_id: &str) -> Result<()> {
        let path = format!("{TOKENS}/{}", segment(token_id));
        self.call_for_nothing(Call::new("delete_host_token", Method::DELETE, path))
            .await
    }
}
