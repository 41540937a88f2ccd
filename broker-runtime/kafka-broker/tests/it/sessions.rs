//! How long an authenticated connection may go on without authenticating again (KIP-368).

use std::time::{Duration, Instant};

use base64::Engine;
use kafka_broker::config::ListenerName;
use kafka_client::Connection;
use kafka_codec::messages::{MetadataRequest, SaslAuthenticateRequest, SaslHandshakeRequest};

use crate::support::cluster::{DEADLINE, TestCluster, call, connect};

const LIFETIME: Duration = Duration::from_millis(1_500);

/// Logs in with a token that says who it is; how long the session lasts, in milliseconds, or the error's code.
async fn log_in(connection: &mut Connection, who: &str) -> Result<i64, i16> {
    let mut handshake = SaslHandshakeRequest::default();
    handshake.mechanism = "OAUTHBEARER".into();
    let chosen = call(connection, &handshake, 1).await.unwrap();
    assert_eq!(chosen.error_code, 0);
    let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("https://{who}/"));
    let mut request = SaslAuthenticateRequest::default();
    request.auth_bytes = format!("n,,\u{1}auth=Bearer {token}\u{1}\u{1}").into();
    let answer = call(connection, &request, 2).await.unwrap();
    match answer.error_code {
        0 => Ok(answer.session_lifetime_ms),
        code => Err(code),
    }
}

async fn asks(connection: &mut Connection) -> bool {
    call(connection, &MetadataRequest::default(), 9).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_not_renewed_ends_with_its_connection() {
    let lifetime = LIFETIME.as_millis().to_string();
    let cluster = TestCluster::start(1, &[("connections.max.reauth.ms", &lifetime)]).await;
    let port = cluster.port(1, ListenerName::SaslIam);
    let (mut renewed, mut forgotten, mut late) = (connect(port).await, connect(port).await, connect(port).await);
    for connection in [&mut renewed, &mut forgotten, &mut late] {
        assert_eq!(log_in(connection, "somebody").await, Ok(1_500));
    }
    let begun = Instant::now();
    while begun.elapsed() < LIFETIME * 2 {
        assert!(asks(&mut renewed).await);
        tokio::time::sleep(LIFETIME / 5).await;
        assert_eq!(log_in(&mut renewed, "somebody").await, Ok(1_500));
    }
    assert!(!asks(&mut forgotten).await, "its time is over");
    assert_eq!(
        log_in(&mut late, "somebody").await,
        Ok(1_500),
        "nothing else came before"
    );
    assert!(asks(&mut late).await);
    assert!(
        log_in(&mut late, "another").await.is_err(),
        "a session stays its user's"
    );
    assert!(begun.elapsed() < DEADLINE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_property_a_session_lasts_as_long_as_its_connection() {
    let cluster = TestCluster::start(1, &[]).await;
    let mut connection = connect(cluster.port(1, ListenerName::SaslIam)).await;
    assert!(!asks(&mut connection).await, "nobody asks before logging in");
    let mut connection = connect(cluster.port(1, ListenerName::SaslIam)).await;
    assert_eq!(log_in(&mut connection, "somebody").await, Ok(0));
    assert!(asks(&mut connection).await);
}
