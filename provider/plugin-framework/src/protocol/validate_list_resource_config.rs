//! ValidateListResourceConfig: the schema's checks and the list resource's own. Values may be unknown.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, object},
    server::{Shared, guarded},
};
use crate::{diagnostics::Diagnostics, plan};

type Request = proto::validate_list_resource_config::Request;

impl Shared {
    pub(crate) async fn validate_list_resource_config(
        &self,
        request: &Request,
    ) -> proto::validate_list_resource_config::Response {
        let checked = guarded(async { self.check_list_resource_config(request).unwrap_or_else(|it| it) }).await;
        proto::validate_list_resource_config::Response {
            diagnostics: checked.unwrap_or_else(|it| it).into_proto(),
        }
    }

    fn check_list_resource_config(&self, request: &Request) -> Result<Diagnostics, Diagnostics> {
        let registered = self.list_resource(&request.type_name)?;
        let config = decode(request.config.as_ref(), &registered.of)?;
        let mut diagnostics = plan::validate(registered.list_resource.schema(), &config, false);
        let config = object(config, "configuration of the list")?;
        diagnostics.extend(registered.list_resource.validate(&config));
        Ok(diagnostics)
    }
}
