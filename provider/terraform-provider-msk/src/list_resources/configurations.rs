//! Configurations.

use async_trait::async_trait;
use control_plane_client::Client;
use plugin_framework::{
    schema::{Attribute, Schema},
    value::Object,
};

use super::listing::{Census, Found, listed};

/// `msk_configuration`.
pub(super) struct Configurations;

#[async_trait]
impl Census for Configurations {
    const TYPE_NAME: &'static str = "msk_configuration";

    fn schema() -> Schema {
        Schema::new().description("The configurations that exist.").attribute(
            "name_prefix",
            Attribute::string()
                .optional()
                .description("Only configurations whose name begins like this."),
        )
    }

    async fn ask(client: &Client, asked: &Object) -> Found {
        let prefix = asked.string("name_prefix").unwrap_or_default();
        let all = client.list_configurations().await?;
        let wanted = all.iter().filter(|it| it.name.starts_with(prefix));
        Ok(wanted.map(|it| listed(&it.name, &[("arn", &it.arn)])).collect())
    }
}
