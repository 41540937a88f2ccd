//! TLS of connections to a control plane on another machine.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::error::Cause;

/// Whom an endpoint is believed.
pub(crate) enum Trust<'a> {
    /// Nobody: it has no TLS.
    Nobody,
    /// The authorities of the system.
    System,
    /// These authorities, PEM, and no others.
    Authorities(&'a [u8]),
}

/// The configuration of connections; looking for the authorities of the system takes a while.
pub(crate) fn config(trust: &Trust<'_>) -> Result<ClientConfig, Cause> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    let roots = match trust {
        Trust::System => return Ok(builder.with_platform_verifier()?.with_no_client_auth()),
        Trust::Nobody => RootCertStore::empty(),
        Trust::Authorities(pem) => authorities(pem)?,
    };
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, Cause> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(|error| error.to_string())?)?;
    }
    if roots.is_empty() {
        return Err("there is no certificate in it".into());
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_told() {
        let wrong = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (pem, said) in [("", "no certificate"), ("text", "no certificate"), (wrong, "")] {
            let error = config(&Trust::Authorities(pem.as_bytes())).unwrap_err().to_string();
            assert!(error.contains(said), "{pem:?}: {error}");
        }
        config(&Trust::Nobody).unwrap();
    }
}
