//! TLS of the listeners and of the connections to other brokers: TLS 1.2 and 1.3 by rustls with ring. Between brokers
//! both ends show a certificate of the cluster's authority. A broker takes up another certificate of its own while it runs:
//! connections that are there go on, handshakes that begin afterwards show the new one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SignatureScheme,
    client::ResolvesClientCert,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
};
use thiserror::Error;

use crate::config::{ListenerConfig, TlsConfig};

/// Why the broker's certificates cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A PEM file is missing or malformed.
    #[error("PEM file {path:?} cannot be used")]
    Pem {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: pem::Error,
    },
    /// A PEM file holds no certificate.
    #[error("PEM file {0:?} holds no certificate")]
    Empty(PathBuf),
    /// rustls refuses the combination.
    #[error("certificates are unusable")]
    Rustls(#[from] rustls::Error),
    /// An authority cannot be used to verify peers.
    #[error("certificate authority is unusable")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// The broker's certificate, which may be replaced while it runs, and the cluster's authority, read once.
pub(crate) struct TlsIdentity {
    files: TlsConfig,
    shown: Arc<Shown>,
    roots: Arc<RootCertStore>,
}

/// What is shown in the next handshake, to clients and to other brokers.
#[derive(Debug)]
struct Shown(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl TlsIdentity {
    /// Reads the files.
    pub(crate) fn load(config: &TlsConfig) -> Result<Self, TlsError> {
        Ok(Self {
            shown: Arc::new(Shown(ArcSwap::from_pointee(certified_key(config)?))),
            roots: Arc::new(roots(&config.ca_path)?),
            files: config.clone(),
        })
    }

    /// Reads the certificate again and shows it from now on. One that cannot be used changes nothing.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        self.shown.0.store(Arc::new(certified_key(&self.files)?));
        Ok(())
    }

    /// For a listener: brokers have to show a certificate of the cluster's authority, clients one of their own
    /// authorities, or nobody any.
    pub(crate) fn server(&self, listener: &ListenerConfig) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let verifier = |roots| WebPkiClientVerifier::builder_with_provider(roots, provider);
        let builder = match &listener.client_certificates {
            _ if listener.mutual_tls => builder.with_client_cert_verifier(verifier(Arc::clone(&self.roots)).build()?),
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let verifier = verifier(Arc::new(roots(&clients.authorities_path)?));
                let verifier = if clients.required {
                    verifier
                } else {
                    verifier.allow_unauthenticated()
                };
                builder.with_client_cert_verifier(verifier.build()?)
            }
        };
        let shown: Arc<dyn ResolvesServerCert> = Arc::clone(&self.shown) as _;
        Ok(Arc::new(builder.with_cert_resolver(shown)))
    }

    /// For connections to other brokers.
    pub(crate) fn client(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_client_cert_resolver(Arc::clone(&self.shown) as _);
        Ok(Arc::new(config))
    }
}

/// Fails also when the key is not that of the certificate.
fn certified_key(config: &TlsConfig) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(&config.certificate_path)?;
    let key = PrivateKeyDer::from_pem_file(&config.private_key_path).map_err(|source| TlsError::Pem {
        path: config.private_key_path.clone(),
        source,
    })?;
    Ok(CertifiedKey::from_der(chain, key, &ring::default_provider())?)
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = |source| TlsError::Pem {
        path: path.to_owned(),
        source,
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(pem)?
        .collect::<Result<_, _>>()
        .map_err(pem)?;
    if certificates.is_empty() {
        return Err(TlsError::Empty(path.to_owned()));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};

    use super::*;

    fn write(config: &TlsConfig) -> CertificateDer<'static> {
        let Made { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let both = format!("rotation 1\n{}{}", cert.pem(), signing_key.serialize_pem());
        fs::write(&config.certificate_path, both).unwrap();
        cert.der().clone()
    }

    #[test]
    fn another_certificate_is_shown_once_it_is_read_and_a_bad_one_never() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let config = TlsConfig {
            certificate_path: path("identity.pem"),
            private_key_path: path("identity.pem"),
            ca_path: path("identity.pem"),
        };
        let first = write(&config);
        let identity = TlsIdentity::load(&config).unwrap();
        let shown = || identity.shown.0.load().cert[0].clone();
        assert_eq!(shown(), first);
        let second = write(&config);
        assert_eq!(shown(), first, "nobody has said so yet");
        identity.reload().unwrap();
        assert_eq!(shown(), second);
        fs::write(&config.certificate_path, "torn").unwrap();
        assert!(identity.reload().is_err());
        assert_eq!(shown(), second);
        let (key, other) = (
            path("other.key"),
            generate_simple_self_signed(["localhost".to_owned()]).unwrap(),
        );
        fs::write(&key, other.signing_key.serialize_pem()).unwrap();
        write(&config);
        let strange = TlsConfig {
            private_key_path: key,
            ..config
        };
        assert!(TlsIdentity::load(&strange).is_err(), "the key of another certificate");
    }
}
