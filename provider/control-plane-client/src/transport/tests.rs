//! What a call promises, against a server that answers from a list.

use std::{
    collections::VecDeque,
    sync::Mutex,
    time::{Duration, UNIX_EPOCH},
};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;

use super::*;

/// Answers to give, first one first, and the requests that were seen as `METHOD path authorization`.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<(u16, &'static str, &'static str)>>,
    seen: Mutex<Vec<String>>,
}

async fn answer(State(script): State<Arc<Script>>, request: Request) -> Response {
    let authorization = request.headers().get("authorization");
    let authorization = authorization.map_or("", |value| value.to_str().unwrap());
    let line = format!("{} {} {authorization}", request.method(), request.uri());
    script.seen.lock().unwrap().push(line);
    let (status, kind, body) = script.answers.lock().unwrap().pop_front().unwrap();
    let status = http::StatusCode::from_u16(status).unwrap();
    if kind.is_empty() {
        (status, body).into_response()
    } else {
        (status, [("x-amzn-ErrorType", kind)], body).into_response()
    }
}

async fn serve(answers: &[(u16, &'static str, &'static str)]) -> (Arc<Script>, Client) {
    let script = Arc::new(Script {
        answers: Mutex::new(answers.iter().copied().collect()),
        seen: Mutex::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(script.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (script, client(&endpoint))
}

fn client(endpoint: &str) -> Client {
    Client::new(Settings {
        endpoint: endpoint.to_owned(),
        authorities_pem: None,
        credentials: Some(Credentials {
            access_key: "AKIDEXAMPLE".to_owned(),
            secret_key: "planted".to_owned(),
            region: "us-east-1".to_owned(),
        }),
        now: || UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        patient: true,
    })
    .unwrap()
}

fn get() -> Call {
    Call::get(
        "describe_cluster",
        format!("/v1/clusters/{}", segment("arn:aws:kafka:x:0:cluster/a/b-1")),
    )
}

fn post() -> Call {
    Call::new("create_topic", Method::POST, "/v1/x".to_owned()).json(&serde_json::json!({}))
}

async fn outcome(call: Call, answers: &[(u16, &'static str, &'static str)]) -> (usize, Result<serde_json::Value>) {
    let (script, client) = serve(answers).await;
    let result = client.call(call).await;
    let count = script.seen.lock().unwrap().len();
    (count, result)
}

#[tokio::test]
async fn an_arn_is_one_segment_and_the_request_is_signed() {
    let (script, client) = serve(&[(200, "", "{}")]).await;
    client
        .call_for_nothing(get().query("maxResults", Some(10)))
        .await
        .unwrap();
    let seen = script.seen.lock().unwrap();
    let wanted = "GET /v1/clusters/arn%3Aaws%3Akafka%3Ax%3A0%3Acluster%2Fa%2Fb-1?maxResults=10 AWS4-HMAC-SHA256 \
                  Credential=AKIDEXAMPLE/20270115/us-east-1/kafka/aws4_request, SignedHeaders=host;x-amz-date, Signature=";
    assert!(seen[0].starts_with(wanted), "{}", seen[0]);
}

#[tokio::test]
async fn a_read_is_repeated_when_the_server_fails() {
    let (count, result) = outcome(get(), &[(503, "", ""), (500, "", ""), (200, "", r#"{"a":1}"#)]).await;
    assert_eq!(result.unwrap()["a"], 1);
    assert_eq!(count, 3);
}

#[tokio::test]
async fn a_write_is_repeated_only_when_the_server_was_too_busy() {
    let (count, result) = outcome(post(), &[(429, "TooManyRequestsException", "{}"), (200, "", "")]).await;
    assert!(result.is_ok());
    assert_eq!(count, 2);
    let (count, result) = outcome(post(), &[(500, "", "oops")]).await;
    assert!(matches!(result, Err(Error::Server { status: 500, ref message, .. }) if message == "oops"));
    assert_eq!(count, 1);
    let (count, result) = outcome(post().retry(Retry::Always), &[(500, "", ""), (200, "", "")]).await;
    assert!(result.is_ok());
    assert_eq!(count, 2);
}

#[tokio::test]
async fn errors_say_what_the_caller_should_do() {
    let body = r#"{"message":"m","invalidParameter":"p"}"#;
    let error = |answer| async move { outcome(get(), &[answer]).await.1.err().unwrap() };
    assert!(matches!(error((404, "NotFoundException", body)).await, Error::NotFound { message } if message == "m"));
    assert!(matches!(
        error((401, "UnauthorizedException", body)).await,
        Error::Unauthorized { .. }
    ));
    assert!(matches!(
        error((403, "ForbiddenException", body)).await,
        Error::Unauthorized { .. }
    ));
    let conflict = error((409, "TopicExistsException", body)).await;
    assert!(matches!(conflict, Error::Conflict { kind, .. } if kind == "TopicExistsException"));
    let bad = error((400, "BadRequestException", body)).await;
    assert!(matches!(bad, Error::BadRequest { invalid_parameter: Some(it), .. } if it == "p"));
    let configuration = r#"{"message":"Configuration ARN does not exist."}"#;
    assert!(error((400, "BadRequestException", configuration)).await.is_not_found());
    let secret = r##"{"__type":"com.amazonaws#ResourceNotFoundException","message":"m"}"##;
    assert!(error((400, "", secret)).await.is_not_found());
}

#[tokio::test]
async fn a_strangers_answer_does_not_mean_that_something_is_gone() {
    let (_, result) = outcome(get(), &[(404, "", "<html>")]).await;
    assert!(matches!(result, Err(Error::Malformed { .. })));
    let (_, result) = outcome(get(), &[(200, "", "<html>")]).await;
    assert!(matches!(result, Err(Error::Malformed { .. })));
}

#[tokio::test]
async fn a_server_that_comes_back_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = client(&format!("http://{address}"));
    let call = tokio::spawn(async move { client.call::<serde_json::Value>(post()).await });
    // Nobody listens, so the first attempts have failed by the time the server is there.
    tokio::task::yield_now().await;
    let listener = TcpListener::bind(address).await.unwrap();
    let script = Arc::new(Script::default());
    script.answers.lock().unwrap().push_back((200, "", r#"{"ok":true}"#));
    let router = Router::new().fallback(answer).with_state(script);
    tokio::spawn(async move { axum::serve(listener, router).await });
    assert_eq!(call.await.unwrap().unwrap()["ok"], true);
}

#[tokio::test]
async fn an_impatient_client_gives_up_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(Settings {
        endpoint: endpoint.clone(),
        authorities_pem: None,
        credentials: None,
        now: || UNIX_EPOCH,
        patient: false,
    })
    .unwrap();
    let result = client.call::<serde_json::Value>(get()).await;
    assert!(matches!(result, Err(Error::Unreachable { endpoint: named, .. }) if named == endpoint));
}

#[test]
fn only_an_address_of_http_is_an_endpoint() {
    for bad in [
        "",
        "localhost:8479",
        "ftp://localhost",
        "http://",
        "https://",
        "http://host/path",
    ] {
        let settings = Settings {
            endpoint: bad.to_owned(),
            authorities_pem: None,
            credentials: None,
            now: || UNIX_EPOCH,
            patient: false,
        };
        assert!(
            matches!(Client::new(settings), Err(Error::InvalidEndpoint { .. })),
            "{bad}"
        );
    }
}

/// An authority, and a server with a certificate of it for `localhost`, that answers as the other one does.
async fn serve_tls(answers: &[(u16, &'static str, &'static str)]) -> (String, Vec<u8>) {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, key);
    let own = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&own, &issuer).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls_pki_types::PrivateKeyDer::try_from(own.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (_, plain) = serve(answers).await;
    let behind = plain.endpoint().trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let mut server = tokio::net::TcpStream::connect(behind).await?;
                tokio::io::copy_bidirectional(&mut stream, &mut server).await
            });
        }
    });
    (endpoint, pem.into_bytes())
}

