//! OpenEphemeralResource: makes or looks up what a run needs. Terraform calls it once the configuration is wholly known.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, encode, object},
    server::{Shared, guarded},
};
use crate::{diagnostics::Diagnostics, plan, value::Value};

type Response = proto::open_ephemeral_resource::Response;

impl Shared {
    pub(crate) async fn open_ephemeral_resource(&self, request: proto::open_ephemeral_resource::Request) -> Response {
        match guarded(self.open(&request)).await.and_then(|it| it) {
            Ok(response) => response,
            Err(diagnostics) => Response {
                diagnostics: diagnostics.into_proto(),
                ..Default::default()
            },
        }
    }

    async fn open(&self, request: &proto::open_ephemeral_resource::Request) -> Result<Response, Diagnostics> {
        let registered = self.ephemeral_resource(&request.type_name)?;
        let config = decode(request.config.as_ref(), &registered.of)?;
        if let Some(deferred) = self.deferred(request.client_capabilities.as_ref()) {
            return Ok(Response {
                result: Some(encode(&Value::unknown(), &registered.of)),
                deferred: Some(deferred),
                ..Default::default()
            });
        }
        let asked = object(config.clone(), "ephemeral resource configuration")?;
        let opened = registered.ephemeral.open(&self.context(), asked).await?;
        let result = opened.result.into_value();
        let diagnostics = plan::check_looked_up(registered.schema(), &config, &result);
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        Ok(Response {
            result: Some(encode(&result, &registered.of)),
            private: Some(opened.private.to_bytes()),
            renew_at: opened.renew_at.map(Into::into),
            ..Default::default()
        })
    }
}
