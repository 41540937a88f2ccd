//! The certificate authority of a cluster and the certificates of its brokers: ECDSA P-256, because it is fast to make and
//! every client has it.
//!
//! ```text
//! made ──────────── a year ────────────┐
//!   shown by its broker      ├─ 90 days ┤ ends
//!                            └ from here on another one takes its place
//! ```
//! A broker's certificate and its key are one file, which is replaced as a whole: whoever reads it finds a pair, at any moment.

use std::{net::IpAddr, path::Path, time::Duration};

use engine::EngineError;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::durable_file::{self, Readers};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Certificates are valid from this long before they are made, for clocks that differ.
const BACKDATED: Duration = DAY;
/// How long an authority is valid. Clients were given it, so it stays.
const AUTHORITY_LIFE: Duration = Duration::from_secs(20 * 365 * 24 * 3600);
/// How long the certificate of a broker is valid, at most: it ends with its authority.
const LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// A certificate that ends sooner than this is renewed.
const RENEWED_BEFORE: Duration = Duration::from_secs(90 * 24 * 3600);
/// What the first line of the file begins with: which rotation it was made in.
const ROTATION: &str = "rotation ";

/// The authority of one cluster.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// When it ends, unix milliseconds.
    expires_at_ms: i64,
}

impl Authority {
    /// Reads the authority from its two files, or makes it when one of them is missing.
    pub fn open(
        certificate_path: &Path,
        key_path: &Path,
        cluster_name: &str,
        now_ms: i64,
    ) -> Result<Self, EngineError> {
        let texts = (durable_file::read(certificate_path)?, durable_file::read(key_path)?);
        if let (Some(certificate), Some(key)) = texts {
            return read_authority(&certificate, &key).map_err(|source| {
                failed(
                    format!("certificate authority {} cannot be used", certificate_path.display()),
                    source,
                )
            });
        }
        let made = make_authority(cluster_name, now_ms);
        let (certificate, key) = made.map_err(|source| failed("making a certificate authority".to_owned(), source))?;
        // The key first: a certificate without its key would be handed out and never be of use.
        durable_file::replace(key_path, key.serialize_pem().as_bytes(), Readers::User)?;
        durable_file::replace(certificate_path, certificate.as_bytes(), Readers::All)?;
        read_authority(certificate.as_bytes(), key.serialize_pem().as_bytes())
            .map_err(|source| failed("reading back a certificate authority".to_owned(), source))
    }

    /// Makes the certificate of a broker and replaces the file that holds it.
    pub fn issue(&self, path: &Path, broker: &BrokerName<'_>, rotation: u64, now_ms: i64) -> Result<(), EngineError> {
        let common_name = format!("broker {} of {}", broker.broker_id, broker.cluster_name);
        let text = self.make(&common_name, &broker.addresses, rotation, now_ms)?;
        durable_file::replace(path, text.as_bytes(), Readers::User)
    }

    /// Makes a certificate, for whom `common_name` names at these addresses: the text of the file that holds it and its key.
    pub fn make(
        &self,
        common_name: &str,
        addresses: &[IpAddr],
        rotation: u64,
        now_ms: i64,
    ) -> Result<String, EngineError> {
        let made = self.make_certificate(common_name, addresses, now_ms);
        let (certificate, key) =
            made.map_err(|source| failed(format!("making the certificate of {common_name:?}"), source))?;
        Ok(format!("{ROTATION}{rotation}\n{certificate}{key}"))
    }

    /// True for a certificate of an earlier rotation, and for one that ends before long where another would last longer.
    pub fn is_due(&self, held: &Held, rotation: u64, now_ms: i64) -> bool {
        let ends_soon = held.expires_at_ms < now_ms.saturating_add(millis(RENEWED_BEFORE));
        held.rotation < rotation || ends_soon && held.expires_at_ms < self.end_of_life(now_ms)
    }

    /// When a certificate ends that is made now.
    fn end_of_life(&self, now_ms: i64) -> i64 {
        now_ms.saturating_add(millis(LIFE)).min(self.expires_at_ms)
    }

