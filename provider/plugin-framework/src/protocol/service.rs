//! The gRPC service: each RPC is handed to its file. What is not here answers UNIMPLEMENTED.

use tfplugin_proto::tfplugin6 as proto;
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, codegen::BoxStream};

use super::server::Server;

type Reply<T> = Result<Response<T>, Status>;

/// Events that are made but not yet taken; more of them make their maker wait.
const EVENTS_MAX: usize = 64;

/// The events that `make` sends, in a task of their own: what is done does not end because nobody listens any more.
fn streamed<Event, Making>(make: impl FnOnce(mpsc::Sender<Event>) -> Making) -> Response<BoxStream<Event>>
where
    Event: Send + 'static,
    Making: Future<Output = ()> + Send + 'static,
{
    let (events, receiver) = mpsc::channel(EVENTS_MAX);
    tokio::spawn(make(events));
    Response::new(Box::pin(ReceiverStream::new(receiver).map(Ok)))
}

#[tonic::async_trait]
impl proto::provider_server::Provider for Server {
    async fn get_metadata(&self, _: Request<proto::get_metadata::Request>) -> Reply<proto::get_metadata::Response> {
        Ok(Response::new(self.shared.get_metadata()))
    }

    async fn get_provider_schema(
        &self,
        _: Request<proto::get_provider_schema::Request>,
    ) -> Reply<proto::get_provider_schema::Response> {
        Ok(Response::new(self.shared.get_provider_schema()))
    }

    async fn validate_provider_config(
        &self,
        request: Request<proto::validate_provider_config::Request>,
    ) -> Reply<proto::validate_provider_config::Response> {
        Ok(Response::new(
            self.shared.validate_provider_config(&request.into_inner()).await,
        ))
    }

    async fn validate_resource_config(
        &self,
        request: Request<proto::validate_resource_config::Request>,
    ) -> Reply<proto::validate_resource_config::Response> {
        Ok(Response::new(
            self.shared.validate_resource_config(&request.into_inner()).await,
        ))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<proto::upgrade_resource_state::Request>,
    ) -> Reply<proto::upgrade_resource_state::Response> {
        Ok(Response::new(
            self.shared.upgrade_resource_state(request.into_inner()).await,
        ))
    }

    async fn configure_provider(
        &self,
        request: Request<proto::configure_provider::Request>,
    ) -> Reply<proto::configure_provider::Response> {
        Ok(Response::new(
            self.shared.configure_provider(request.into_inner()).await,
        ))
    }

    async fn read_resource(
        &self,
        request: Request<proto::read_resource::Request>,
    ) -> Reply<proto::read_resource::Response> {
        Ok(Response::new(self.shared.read_resource(request.into_inner()).await))
    }

    async fn plan_resource_change(
        &self,
        request: Request<proto::plan_resource_change::Request>,
    ) -> Reply<proto::plan_resource_change::Response> {
        Ok(Response::new(
            self.shared.plan_resource_change(request.into_inner()).await,
        ))
    }

    async fn apply_resource_change(
        &self,
        request: Request<proto::apply_resource_change::Request>,
    ) -> Reply<proto::apply_resource_change::Response> {
        Ok(Response::new(
            self.shared.apply_resource_change(request.into_inner()).await,
        ))
    }

    async fn import_resource_state(
        &self,
        request: Request<proto::import_resource_state::Request>,
    ) -> Reply<proto::import_resource_state::Response> {
        Ok(Response::new(
            self.shared.import_resource_state(request.into_inner()).await,
        ))
    }

    async fn move_resource_state(
        &self,
        request: Request<proto::move_resource_state::Request>,
    ) -> Reply<proto::move_resource_state::Response> {
        Ok(Response::new(
            self.shared.move_resource_state(request.into_inner()).await,
        ))
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<proto::validate_data_resource_config::Request>,
    ) -> Reply<proto::validate_data_resource_config::Response> {
        Ok(Response::new(
            self.shared.validate_data_resource_config(&request.into_inner()).await,
        ))
    }

