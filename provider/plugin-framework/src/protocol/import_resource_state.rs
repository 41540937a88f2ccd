//! ImportResourceState: the state of an existing resource by its id or its identity; Terraform reads it right after.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::encode,
    server::{Shared, guarded},
};
use crate::{diagnostics::Diagnostics, value::Value};

type Response = proto::import_resource_state::Response;
/// The resource, and why it is not known yet where it is not.
type Imported = (proto::import_resource_state::ImportedResource, Option<proto::Deferred>);

impl Shared {
    pub(crate) async fn import_resource_state(&self, request: proto::import_resource_state::Request) -> Response {
        match guarded(self.import(&request)).await.and_then(|it| it) {
            Ok((imported, deferred)) => Response {
                imported_resources: vec![imported],
                deferred,
                ..Default::default()
            },
            Err(diagnostics) => Response {
                diagnostics: diagnostics.into_proto(),
                ..Default::default()
            },
        }
    }

    async fn import(&self, request: &proto::import_resource_state::Request) -> Result<Imported, Diagnostics> {
        let registered = self.resource(&request.type_name)?;
        if let Some(deferred) = self.deferred(request.client_capabilities.as_ref()) {
            let imported = proto::import_resource_state::ImportedResource {
                type_name: request.type_name.clone(),
                identity: request.identity.clone(),
                state: Some(encode(&Value::unknown(), &registered.of)),
                ..Default::default()
            };
            return Ok((imported, Some(deferred)));
        }
        let (context, resource) = (self.context(), &registered.resource);
        let object = match request.identity.as_ref().filter(|_| request.id.is_empty()) {
            Some(sent) => resource.import_identity(&context, &registered.identity(sent)?).await?,
            None if request.id.is_empty() => {
                return Err(Diagnostics::from_error(
                    "An id or an identity is required to import",
                    "Terraform sent neither.",
                ));
            }
            None => resource.import(&context, &request.id).await?,
        };
        let state = object.into_value();
        let imported = proto::import_resource_state::ImportedResource {
            type_name: request.type_name.clone(),
            identity: registered.identity_of(&state),
            state: Some(encode(&state, &registered.of)),
            ..Default::default()
        };
        Ok((imported, None))
    }
}
