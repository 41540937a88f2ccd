//! TLS of both ends of the link.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use thiserror::Error;

use crate::Pinned;

/// Why TLS cannot be had.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct TlsError {
    what: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(what: &'static str) -> impl FnOnce(E) -> TlsError {
    move |source| TlsError {
        what,
        source: source.into(),
    }
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Certificate and key in one text.
fn identity(pem: &str) -> Result<Identity, TlsError> {
    let what = "certificate and key cannot be read";
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(failed(what))?;
    Ok((chain.map_err(failed(what))?, key))
}

fn roots(authority_pem: &str) -> Result<RootCertStore, TlsError> {
    let what = "the authority of the fleet cannot be read";
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority_pem.as_bytes()).map_err(failed(what))?;
    roots.add(certificate).map_err(failed(what))?;
    Ok(roots)
}

/// For an agent: its certificate and key, and only the control plane is let in, whose certificate the fleet's authority has
/// signed for clients.
pub fn agent_tls(identity_pem: &str, authority_pem: &str) -> Result<ServerConfig, TlsError> {
    let what = "TLS of the agent cannot be set up";
    let provider = Arc::new(ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(authority_pem)?), Arc::clone(&provider))
        .build()
        .map_err(failed(what))?;
    let (chain, key) = identity(identity_pem)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed(what))?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(failed(what))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// For the control plane: its certificate and key, and only hosts of its fleet are believed.
pub fn client_tls(identity_pem: &str, authority_pem: &str) -> Result<ClientConfig, TlsError> {
    let what = "TLS to agents cannot be set up";
    let (chain, key) = identity(identity_pem)?;
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed(what))?
        .with_root_certificates(roots(authority_pem)?)
        .with_client_auth_cert(chain, key)
        .map_err(failed(what))
}

/// For a host that joins: it knows a fingerprint and has no certificate.
pub fn pinned_tls(fingerprint: &str) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed("TLS to the control plane cannot be set up"))?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned::new(fingerprint)))
        .with_no_client_auth())
}