    async fn read_data_source(
        &self,
        request: Request<proto::read_data_source::Request>,
    ) -> Reply<proto::read_data_source::Response> {
        Ok(Response::new(self.shared.read_data_source(request.into_inner()).await))
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<proto::validate_ephemeral_resource_config::Request>,
    ) -> Reply<proto::validate_ephemeral_resource_config::Response> {
        Ok(Response::new(
            self.shared
                .validate_ephemeral_resource_config(&request.into_inner())
                .await,
        ))
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<proto::open_ephemeral_resource::Request>,
    ) -> Reply<proto::open_ephemeral_resource::Response> {
        Ok(Response::new(
            self.shared.open_ephemeral_resource(request.into_inner()).await,
        ))
    }

    async fn renew_ephemeral_resource(
        &self,
        request: Request<proto::renew_ephemeral_resource::Request>,
    ) -> Reply<proto::renew_ephemeral_resource::Response> {
        Ok(Response::new(
            self.shared.renew_ephemeral_resource(request.into_inner()).await,
        ))
    }

    async fn close_ephemeral_resource(
        &self,
        request: Request<proto::close_ephemeral_resource::Request>,
    ) -> Reply<proto::close_ephemeral_resource::Response> {
        Ok(Response::new(
            self.shared.close_ephemeral_resource(request.into_inner()).await,
        ))
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<proto::get_resource_identity_schemas::Request>,
    ) -> Reply<proto::get_resource_identity_schemas::Response> {
        Ok(Response::new(self.shared.get_resource_identity_schemas()))
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<proto::upgrade_resource_identity::Request>,
    ) -> Reply<proto::upgrade_resource_identity::Response> {
        Ok(Response::new(
            self.shared.upgrade_resource_identity(request.into_inner()).await,
        ))
    }

    async fn generate_resource_config(
        &self,
        request: Request<proto::generate_resource_config::Request>,
    ) -> Reply<proto::generate_resource_config::Response> {
        Ok(Response::new(
            self.shared.generate_resource_config(request.into_inner()).await,
        ))
    }

    async fn validate_list_resource_config(
        &self,
        request: Request<proto::validate_list_resource_config::Request>,
    ) -> Reply<proto::validate_list_resource_config::Response> {
        Ok(Response::new(
            self.shared.validate_list_resource_config(&request.into_inner()).await,
        ))
    }

    async fn list_resource(
        &self,
        request: Request<proto::list_resource::Request>,
    ) -> Reply<BoxStream<proto::list_resource::Event>> {
        let (shared, request) = (self.shared.clone(), request.into_inner());
        Ok(streamed(|events| async move {
            shared.list_resources(request, events).await;
        }))
    }

    async fn validate_action_config(
        &self,
        request: Request<proto::validate_action_config::Request>,
    ) -> Reply<proto::validate_action_config::Response> {
        Ok(Response::new(
            self.shared.validate_action_config(&request.into_inner()).await,
        ))
    }

    async fn plan_action(&self, request: Request<proto::plan_action::Request>) -> Reply<proto::plan_action::Response> {
        Ok(Response::new(self.shared.plan_action(&request.into_inner()).await))
    }

    async fn invoke_action(
        &self,
        request: Request<proto::invoke_action::Request>,
    ) -> Reply<BoxStream<proto::invoke_action::Event>> {
        let (shared, request) = (self.shared.clone(), request.into_inner());
        Ok(streamed(|events| async move {
            shared.invoke_action(request, events).await;
        }))
    }

    async fn get_functions(&self, _: Request<proto::get_functions::Request>) -> Reply<proto::get_functions::Response> {
        Ok(Response::new(self.shared.get_functions()))
    }

    async fn call_function(
        &self,
        request: Request<proto::call_function::Request>,
    ) -> Reply<proto::call_function::Response> {
        Ok(Response::new(self.shared.call_function(&request.into_inner()).await))
    }

    async fn stop_provider(&self, _: Request<proto::stop_provider::Request>) -> Reply<proto::stop_provider::Response> {
        Ok(Response::new(self.shared.stop_provider()))
    }
}
