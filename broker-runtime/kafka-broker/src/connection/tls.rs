//! TLS of the listeners and of the connections to other brokers: TLS 1.2 and 1.3 by rustls with ring. Between brokers
//! both ends show a certificate of the cluster's authority.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    server::WebPkiClientVerifier,
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

/// The broker's certificate and the cluster's authority, read once.
pub(crate) struct TlsIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
}

impl TlsIdentity {
    /// Reads the files.
    pub(crate) fn load(config: &TlsConfig) -> Result<Self, TlsError> {
        let chain = certificates(&config.certificate_path)?;
        let key = PrivateKeyDer::from_pem_file(&config.private_key_path).map_err(|source| TlsError::Pem {
            path: config.private_key_path.clone(),
            source,
        })?;
        Ok(Self {
            chain,
            key,
            roots: Arc::new(roots(&config.ca_path)?),
        })
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
        Ok(Arc::new(
            builder.with_single_cert(self.chain.clone(), self.key.clone_key())?,
        ))
    }

    /// For connections to other brokers.
    pub(crate) fn client(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())?;
        Ok(Arc::new(config))
    }
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