    fn make_certificate(
        &self,
        common_name: &str,
        addresses: &[IpAddr],
        now_ms: i64,
    ) -> Result<(String, String), rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = params(common_name.to_owned(), now_ms, self.end_of_life(now_ms));
        let addresses = addresses.iter().copied().map(SanType::IpAddress);
        params.subject_alt_names = addresses.collect();
        params.subject_alt_names.push(SanType::DnsName("localhost".try_into()?));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        // Strict verifiers (Python 3.13) insist on it.
        params.use_authority_key_identifier_extension = true;
        Ok((params.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
    }
}

/// What stands in a broker's certificate.
pub struct BrokerName<'a> {
    /// `node.id`.
    pub broker_id: i32,
    /// Name of its cluster.
    pub cluster_name: &'a str,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// A certificate that a broker has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// DER.
    pub certificate: CertificateDer<'static>,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// When it ends, unix milliseconds.
    pub expires_at_ms: i64,
    /// The rotation it was made in.
    rotation: u64,
}

impl Held {
    /// Reads the file; `None` when there is none, or none that is of use, so that another one is made.
    pub fn read(path: &Path) -> Result<Option<Self>, EngineError> {
        let text = durable_file::read(path)?;
        Ok(text.and_then(|text| Self::of(&text)))
    }

    /// The rotation it was made in.
    pub fn rotation(&self) -> u64 {
        self.rotation
    }

    /// Reads the text of such a file; `None` when it is of no use.
    pub fn of(text: &[u8]) -> Option<Self> {
        Self::parse(text).ok()
    }

    fn parse(text: &[u8]) -> Result<Self, rcgen::Error> {
        let certificate = CertificateDer::from_pem_slice(text).map_err(|_| rcgen::Error::CouldNotParseCertificate)?;
        let (serial, expires_at_ms) = serial_and_end(&certificate)?;
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let rotation = std::str::from_utf8(first)
            .ok()
            .and_then(|line| line.strip_prefix(ROTATION)?.parse().ok());
        Ok(Self {
            certificate,
            serial,
            expires_at_ms,
            rotation: rotation.unwrap_or_default(),
        })
    }
}

/// When the certificate in this PEM text ends, unix milliseconds.
pub fn expires_at_ms(pem: &[u8]) -> Option<i64> {
    let certificate = CertificateDer::from_pem_slice(pem).ok()?;
    Some(serial_and_end(&certificate).ok()?.1)
}

fn serial_and_end(certificate: &[u8]) -> Result<(String, i64), rcgen::Error> {
    let parsed = X509Certificate::from_der(certificate);
    let (_, parsed) = parsed.map_err(|_| rcgen::Error::CouldNotParseCertificate)?;
    let ends_s = parsed.validity().not_after.timestamp();
    Ok((parsed.raw_serial_as_string(), ends_s.saturating_mul(1000)))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn read_authority(certificate: &[u8], key: &[u8]) -> Result<Authority, rcgen::Error> {
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| rcgen::Error::CouldNotParseCertificate);
    Ok(Authority {
        expires_at_ms: expires_at_ms(certificate).ok_or(rcgen::Error::CouldNotParseCertificate)?,
        issuer: Issuer::from_ca_cert_pem(text(certificate)?, KeyPair::from_pem(text(key)?)?)?,
    })
}

fn make_authority(cluster_name: &str, now_ms: i64) -> Result<(String, KeyPair), rcgen::Error> {
    let key = KeyPair::generate()?;
    let end_ms = now_ms.saturating_add(millis(AUTHORITY_LIFE));
    let mut params = params(format!("OpenMSK cluster {cluster_name}"), now_ms, end_ms);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok((params.self_signed(&key)?.pem(), key))
}

fn params(common_name: String, now_ms: i64, end_ms: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    let at = |ms: i64| date_time_ymd(1970, 1, 1) + Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    params.not_before = at(now_ms) - BACKDATED;
    params.not_after = at(end_ms);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "OpenMSK");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

