//! The authority of a fleet and the certificates it signs: of hosts, which only serve, and of the control plane, which only
//! asks. It is made where there is none, and its key never leaves its folder.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKey, PublicKeyData,
};
use thiserror::Error;
use uuid::Uuid;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{token::hexadecimal, wire::host_dns_name};

/// How long certificates are valid; those of hosts are replaced long before.
const VALIDITY: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long the authority is valid.
const AUTHORITY_VALIDITY: Duration = Duration::from_secs(20 * 365 * 24 * 3600);
/// How long before they were made certificates are valid, for clocks that are behind.
const BACKDATED: Duration = Duration::from_secs(24 * 3600);

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("{path} cannot be used")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A certificate cannot be made or read.
    #[error("{what}")]
    Certificate {
        /// Which one.
        what: &'static str,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// It is no certificate.
    #[error("it is no certificate")]
    Unreadable,
}

fn failed(what: &'static str) -> impl FnOnce(rcgen::Error) -> AuthorityError {
    move |source| AuthorityError::Certificate { what, source }
}

/// The authority of a fleet.
pub struct FleetAuthority {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl FleetAuthority {
    /// Reads it, or makes one in `directory`, for this user only.
    pub fn open(directory: &Path, now_ms: i64) -> Result<Self, AuthorityError> {
        let of_file = |path: &Path| {
            let path = path.display().to_string();
            move |source| AuthorityError::File { path, source }
        };
        let path = directory.join("authority.pem");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
                made.map_err(of_file(directory))?;
                let text = Self::make(now_ms)?;
                // Key and certificate are one file: there is never one without the other.
                write_private(&path, &text).map_err(of_file(&path))?;
                text
            }
            Err(error) => return Err(of_file(&path)(error)),
        };
        let what = "the authority of the fleet cannot be read";
        let key = KeyPair::from_pem(&text).map_err(failed(what))?;
        let certificate = text.find("-----BEGIN CERTIFICATE").map(|at| text[at..].to_owned());
        let certificate_pem = certificate.ok_or(AuthorityError::Unreadable)?;
        let issuer = Issuer::from_ca_cert_pem(&certificate_pem, key).map_err(failed(what))?;
        Ok(Self {
            certificate_pem,
            issuer,
        })
    }

    fn make(now_ms: i64) -> Result<String, AuthorityError> {
        let what = "the authority of the fleet cannot be made";
        let key = KeyPair::generate().map_err(failed(what))?;
        let mut params = named("OpenMSK fleet authority", now_ms, AUTHORITY_VALIDITY);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(failed(what))?;
        Ok(format!("{}{}", key.serialize_pem(), certificate.pem()))
    }

    /// Its certificate, PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Signs the certificate of a host. Of the request only the key counts, which whoever made it has proven to have.
    pub fn sign_host(
        &self,
        host_id: Uuid,
        name: &str,
        request: &HostRequest,
        now_ms: i64,
    ) -> Result<String, AuthorityError> {
        let mut params = named(name, now_ms, VALIDITY);
        let what = "the certificate of the host cannot be made";
        let dns_name = host_dns_name(host_id).try_into().map_err(failed(what))?;
        params.subject_alt_names = vec![rcgen::SanType::DnsName(dns_name)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&request.key, &self.issuer).map_err(failed(what))?;
        Ok(certificate.pem())
    }

    /// A new key and certificate of the control plane, PEM, for its connections to agents.
    pub fn sign_client(&self, now_ms: i64) -> Result<String, AuthorityError> {
        let what = "the certificate of the control plane cannot be made";
        let mut params = named("OpenMSK control plane", now_ms, VALIDITY);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().map_err(failed(what))?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed(what))?;
        Ok(format!("{}{}", key.serialize_pem(), certificate.pem()))
    }
}

/// The key of a host, before there is a certificate to it.
pub struct HostKey(KeyPair);

impl HostKey {
    /// A new one.
    pub fn new() -> Result<Self, AuthorityError> {
        KeyPair::generate().map(Self).map_err(failed("a key cannot be made"))
    }

    /// Reads one.
    pub fn from_pem(text: &str) -> Result<Self, AuthorityError> {
        KeyPair::from_pem(text)
            .map(Self)
            .map_err(failed("the key cannot be read"))
    }

