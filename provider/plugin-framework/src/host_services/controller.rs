//! GRPCController: the host asks us to end; after two seconds it kills us.

use tfplugin_proto::plugin_host as proto;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// Ends the process gracefully.
pub(crate) struct Controller {
    pub(crate) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl proto::grpc_controller_server::GrpcController for Controller {
    async fn shutdown(&self, _: Request<proto::Empty>) -> Result<Response<proto::Empty>, Status> {
        self.shutdown.cancel();
        Ok(Response::new(proto::Empty {}))
    }
}
