//! Mutual TLS as core has it with every provider (go-plugin's `AutoMTLS`): each side makes a certificate for this run, and takes only the
//! other's. Core's key is on P-521, ours on P-256; a provider may not care.

use std::sync::Arc;

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{WebPkiSupportedAlgorithms, ring::default_provider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
};
use tokio::net::UnixStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The name in certificates of plugins.
const NAME: &str = "localhost";

/// The host's certificate and its key.
pub(crate) struct HostIdentity {
    certificate: rcgen::Certificate,
    key: rcgen::KeyPair,
}

impl HostIdentity {
    pub(crate) fn new() -> Result<Self> {
        let key = rcgen::KeyPair::generate()?;
        let mut parameters = rcgen::CertificateParams::new(vec![NAME.to_owned()])?;
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key)?;
        Ok(Self { certificate, key })
    }

    /// What the provider finds in `PLUGIN_CLIENT_CERT`.
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// The way to the holder of `certificate`, which is the last part of the handshake line.
    pub(crate) fn connector(&self, certificate: &str) -> Result<Connector> {
        let pinned = STANDARD_NO_PAD
            .decode(certificate)
            .context("the certificate in the handshake line is not base64 without padding")?;
        let provider = Arc::new(default_provider());
        let verifier = PinnedServer {
            certificate: CertificateDer::from(pinned),
            algorithms: provider.signature_verification_algorithms,
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(vec![self.certificate.der().clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Connector(TlsConnector::from(Arc::new(config))))
    }
}

/// Secures connections to one provider.
#[derive(Clone)]
pub(crate) struct Connector(TlsConnector);

impl Connector {
    pub(crate) async fn secure(&self, stream: UnixStream) -> std::io::Result<TlsStream<UnixStream>> {
        self.0
            .connect(ServerName::try_from(NAME).expect("it is a name"), stream)
            .await
    }
}

/// Takes the certificate of the handshake line and no other.
#[derive(Debug)]
struct PinnedServer {
    certificate: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for PinnedServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(
                rustls::CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