    /// PEM.
    pub fn to_pem(&self) -> String {
        self.0.serialize_pem()
    }

    /// Asks for a certificate, PEM.
    pub fn request(&self) -> Result<String, AuthorityError> {
        let what = "a certificate cannot be asked for";
        let request = CertificateParams::default()
            .serialize_request(&self.0)
            .map_err(failed(what))?;
        request.pem().map_err(failed(what))
    }

    /// Whether a certificate, PEM, is to this key.
    pub fn fits(&self, certificate_pem: &str) -> bool {
        let Ok((_, block)) = x509_parser::pem::parse_x509_pem(certificate_pem.as_bytes()) else {
            return false;
        };
        let certificate = X509Certificate::from_der(&block.contents);
        certificate.is_ok_and(|(_, it)| it.public_key().raw == self.0.subject_public_key_info())
    }
}

/// A request for a certificate whose signature was checked.
pub struct HostRequest {
    key: PublicKey,
}

impl HostRequest {
    /// Reads one; PEM.
    pub fn from_pem(text: &str) -> Result<Self, AuthorityError> {
        let what = "the certificate signing request cannot be read";
        let request = CertificateSigningRequestParams::from_pem(text).map_err(failed(what))?;
        Ok(Self {
            key: request.public_key,
        })
    }

    /// What tells its key from others.
    pub fn key_fingerprint(&self) -> String {
        let key = self.key.subject_public_key_info();
        hexadecimal(ring::digest::digest(&ring::digest::SHA256, &key).as_ref())
    }
}

/// When a certificate, PEM, ends, unix milliseconds.
pub fn not_after_ms(certificate_pem: &str) -> Result<i64, AuthorityError> {
    let at = certificate_pem
        .find("-----BEGIN CERTIFICATE")
        .ok_or(AuthorityError::Unreadable)?;
    let parsed = x509_parser::pem::parse_x509_pem(&certificate_pem.as_bytes()[at..]);
    let (_, block) = parsed.map_err(|_| AuthorityError::Unreadable)?;
    let (_, certificate) = X509Certificate::from_der(&block.contents).map_err(|_| AuthorityError::Unreadable)?;
    Ok(certificate.validity().not_after.timestamp().saturating_mul(1000))
}

fn named(name: &str, now_ms: i64, validity: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let now = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_millis(u64::try_from(now_ms).unwrap_or_default());
    params.not_before = now - BACKDATED;
    params.not_after = now + validity;
    params
}

/// Writes a file that is whole after a crash, or not there; one that is there is not replaced.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", Uuid::new_v4()));
    let write = || {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().inspect_err(|_| {
        // It may not be there.
        let _ = fs::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW_MS: i64 = 1_900_000_000_000;

    #[test]
    fn authority_stays_and_is_for_its_user_only() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("fleet");
        let first = FleetAuthority::open(&directory, NOW_MS).unwrap();
        let second = FleetAuthority::open(&directory, NOW_MS + 1).unwrap();
        assert_eq!(first.certificate_pem(), second.certificate_pem());
        assert!(!first.certificate_pem().contains("KEY"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&directory), mode(&directory.join("authority.pem"))),
            (0o700, 0o600)
        );
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        fs::write(directory.join("authority.pem"), "nothing").unwrap();
        assert!(FleetAuthority::open(&directory, NOW_MS).is_err());
    }

    #[test]
    fn certificate_of_a_host_is_to_its_key_and_ends() {
        let folder = tempfile::tempdir().unwrap();
        let authority = FleetAuthority::open(folder.path(), NOW_MS).unwrap();
        let key = HostKey::from_pem(&HostKey::new().unwrap().to_pem()).unwrap();
        let request = HostRequest::from_pem(&key.request().unwrap()).unwrap();
        let certificate = authority.sign_host(Uuid::nil(), "h", &request, NOW_MS).unwrap();
        assert!(key.fits(&certificate));
        assert!(!HostKey::new().unwrap().fits(&certificate));
        assert_eq!(not_after_ms(&certificate).unwrap(), NOW_MS + 90 * 24 * 3600 * 1000);
        let again = HostRequest::from_pem(&key.request().unwrap()).unwrap();
        assert_eq!(again.key_fingerprint(), request.key_fingerprint());
        assert!(HostRequest::from_pem("nothing").is_err());
    }
}
