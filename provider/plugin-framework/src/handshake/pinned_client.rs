//! The host's certificate is the only one accepted. It is self-signed, marked as an authority, and on the curve P-521:
//! the usual verifiers refuse it, so it is compared byte for byte, and its holder proves the key by a signature.

use p521::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, ring::default_provider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::environment::HandshakeError;

#[derive(Debug)]
pub(crate) struct PinnedClient {
    certificate: CertificateDer<'static>,
    /// The certificate's key when it is on P-521, as go-plugin makes it.
    p521: Option<VerifyingKey>,
    others: WebPkiSupportedAlgorithms,
}

impl PinnedClient {
    pub(crate) fn new(certificate: CertificateDer<'static>) -> Result<Self, HandshakeError> {
        let (_, parsed) = X509Certificate::from_der(&certificate).map_err(|_| HandshakeError::ClientCertificate)?;
        let p521 = VerifyingKey::from_sec1_bytes(&parsed.public_key().subject_public_key.data).ok();
        let others = default_provider().signature_verification_algorithms;
        Ok(Self {
            certificate,
            p521,
            others,
        })
    }

    fn verify_p521(
        &self,
        message: &[u8],
        signed: &DigitallySignedStruct,
    ) -> Option<Result<HandshakeSignatureValid, Error>> {
        if signed.scheme != SignatureScheme::ECDSA_NISTP521_SHA512 {
            return None;
        }
        let bad = || Error::InvalidCertificate(rustls::CertificateError::BadSignature);
        let verify = || {
            let key = self.p521.as_ref().ok_or_else(bad)?;
            let signature = Signature::from_der(signed.signature()).map_err(|_| bad())?;
            key.verify(message, &signature).map_err(|_| bad())?;
            Ok(HandshakeSignatureValid::assertion())
        };
        Some(verify())
    }
}

impl ClientCertVerifier for PinnedClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if end_entity.as_ref() == self.certificate.as_ref() {
            return Ok(ClientCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(
            rustls::CertificateError::ApplicationVerificationFailure,
        ))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_p521(message, signed)
            .unwrap_or_else(|| verify_tls12_signature(message, certificate, signed, &self.others))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_p521(message, signed)
            .unwrap_or_else(|| verify_tls13_signature(message, certificate, signed, &self.others))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = vec![SignatureScheme::ECDSA_NISTP521_SHA512];
        schemes.extend(self.others.supported_schemes());
        schemes
    }
}
