//! ValidateDataResourceConfig: the schema's checks and the data source's own. Values may be unknown.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, object},
    server::{Shared, guarded},
};
use crate::{diagnostics::Diagnostics, plan};

impl Shared {
    pub(crate) async fn validate_data_resource_config(
        &self,
        request: &proto::validate_data_resource_config::Request,
    ) -> proto::validate_data_resource_config::Response {
        let checked = guarded(async { self.check_data_resource_config(request).unwrap_or_else(|it| it) }).await;
        proto::validate_data_resource_config::Response {
            diagnostics: checked.unwrap_or_else(|it| it).into_proto(),
        }
    }

    fn check_data_resource_config(
        &self,
        request: &proto::validate_data_resource_config::Request,
    ) -> Result<Diagnostics, Diagnostics> {
        let registered = self.data_source(&request.type_name)?;
        let config = decode(request.config.as_ref(), &registered.of)?;
        // Data sources have no write-only values.
        let mut diagnostics = plan::validate(registered.schema(), &config, false);
        diagnostics.extend(
            registered
                .data_source
                .validate(&object(config, "data source configuration")?),
        );
        Ok(diagnostics)
    }
}
