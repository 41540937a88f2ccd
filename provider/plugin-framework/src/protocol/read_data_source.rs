//! ReadDataSource: looks something up. Terraform calls it once the configuration is wholly known.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, encode, object},
    server::{Shared, guarded},
};
use crate::{diagnostics::Diagnostics, plan, value::Value};

type Response = proto::read_data_source::Response;

impl Shared {
    pub(crate) async fn read_data_source(&self, request: proto::read_data_source::Request) -> Response {
        match guarded(self.look_up(&request)).await.and_then(|it| it) {
            Ok(response) => response,
            Err(diagnostics) => Response {
                diagnostics: diagnostics.into_proto(),
                ..Default::default()
            },
        }
    }

    async fn look_up(&self, request: &proto::read_data_source::Request) -> Result<Response, Diagnostics> {
        let registered = self.data_source(&request.type_name)?;
        let config = decode(request.config.as_ref(), &registered.of)?;
        if let Some(deferred) = self.deferred(request.client_capabilities.as_ref()) {
            return Ok(Response {
                state: Some(encode(&Value::unknown(), &registered.of)),
                deferred: Some(deferred),
                ..Default::default()
            });
        }
        let asked = object(config.clone(), "data source configuration")?;
        let found: Value = registered.data_source.read(&self.context(), asked).await?.into_value();
        let diagnostics = plan::check_looked_up(registered.schema(), &config, &found);
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        Ok(Response {
            state: Some(encode(&found, &registered.of)),
            ..Default::default()
        })
    }
}
