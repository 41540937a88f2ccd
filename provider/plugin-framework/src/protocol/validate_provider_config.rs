//! ValidateProviderConfig: checks the provider block; values may be unknown.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, object},
    server::{Shared, guarded},
};
use crate::{diagnostics::Diagnostics, plan};

impl Shared {
    pub(crate) async fn validate_provider_config(
        &self,
        request: &proto::validate_provider_config::Request,
    ) -> proto::validate_provider_config::Response {
        let diagnostics = guarded(async { self.check_provider_config(request) })
            .await
            .unwrap_or_else(|it| it);
        proto::validate_provider_config::Response {
            diagnostics: diagnostics.into_proto(),
        }
    }

    fn check_provider_config(&self, request: &proto::validate_provider_config::Request) -> Diagnostics {
        let schema = self.provider.schema();
        let config = match decode(request.config.as_ref(), &schema.object_type()) {
            Ok(config) => config,
            Err(diagnostics) => return diagnostics,
        };
        let mut diagnostics = plan::validate(schema, &config, true);
        match object(config, "provider configuration") {
            Ok(config) => diagnostics.extend(self.provider.validate(&config)),
            Err(error) => diagnostics.extend(error),
        }
        diagnostics
    }
}
