//! MoveResourceState: a `moved` block gives a resource of another type, mostly of another provider, to one of ours. Terraform
//! asks before the provider is configured, and reads the resource right after; so the id in its state is all that is taken.

use serde_json::Value as Json;
use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::encode,
    server::{Shared, guarded},
};
use crate::diagnostics::Diagnostics;

type Request = proto::move_resource_state::Request;
type Response = proto::move_resource_state::Response;
/// The state, and the identity as far as it is known.
type Moved = (proto::DynamicValue, Option<proto::ResourceIdentityData>);

impl Shared {
    pub(crate) async fn move_resource_state(&self, request: Request) -> Response {
        match guarded(self.take_over(&request)).await.and_then(|it| it) {
            Ok((state, identity)) => Response {
                target_state: Some(state),
                target_identity: identity,
                ..Default::default()
            },
            Err(diagnostics) => Response {
                diagnostics: diagnostics.into_proto(),
                ..Default::default()
            },
        }
    }

    async fn take_over(&self, request: &Request) -> Result<Moved, Diagnostics> {
        let registered = self.resource(&request.target_type_name)?;
        let Request {
            source_type_name: source,
            target_type_name: target,
            source_provider_address: provider,
            ..
        } = request;
        let state = request.source_state.as_ref();
        let state: Json = state
            .and_then(|it| serde_json::from_slice(&it.json).ok())
            .unwrap_or_default();
        let resource = &registered.resource;
        let object = match (resource.moved_state(source, &state), resource.moved_id(source, &state)) {
            (Some(object), _) => object,
            (None, Some(id)) => resource.import(&self.context(), &id).await?,
            (None, None) => {
                return Err(Diagnostics::from_error(
                    format!("A {source} cannot become a {target}"),
                    format!(
                        "The state of a {source} of {provider} has nothing that a {target} could be found by. Remove the moved \
                     block, take the old resource out of the state (terraform state rm), and import the new one."
                    ),
                ));
            }
        };
        let state = object.into_value();
        let identity = registered.identity_of(&state);
        Ok((encode(&state, &registered.of), identity))
    }
}
