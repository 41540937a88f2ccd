//! GRPCStdio: the host listens for our standard streams. We write none; the stream stays open until we end.

use std::pin::Pin;

use futures::Stream;
use tfplugin_proto::plugin_host as proto;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// An empty stream that ends with the process.
pub(crate) struct Stdio {
    pub(crate) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl proto::grpc_stdio_server::GrpcStdio for Stdio {
    type StreamStdioStream = Pin<Box<dyn Stream<Item = Result<proto::StdioData, Status>> + Send>>;

    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        let shutdown = self.shutdown.clone();
        let stream = futures::stream::once(async move {
            shutdown.cancelled().await;
            Err(Status::unavailable("the plugin ends"))
        });
        Ok(Response::new(Box::pin(stream)))
    }
}
