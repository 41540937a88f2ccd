//! ImportResourceState: the state of an existing resource by its id; Terraform reads it right after.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::encode,
    server::{Shared, guarded},
};
use crate::diagnostics::Diagnostics;

type Response = proto::import_resource_state::Response;

impl Shared {
    pub(crate) async fn import_resource_state(&self, request: proto::import_resource_state::Request) -> Response {
        match guarded(self.import(&request)).await.and_then(|it| it) {
            Ok(imported) => Response {
                imported_resources: vec![imported],
                ..Default::default()
            },
            Err(diagnostics) => Response {
                diagnostics: diagnostics.into_proto(),
                ..Default::default()
            },
        }
    }

    async fn import(
        &self,
        request: &proto::import_resource_state::Request,
    ) -> Result<proto::import_resource_state::ImportedResource, Diagnostics> {
        let registered = self.resource(&request.type_name)?;
        if request.id.is_empty() {
            return Err(Diagnostics::from_error(
                "An id is required to import",
                "Importing by identity is not built yet; give the id.",
            ));
        }
        let object = registered.resource.import(&self.context(), &request.id).await?;
        let state = encode(&object.into_value(), &registered.of);
        Ok(proto::import_resource_state::ImportedResource {
            type_name: request.type_name.clone(),
            state: Some(state),
            ..Default::default()
        })
    }
}
