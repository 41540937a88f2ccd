//! ValidateResourceConfig: the schema's checks and the resource's own. Called several times, first with unknowns.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, object},
    server::{Shared, guarded},
};
use crate::{diagnostics::Diagnostics, plan};

impl Shared {
    pub(crate) async fn validate_resource_config(
        &self,
        request: &proto::validate_resource_config::Request,
    ) -> proto::validate_resource_config::Response {
        let checked = guarded(async { self.check_resource_config(request).unwrap_or_else(|it| it) }).await;
        proto::validate_resource_config::Response {
            diagnostics: checked.unwrap_or_else(|it| it).into_proto(),
        }
    }

    fn check_resource_config(
        &self,
        request: &proto::validate_resource_config::Request,
    ) -> Result<Diagnostics, Diagnostics> {
        let registered = self.resource(&request.type_name)?;
        let config = decode(request.config.as_ref(), &registered.of)?;
        let allowed = request
            .client_capabilities
            .is_some_and(|it| it.write_only_attributes_allowed);
        let mut diagnostics = plan::validate(registered.schema(), &config, allowed);
        diagnostics.extend(registered.resource.validate(&object(config, "resource configuration")?));
        Ok(diagnostics)
    }
}
