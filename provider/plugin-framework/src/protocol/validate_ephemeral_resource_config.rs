//! ValidateEphemeralResourceConfig: the schema's checks and the ephemeral resource's own. Values may be unknown.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, object},
    server::{Shared, guarded},
};
use crate::{diagnostics::Diagnostics, plan};

impl Shared {
    pub(crate) async fn validate_ephemeral_resource_config(
        &self,
        request: &proto::validate_ephemeral_resource_config::Request,
    ) -> proto::validate_ephemeral_resource_config::Response {
        let checked = guarded(async { self.check_ephemeral_resource_config(request).unwrap_or_else(|it| it) }).await;
        proto::validate_ephemeral_resource_config::Response {
            diagnostics: checked.unwrap_or_else(|it| it).into_proto(),
        }
    }

    fn check_ephemeral_resource_config(
        &self,
        request: &proto::validate_ephemeral_resource_config::Request,
    ) -> Result<Diagnostics, Diagnostics> {
        let registered = self.ephemeral_resource(&request.type_name)?;
        let config = decode(request.config.as_ref(), &registered.of)?;
        // Nothing of an ephemeral resource is written down, so it has no write-only values.
        let mut diagnostics = plan::validate(registered.schema(), &config, false);
        let config = object(config, "ephemeral resource configuration")?;
        diagnostics.extend(registered.ephemeral.validate(&config));
        Ok(diagnostics)
    }
}
