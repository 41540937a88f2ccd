//! Our certificate and the TLS configuration: mutual, with the host's certificate pinned.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
    version::{TLS12, TLS13},
};

use super::{environment::HandshakeError, pinned_client::PinnedClient};

/// Who we are: certificate and TLS configuration.
pub(crate) struct ServerIdentity {
    /// Our certificate, DER; it goes into the handshake line.
    pub(crate) certificate: CertificateDer<'static>,
    /// Accepts only the pinned client.
    pub(crate) config: Arc<ServerConfig>,
}

/// Makes a certificate for this run and a configuration that accepts only the holder of `client_certificate`.
pub(crate) fn server_identity(client_certificate: &str) -> Result<ServerIdentity, HandshakeError> {
    let pinned =
        CertificateDer::from_pem_slice(client_certificate.as_bytes()).map_err(|_| HandshakeError::ClientCertificate)?;
    let tls = |error: Box<dyn std::error::Error + Send + Sync>| HandshakeError::Tls(error);
    let key = rcgen::KeyPair::generate().map_err(|error| tls(error.into()))?;
    let parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).map_err(|error| tls(error.into()))?;
    let certificate = parameters
        .self_signed(&key)
        .map_err(|error| tls(error.into()))?
        .der()
        .clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| tls(error.into()))?
        .with_client_cert_verifier(Arc::new(PinnedClient::new(pinned)?))
        .with_single_cert(vec![certificate.clone()], key)
        .map_err(|error| tls(error.into()))?;
    // Newer hosts refuse a server that does not negotiate HTTP/2.
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(ServerIdentity {
        certificate,
        config: Arc::new(config),
    })
}
