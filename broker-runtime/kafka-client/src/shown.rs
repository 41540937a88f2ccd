//! Which certificate a listener shows: a TLS handshake that succeeds with one certificate only.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::{ClientError, Connection, ConnectionOptions, TlsOptions};

/// How long one handshake may take.
const LIMIT: Duration = Duration::from_secs(2);
/// Nothing is asked, so nothing is answered.
const RESPONSE_BYTES_MAX: usize = 1024;
/// How whoever shows another certificate is refused.
const ANOTHER: Error = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);

/// Whether whoever listens there shows this certificate, and proves that it has the key. An error is no answer: nobody
/// listens, or there is no handshake.
pub async fn shows(address: SocketAddr, certificate: &CertificateDer<'static>) -> Result<bool, ClientError> {
    let provider = Arc::new(ring::default_provider());
    let only = Arc::new(Only {
        certificate: certificate.clone(),
        provider: Arc::clone(&provider),
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions of TLS")
        .dangerous()
        .with_custom_certificate_verifier(only)
        .with_no_client_auth();
    let options = ConnectionOptions {
        client_id: "engine".to_owned(),
        tls: Some(TlsOptions {
            config: Arc::new(config),
        }),
        source: None,
        connect_timeout: LIMIT,
        response_bytes_max: RESPONSE_BYTES_MAX,
        receive_buffer_bytes: None,
    };
    match Connection::open(&address.ip().to_string(), address.port(), &options).await {
        Ok(_) => Ok(true),
        Err(ClientError::Io { source, .. }) if is_another(&source) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_another(error: &io::Error) -> bool {
    let refusal = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    refusal == Some(&ANOTHER)
}

/// Believes one certificate.
#[derive(Debug)]
struct Only {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(ANOTHER)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
