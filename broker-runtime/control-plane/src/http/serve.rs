//! Listens, reads requests in full, checks who asks, and hands over to the handlers.

use std::{io, sync::Arc};

use axum::{Router, body::Bytes, extract::DefaultBodyLimit, extract::State, response::Response};
use http::{HeaderMap, Method, Uri};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    api::Api,
    aws_json,
    credentials::Credentials,
    error, handlers,
    paging::Pages,
    request::Request,
    sigv4::{self, Distrust},
};
use crate::services::Services;

/// Bytes of a request's body at most.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Answers the API until `until` is cancelled; calls under way are finished.
pub(crate) async fn serve(
    services: Arc<Services>,
    credentials: Credentials,
    listener: TcpListener,
    until: CancellationToken,
) -> io::Result<()> {
    let api = Api {
        services,
        pages: Pages::new(&credentials.secret_key),
        credentials,
    };
    let router = Router::new()
        .fallback(answer)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::new(api));
    let ended = until.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move { ended.cancelled().await });
    tokio::select! {
        served = serving => served,
        // Connections that are kept open but ask nothing must not hold the end up.
        () = grace(&until) => Ok(()),
    }
}

/// How long calls under way may take once the end has come.
async fn grace(until: &CancellationToken) {
    const GRACE: std::time::Duration = std::time::Duration::from_secs(2);
    until.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

async fn answer(State(api): State<Arc<Api>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let request = Request::new(method, &uri, headers, body.to_vec());
    if let Some(response) = handlers::unsigned(&api, &request) {
        return response;
    }
    let now_ms = api.services.clock.now_ms();
    let service = match sigv4::verify(&request, &api.credentials, now_ms) {
        Ok(service) => service,
        Err(distrust) => {
            if distrust != Distrust::Unsigned {
                tracing::warn!(?distrust, path = request.raw_path, "request is not believed");
            }
            return error::of_distrust(distrust);
        }
    };
    let answered = match service.as_str() {
        "secretsmanager" => aws_json::secrets_manager(&api, &request).await,
        "sts" => aws_json::sts(&request),
        _ => handlers::kafka(&api, &request).await,
    };
    answered.unwrap_or_else(|error| error::of_operation(&error))
}
