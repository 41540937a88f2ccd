//! TLS of the API: files that somebody gives, or a certificate of an authority of our own.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use thiserror::Error;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// How long certificates are valid that are made here, and how long before they were made.
const VALIDITY: Duration = Duration::from_secs(397 * 24 * 3600);
const BACKDATED: Duration = Duration::from_secs(24 * 3600);

/// A certificate chain and its key, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's certificate first.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
    /// Certificate of an authority that signs for this control plane only; hosts that join pin it. Without one, they pin the
    /// server's certificate.
    pub authority: Option<PathBuf>,
    /// What this machine calls itself.
    pub host_name: String,
}

/// Why TLS cannot be had.
#[derive(Debug, Error)]
#[error("{what}")]
pub struct TlsError {
    what: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(what: String) -> impl FnOnce(E) -> TlsError {
    move |source| TlsError {
        what,
        source: source.into(),
    }
}

impl TlsFiles {
    /// A certificate for `names` (host names and addresses) from an authority in `directory`, which is made when it is not
    /// there: `ca.pem` is what clients trust. The certificate is new each time, the authority is not.
    pub fn make(directory: &Path, names: &[String], host_name: &str, now_ms: i64) -> Result<Self, TlsError> {
        let cannot = || format!("a certificate cannot be made in {}", directory.display());
        fs::create_dir_all(directory).map_err(failed(cannot()))?;
        let (ca, ca_key) = (directory.join("ca.pem"), directory.join("ca.key"));
        let there = (fs::read_to_string(&ca), fs::read_to_string(&ca_key));
        let (ca_text, ca_key_text) = match there {
            (Ok(certificate), Ok(key)) => (certificate, key),
            _ => {
                let key = KeyPair::generate().map_err(failed(cannot()))?;
                let certificate = authority(now_ms).self_signed(&key).map_err(failed(cannot()))?.pem();
                write(&ca_key, &key.serialize_pem(), 0o600).map_err(failed(cannot()))?;
                write(&ca, &certificate, 0o644).map_err(failed(cannot()))?;
                (certificate, key.serialize_pem())
            }
        };
        let issuer = KeyPair::from_pem(&ca_key_text).map_err(failed(cannot()))?;
        let issuer = Issuer::from_ca_cert_pem(&ca_text, issuer).map_err(failed(cannot()))?;
        let key = KeyPair::generate().map_err(failed(cannot()))?;
        let mut params = CertificateParams::new(names).map_err(failed(cannot()))?;
        dated(&mut params, now_ms);
        params
            .distinguished_name
            .push(DnType::CommonName, "OpenMSK control plane");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &issuer).map_err(failed(cannot()))?;
        let files = Self {
            certificate: directory.join("certificate.pem"),
            key: directory.join("certificate.key"),
            authority: Some(ca),
            host_name: host_name.to_owned(),
        };
        write(&files.key, &key.serialize_pem(), 0o600).map_err(failed(cannot()))?;
        // With the authority: a host that joins knows only the fingerprint of that.
        let chain = format!("{}{ca_text}", certificate.pem());
        write(&files.certificate, &chain, 0o644).map_err(failed(cannot()))?;
        Ok(files)
    }

    /// Fingerprint of the certificate that hosts pin.
    pub(crate) fn fingerprint(&self) -> Result<String, TlsError> {
        let path = self.authority.as_ref().unwrap_or(&self.certificate);
        let certificate = CertificateDer::from_pem_file(path);
        let certificate = certificate.map_err(failed(format!("{} cannot be used", path.display())))?;
        Ok(host_link::fingerprint(&certificate))
    }

    /// What encrypts connections.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let cannot = |path: &Path| format!("{} cannot be used", path.display());
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(failed(cannot(&self.certificate)))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(failed(cannot(&self.key)))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed("TLS cannot be set up".to_owned()))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(failed(cannot(&self.certificate)))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn authority(now_ms: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "OpenMSK control plane authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    dated(&mut params, now_ms);
    // Clients have it in files: it has to stay for longer than the certificates it signs.
    params.not_after = params.not_before + VALIDITY * 10;
    params
}

fn dated(params: &mut CertificateParams, now_ms: i64) {
    let now = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_millis(u64::try_from(now_ms).unwrap_or_default());
    params.not_before = now - BACKDATED;
    params.not_after = now + VALIDITY;
}

/// Writes a file that is whole after a crash, or not there.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    // What a crash left may have other rights.
    let _ = fs::remove_file(&temporary);
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authority_stays_and_certificates_are_made_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let files = TlsFiles::make(folder.path(), &names, "here", 1_800_000_000_000).unwrap();
        files.acceptor().map(drop).unwrap();
        let authority = fs::read(folder.path().join("ca.pem")).unwrap();
        let certificate = fs::read(&files.certificate).unwrap();
        TlsFiles::make(folder.path(), &names, "here", 1_800_000_000_000).unwrap();
        assert_eq!(fs::read(folder.path().join("ca.pem")).unwrap(), authority);
        assert_ne!(fs::read(&files.certificate).unwrap(), certificate);
        let pinned = host_link::fingerprint(&CertificateDer::from_pem_slice(&authority).unwrap());
        assert_eq!(files.fingerprint().unwrap(), pinned);
        let chain = String::from_utf8(certificate).unwrap();
        assert!(
            chain.ends_with(std::str::from_utf8(&authority).unwrap()),
            "it is shown, too"
        );
        fs::write(&files.key, "nothing").unwrap();
        let error = files.acceptor().map(drop).unwrap_err().to_string();
        assert!(error.contains("certificate.key"), "{error}");
    }
}