fn failed(context: String, source: rcgen::Error) -> EngineError {
    EngineError::Internal {
        context,
        source: source.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, net::Ipv4Addr, os::unix::fs::PermissionsExt};

    use rustls::pki_types::{PrivateKeyDer, ServerName, UnixTime};

    use super::*;

    const NOW_MS: i64 = 1_760_000_000_000;

    fn authority(folder: &Path, now_ms: i64) -> Authority {
        Authority::open(&folder.join("ca.pem"), &folder.join("ca.key"), "orders", now_ms).unwrap()
    }

    fn issue(folder: &Path, rotation: u64, now_ms: i64) -> Held {
        let addresses = vec![
            IpAddr::V4(Ipv4Addr::new(127, 16, 0, 1)),
            IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ];
        let broker = BrokerName {
            broker_id: 1,
            cluster_name: "orders",
            addresses,
        };
        let path = folder.join("broker.pem");
        authority(folder, now_ms)
            .issue(&path, &broker, rotation, now_ms)
            .unwrap();
        Held::read(&path).unwrap().unwrap()
    }

    #[test]
    fn certificate_of_a_broker_is_good_for_its_address_and_localhost() {
        let folder = tempfile::tempdir().unwrap();
        let broker = issue(folder.path(), 0, NOW_MS).certificate;
        let ca = CertificateDer::from_pem_file(folder.path().join("ca.pem")).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ca).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(roots.into(), provider)
            .build()
            .unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_millis(NOW_MS.unsigned_abs()));
        let names = [
            ("127.16.0.1", true),
            ("::1", true),
            ("localhost", true),
            ("127.16.0.2", false),
        ];
        for (name, good) in names {
            let name = ServerName::try_from(name).unwrap();
            use rustls::client::danger::ServerCertVerifier;
            assert_eq!(
                verifier.verify_server_cert(&broker, &[], &name, &[], now).is_ok(),
                good,
                "{name:?}"
            );
        }
        PrivateKeyDer::from_pem_file(folder.path().join("broker.pem")).unwrap();
    }

    #[test]
    fn authority_is_made_once_and_keys_are_private() {
        let folder = tempfile::tempdir().unwrap();
        issue(folder.path(), 0, NOW_MS);
        let made = fs::read(folder.path().join("ca.pem")).unwrap();
        issue(folder.path(), 0, NOW_MS);
        assert_eq!(fs::read(folder.path().join("ca.pem")).unwrap(), made);
        for key in ["ca.key", "broker.pem"] {
            let mode = fs::metadata(folder.path().join(key)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }
    }

    #[test]
    fn certificate_lasts_a_year_and_is_due_ninety_days_before_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let held = issue(folder.path(), 0, NOW_MS);
        let authority = authority(folder.path(), NOW_MS);
        assert_eq!(held.expires_at_ms, NOW_MS + millis(365 * DAY));
        let at = |days: u32| NOW_MS + millis(days * DAY);
        assert!(!authority.is_due(&held, 0, NOW_MS));
        assert!(!authority.is_due(&held, 0, at(275)));
        assert!(authority.is_due(&held, 0, at(276)));
        assert!(authority.is_due(&held, 0, at(400)), "also when it has ended");
        let renewed = issue(folder.path(), 0, at(276));
        assert_ne!(renewed.serial, held.serial);
        assert_eq!(renewed.expires_at_ms, at(276 + 365));
    }

    #[test]
    fn rotation_makes_every_earlier_certificate_due_and_none_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let authority = authority(folder.path(), NOW_MS);
        let held = issue(folder.path(), 0, NOW_MS);
        assert!(authority.is_due(&held, 1, NOW_MS));
        let held = issue(folder.path(), 3, NOW_MS);
        assert!(!authority.is_due(&held, 3, NOW_MS));
        assert!(!authority.is_due(&held, 2, NOW_MS));
    }

    #[test]
    fn certificate_ends_with_its_authority_at_the_latest_and_is_not_renewed_in_vain() {
        let folder = tempfile::tempdir().unwrap();
        let authority = authority(folder.path(), NOW_MS);
        let late = NOW_MS + millis(AUTHORITY_LIFE) - millis(10 * DAY);
        let held = issue(folder.path(), 0, late);
        assert_eq!(held.expires_at_ms, authority.expires_at_ms);
        assert!(!authority.is_due(&held, 0, late + 1));
    }

    #[test]
    fn certificate_of_before_rotation_is_of_none_and_lasts_as_long_as_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let authority = authority(folder.path(), NOW_MS);
        fs::write(folder.path().join("torn.pem"), "rotation 7\n-----BEGIN").unwrap();
        assert_eq!(Held::read(&folder.path().join("torn.pem")).unwrap(), None);
        let key = KeyPair::generate().unwrap();
        let twenty_years = params("broker 1".to_owned(), NOW_MS, NOW_MS + millis(AUTHORITY_LIFE));
        let made = twenty_years.signed_by(&key, &authority.issuer).unwrap();
        let held = Held::parse(made.pem().as_bytes()).unwrap();
        assert!(!authority.is_due(&held, 0, NOW_MS));
        assert!(authority.is_due(&held, 1, NOW_MS));
    }
}
