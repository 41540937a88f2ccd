//! CloseEphemeralResource: ends what is open.

use tfplugin_proto::tfplugin6 as proto;

use super::server::{Shared, guarded};
use crate::{diagnostics::Diagnostics, private_state::PrivateState};

impl Shared {
    pub(crate) async fn close_ephemeral_resource(
        &self,
        request: proto::close_ephemeral_resource::Request,
    ) -> proto::close_ephemeral_resource::Response {
        let closed = guarded(self.close(&request)).await;
        proto::close_ephemeral_resource::Response {
            diagnostics: closed.unwrap_or_else(|it| it).into_proto(),
        }
    }

    async fn close(&self, request: &proto::close_ephemeral_resource::Request) -> Diagnostics {
        let private = PrivateState::from_bytes(request.private());
        match self.ephemeral_resource(&request.type_name) {
            Ok(registered) => registered.ephemeral.close(&self.context(), private).await,
            Err(diagnostics) => diagnostics,
        }
    }
}
