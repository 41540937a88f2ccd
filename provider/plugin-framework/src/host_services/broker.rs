//! GRPCBroker: opened by the host at once and never used by Terraform. Stays open until we end.

use std::pin::Pin;

use futures::Stream;
use tfplugin_proto::plugin_host as proto;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

/// An empty stream that ends with the process.
pub(crate) struct Broker {
    pub(crate) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl proto::grpc_broker_server::GrpcBroker for Broker {
    type StartStreamStream = Pin<Box<dyn Stream<Item = Result<proto::ConnInfo, Status>> + Send>>;

    async fn start_stream(
        &self,
        _: Request<Streaming<proto::ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        let shutdown = self.shutdown.clone();
        let stream = futures::stream::once(async move {
            shutdown.cancelled().await;
            Err(Status::unavailable("the plugin ends"))
        });
        Ok(Response::new(Box::pin(stream)))
    }
}
