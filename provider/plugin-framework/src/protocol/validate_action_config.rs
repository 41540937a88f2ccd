//! ValidateActionConfig: the schema's checks and the action's own. Values may be unknown.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, object},
    server::{Shared, guarded},
};
use crate::{diagnostics::Diagnostics, plan};

type Request = proto::validate_action_config::Request;

impl Shared {
    pub(crate) async fn validate_action_config(&self, request: &Request) -> proto::validate_action_config::Response {
        let checked = guarded(async { self.check_action_config(request).unwrap_or_else(|it| it) }).await;
        proto::validate_action_config::Response {
            diagnostics: checked.unwrap_or_else(|it| it).into_proto(),
        }
    }

    fn check_action_config(&self, request: &Request) -> Result<Diagnostics, Diagnostics> {
        let registered = self.action(&request.type_name)?;
        let config = decode(request.config.as_ref(), &registered.of)?;
        let mut diagnostics = plan::validate(registered.action.schema(), &config, false);
        diagnostics.extend(
            registered
                .action
                .validate(&object(config, "configuration of the action")?),
        );
        Ok(diagnostics)
    }
}
