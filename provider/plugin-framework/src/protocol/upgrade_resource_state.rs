//! UpgradeResourceState: stored JSON to a value of the current schema. Called on every read, also when the versions are
//! equal; attributes that are gone are dropped, new ones are null.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::encode,
    server::{Shared, guarded},
};
use crate::{diagnostics::Diagnostics, plan, resource::UpgradeRequest, value::from_json};

impl Shared {
    pub(crate) async fn upgrade_resource_state(
        &self,
        request: proto::upgrade_resource_state::Request,
    ) -> proto::upgrade_resource_state::Response {
        match guarded(async { self.upgrade(request) }).await.and_then(|it| it) {
            Ok(upgraded) => proto::upgrade_resource_state::Response {
                upgraded_state: Some(upgraded),
                diagnostics: Vec::new(),
            },
            Err(diagnostics) => proto::upgrade_resource_state::Response {
                upgraded_state: None,
                diagnostics: diagnostics.into_proto(),
            },
        }
    }

    fn upgrade(&self, request: proto::upgrade_resource_state::Request) -> Result<proto::DynamicValue, Diagnostics> {
        let registered = self.resource(&request.type_name)?;
        let unreadable = |reason: String| {
            Diagnostics::from_error(
                format!("The stored state of a {} cannot be read", request.type_name),
                reason,
            )
        };
        let Some(raw) = request.raw_state.filter(|it| !it.json.is_empty()) else {
            return Err(unreadable(
                "It is not JSON: it was written by a Terraform older than 0.12.".to_owned(),
            ));
        };
        let mut state = serde_json::from_slice(&raw.json).map_err(|error| unreadable(error.to_string()))?;
        if request.version != registered.schema().version {
            state = registered.resource.upgrade(UpgradeRequest {
                version: request.version,
                state,
            })?;
        }
        let value = from_json(&state, &registered.of).map_err(|error| unreadable(error.to_string()))?;
        Ok(encode(
            &plan::without_write_only(registered.schema(), &value),
            &registered.of,
        ))
    }
}
