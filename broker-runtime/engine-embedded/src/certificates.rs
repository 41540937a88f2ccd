//! The certificate authority of a cluster and the certificates of its brokers: ECDSA P-256, because it is fast to make and
//! every client has it.

use std::{net::IpAddr, path::Path, time::Duration};

use engine::EngineError;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};

use crate::durable_file::{self, Readers};

/// Certificates are valid from this long before they are made, for clocks that differ.
const BACKDATED: Duration = Duration::from_secs(24 * 3600);
/// How long certificates are valid. They never leave the machine, and nothing renews them.
const VALIDITY: Duration = Duration::from_secs(20 * 365 * 24 * 3600);

/// The authority of one cluster.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Reads the authority from its two files, or makes it when one of them is missing.
    pub(crate) fn open(
        certificate_path: &Path,
        key_path: &Path,
        cluster_name: &str,
        now_ms: i64,
    ) -> Result<Self, EngineError> {
        let texts = (durable_file::read(certificate_path)?, durable_file::read(key_path)?);
        if let (Some(certificate), Some(key)) = texts {
            let issuer = read_issuer(&certificate, &key).map_err(|source| {
                failed(
                    format!("certificate authority {} cannot be used", certificate_path.display()),
                    source,
                )
            })?;
            return Ok(Self { issuer });
        }
        let made = make_authority(cluster_name, now_ms);
        let (certificate, key) = made.map_err(|source| failed("making a certificate authority".to_owned(), source))?;
        // The key first: a certificate without its key would be handed out and never be of use.
        durable_file::replace(key_path, key.serialize_pem().as_bytes(), Readers::User)?;
        durable_file::replace(certificate_path, certificate.as_bytes(), Readers::All)?;
        let issuer = Issuer::from_ca_cert_pem(&certificate, key)
            .map_err(|source| failed("reading back a certificate authority".to_owned(), source))?;
        Ok(Self { issuer })
    }

    /// Makes the certificate of a broker, unless both its files are there.
    pub(crate) fn issue(
        &self,
        certificate_path: &Path,
        key_path: &Path,
        broker: &BrokerName<'_>,
        now_ms: i64,
    ) -> Result<(), EngineError> {
        if certificate_path.exists() && key_path.exists() {
            return Ok(());
        }
        let made = make_certificate(&self.issuer, broker, now_ms);
        let (certificate, key) =
            made.map_err(|source| failed(format!("making the certificate of broker {}", broker.broker_id), source))?;
        durable_file::replace(key_path, key.as_bytes(), Readers::User)?;
        durable_file::replace(certificate_path, certificate.as_bytes(), Readers::All)
    }
}

/// What stands in a broker's certificate.
pub(crate) struct BrokerName<'a> {
    /// `node.id`.
    pub(crate) broker_id: i32,
    /// Name of its cluster.
    pub(crate) cluster_name: &'a str,
    /// Its addresses.
    pub(crate) addresses: Vec<IpAddr>,
}

fn read_issuer(certificate: &[u8], key: &[u8]) -> Result<Issuer<'static, KeyPair>, rcgen::Error> {
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| rcgen::Error::CouldNotParseCertificate);
    Issuer::from_ca_cert_pem(text(certificate)?, KeyPair::from_pem(text(key)?)?)
}

fn make_authority(cluster_name: &str, now_ms: i64) -> Result<(String, KeyPair), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = params(format!("OpenMSK cluster {cluster_name}"), now_ms);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok((params.self_signed(&key)?.pem(), key))
}

fn make_certificate(
    issuer: &Issuer<'static, KeyPair>,
    broker: &BrokerName<'_>,
    now_ms: i64,
) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = params(
        format!("broker {} of {}", broker.broker_id, broker.cluster_name),
        now_ms,
    );
    let addresses = broker.addresses.iter().copied().map(SanType::IpAddress);
    params.subject_alt_names = addresses.collect();
    params.subject_alt_names.push(SanType::DnsName("localhost".try_into()?));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    // Strict verifiers (Python 3.13) insist on it.
    params.use_authority_key_identifier_extension = true;
    Ok((params.signed_by(&key, issuer)?.pem(), key.serialize_pem()))
}

fn params(common_name: String, now_ms: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    let now = date_time_ymd(1970, 1, 1) + Duration::from_millis(u64::try_from(now_ms).unwrap_or(0));
    params.not_before = now - BACKDATED;
    params.not_after = now + VALIDITY;
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

    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject};

    use super::*;

    const NOW_MS: i64 = 1_760_000_000_000;

    fn issue(folder: &Path) -> (String, String) {
        let path = |name: &str| folder.join(name);
        let authority = Authority::open(&path("ca.pem"), &path("ca.key"), "orders", NOW_MS).unwrap();
        let addresses = vec![
            IpAddr::V4(Ipv4Addr::new(127, 16, 0, 1)),
            IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ];
        let broker = BrokerName {
            broker_id: 1,
            cluster_name: "orders",
            addresses,
        };
        authority
            .issue(&path("broker.pem"), &path("broker.key"), &broker, NOW_MS)
            .unwrap();
        (
            fs::read_to_string(path("ca.pem")).unwrap(),
            fs::read_to_string(path("broker.pem")).unwrap(),
        )
    }

    #[test]
    fn certificate_of_a_broker_is_good_for_its_address_and_localhost() {
        let folder = tempfile::tempdir().unwrap();
        let (ca, broker) = issue(folder.path());
        let ca = CertificateDer::from_pem_slice(ca.as_bytes()).unwrap();
        let broker = CertificateDer::from_pem_slice(broker.as_bytes()).unwrap();
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
        PrivateKeyDer::from_pem_file(folder.path().join("broker.key")).unwrap();
    }

    #[test]
    fn authority_and_certificates_are_made_once_and_keys_are_private() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(issue(folder.path()), issue(folder.path()));
        for key in ["ca.key", "broker.key"] {
            let mode = fs::metadata(folder.path().join(key)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }
        fs::remove_file(folder.path().join("broker.pem")).unwrap();
        issue(folder.path());
    }
}
