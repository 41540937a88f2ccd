//! ConfigureProvider: hands the provider block over, before anything that talks to the outside.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, object},
    server::{Shared, guarded},
};
use crate::{diagnostics::Diagnostics, provider::Configuration};

impl Shared {
    pub(crate) async fn configure_provider(
        &self,
        request: proto::configure_provider::Request,
    ) -> proto::configure_provider::Response {
        let configured = guarded(async { self.configure(request).await.unwrap_or_else(|it| it) }).await;
        proto::configure_provider::Response {
            diagnostics: configured.unwrap_or_else(|it| it).into_proto(),
        }
    }

    async fn configure(&self, request: proto::configure_provider::Request) -> Result<Diagnostics, Diagnostics> {
        let config = decode(request.config.as_ref(), &self.provider.schema().object_type())?;
        let values = object(config, "provider configuration")?;
        let configuration = Configuration {
            values,
            terraform_version: request.terraform_version,
        };
        Ok(self.provider.configure(&self.context(), configuration).await)
    }
}
