//! Configurations.

use async_trait::async_trait;
use control_plane_client::Client;
use plugin_framework::model::{Field, Model};

use super::listing::{Census, Found, listed};

/// The configurations that exist.
#[derive(Clone, Debug, Default, Model)]
pub(super) struct Configurations {
    /// Only configurations whose name begins like this.
    #[attribute(optional)]
    name_prefix: Field<String>,
}

#[async_trait]
impl Census for Configurations {
    const TYPE_NAME: &'static str = "msk_configuration";

    async fn ask(&self, client: &Client) -> Found {
        let prefix = self.name_prefix.as_str().unwrap_or_default();
        let all = client.list_configurations().await?;
        let wanted = all.iter().filter(|it| it.name.starts_with(prefix));
        Ok(wanted.map(|it| listed(&it.name, &[("arn", &it.arn)])).collect())
    }
}
