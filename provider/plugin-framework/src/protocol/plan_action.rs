//! PlanAction: whether an action could be done, before anything is. Values may be unknown.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, object},
    server::{Shared, guarded},
};
use crate::diagnostics::Diagnostics;

type Request = proto::plan_action::Request;

impl Shared {
    pub(crate) async fn plan_action(&self, request: &Request) -> proto::plan_action::Response {
        if let Some(deferred) = self.deferred(request.client_capabilities.as_ref()) {
            return proto::plan_action::Response {
                diagnostics: Vec::new(),
                deferred: Some(deferred),
            };
        }
        let planned = guarded(self.foresee(request)).await.and_then(|it| it);
        proto::plan_action::Response {
            diagnostics: planned.unwrap_or_else(|it| it).into_proto(),
            deferred: None,
        }
    }

    async fn foresee(&self, request: &Request) -> Result<Diagnostics, Diagnostics> {
        let registered = self.action(&request.action_type)?;
        let config = object(
            decode(request.config.as_ref(), &registered.of)?,
            "configuration of the action",
        )?;
        Ok(registered.action.plan(&self.context(), &config).await)
    }
}
