//! RenewEphemeralResource: makes what is open last longer.

use tfplugin_proto::tfplugin6 as proto;

use super::server::{Shared, guarded};
use crate::{diagnostics::Diagnostics, private_state::PrivateState};

type Response = proto::renew_ephemeral_resource::Response;

impl Shared {
    pub(crate) async fn renew_ephemeral_resource(&self, request: proto::renew_ephemeral_resource::Request) -> Response {
        match guarded(self.renew(&request)).await.and_then(|it| it) {
            Ok(response) => response,
            Err(diagnostics) => Response {
                diagnostics: diagnostics.into_proto(),
                ..Default::default()
            },
        }
    }

    async fn renew(&self, request: &proto::renew_ephemeral_resource::Request) -> Result<Response, Diagnostics> {
        let registered = self.ephemeral_resource(&request.type_name)?;
        let private = PrivateState::from_bytes(request.private());
        let renewed = registered.ephemeral.renew(&self.context(), private).await?;
        Ok(Response {
            private: Some(renewed.private.to_bytes()),
            renew_at: renewed.renew_at.map(Into::into),
            ..Default::default()
        })
    }
}