fn impatient(endpoint: &str, authorities_pem: Option<Vec<u8>>) -> Result<Client> {
    Client::new(Settings {
        endpoint: endpoint.to_owned(),
        authorities_pem,
        credentials: None,
        now: || UNIX_EPOCH,
        patient: false,
    })
}

#[tokio::test]
async fn a_control_plane_is_believed_by_its_authority_only() {
    let (endpoint, authority) = serve_tls(&[(200, "", r#"{"ok":true}"#)]).await;
    let (_, another) = serve_tls(&[]).await;
    for stranger in [Some(another), None] {
        let client = impatient(&endpoint, stranger).unwrap();
        match client.call::<serde_json::Value>(get()).await {
            Err(Error::Unreachable { source, .. }) => {
                let mut causes = vec![source.to_string()];
                let mut cause = source.source();
                while let Some(it) = cause {
                    causes.push(it.to_string());
                    cause = it.source();
                }
                assert!(causes.join(": ").contains("certificate"), "{causes:?}");
            }
            result => panic!("{result:?}"),
        }
    }
    let client = impatient(&endpoint, Some(authority)).unwrap();
    assert_eq!(client.call::<serde_json::Value>(get()).await.unwrap()["ok"], true);
    assert!(matches!(
        impatient(&endpoint, Some(b"none".to_vec())),
        Err(Error::InvalidAuthorities { .. })
    ));
}
