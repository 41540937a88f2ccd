//! Authorities whose certificates Kafka clients may show.

use control_plane_api::{
    client_authorities::{ClientAuthority, ImportClientAuthorityRequest},
    security::ClientAuthentication,
};
use x509_parser::{pem::Pem, prelude::X509Certificate};

use crate::{
    arn::Scope,
    error::OperationError,
    queries,
    services::Services,
    store::{ClientAuthorityRecord, ClusterRecord, OperationRecord},
};

/// Longest name.
const NAME_CHARS_MAX: usize = 64;
/// Longest text of a certificate, bytes.
const PEM_BYTES_MAX: usize = 16 * 1024;

/// Takes the certificate of an authority in.
pub(crate) async fn import_client_authority(
    services: &Services,
    world: &Scope,
    request: ImportClientAuthorityRequest,
) -> Result<ClientAuthority, OperationError> {
    let name = request.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        let message = format!("a name has 1 to {NAME_CHARS_MAX} characters");
        return Err(OperationError::invalid("name", message));
    }
    let now_ms = services.clock.now_ms();
    let (subject, not_after_ms) = read(&request.certificate_pem, now_ms)
        .map_err(|problem| OperationError::invalid("certificatePem", format!("it cannot be used: {problem}")))?;
    let authority = ClientAuthorityRecord {
        arn: world.client_authority(services.new_uuid()),
        name,
        certificate_pem: request.certificate_pem,
        subject,
        not_after_ms,
        created_ms: now_ms,
    };
    services.store.transaction(|transaction| {
        let mut all = transaction.all::<ClientAuthorityRecord>()?.into_iter();
        if all.any(|other| other.name == authority.name && world.same_account(&other.arn)) {
            let message = format!("there is an authority {:?} already", authority.name);
            return Err(OperationError::Conflict(message));
        }
        transaction.put(&authority)?;
        Ok(())
    })?;
    Ok(queries::client_authority(&authority))
}

/// Subject and end of the one certificate in a text, which has to be that of an authority.
fn read(pem: &str, now_ms: i64) -> Result<(String, i64), String> {
    if pem.len() > PEM_BYTES_MAX {
        return Err(format!("it has more than {PEM_BYTES_MAX} bytes"));
    }
    let blocks: Vec<Pem> = Pem::iter_from_buffer(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| format!("it is not PEM: {error}"))?;
    let [block] = blocks.as_slice() else {
        return Err(format!("it holds {} PEM blocks, and has to hold one", blocks.len()));
    };
    if block.label != "CERTIFICATE" {
        return Err(format!(
            "it holds a {}, and has to hold a certificate only",
            block.label
        ));
    }
    let certificate: X509Certificate<'_> = block.parse_x509().map_err(|error| error.to_string())?;
    if !certificate.is_ca() {
        return Err("it is not the certificate of an authority (basicConstraints CA:TRUE)".to_owned());
    }
    let not_after_ms = certificate.validity().not_after.timestamp().saturating_mul(1000);
    if not_after_ms <= now_ms {
        return Err("it has expired".to_owned());
    }
    Ok((certificate.subject().to_string(), not_after_ms))
}

/// Forgets an authority that no cluster uses.
pub(crate) async fn delete_client_authority(
    services: &Services,
    world: &Scope,
    arn: &str,
) -> Result<(), OperationError> {
    services.store.transaction(|transaction| {
        let found: Option<ClientAuthorityRecord> = transaction.get(arn)?;
        found
            .filter(|found| world.same_account(&found.arn))
            .ok_or_else(|| unknown(arn))?;
        let uses = |authentication: Option<&ClientAuthentication>| {
            authentication.is_some_and(|it| it.client_authorities().iter().any(|it| it == arn))
        };
        for cluster in transaction.all::<ClusterRecord>()? {
            let operation: Option<OperationRecord> = match cluster.active_operation {
                Some(uuid) => transaction.get(&uuid.to_string())?,
                None => None,
            };
            let wanted = operation.as_ref().map(|operation| &operation.wanted);
            let mut settings = std::iter::once(&cluster.settings).chain(wanted);
            if settings.any(|settings| uses(settings.client_authentication.as_ref())) {
                let message = format!("cluster {:?} lets clients of it in: change that first", cluster.name);
                return Err(OperationError::Conflict(message));
            }
        }
        transaction.delete::<ClientAuthorityRecord>(arn)?;
        Ok(())
    })
}

/// Clients may show certificates of authorities that are known here.
pub(super) fn check(
    services: &Services,
    cluster_world: &Scope,
    authentication: Option<&ClientAuthentication>,
) -> Result<(), OperationError> {
    let refuse = |message: String| Err(OperationError::invalid("clientAuthentication", message));
    let Some(authentication) = authentication else {
        return Ok(());
    };
    let arns = authentication.client_authorities();
    if authentication.tls.as_ref().is_some_and(|tls| tls.enabled) && arns.is_empty() {
        return refuse(
            "clients that show certificates need an authority: name it in certificateAuthorityArnList".to_owned(),
        );
    }
    for arn in arns {
        let found: Option<ClientAuthorityRecord> = services.store.get(arn)?;
        if found.is_none_or(|found| !cluster_world.same_account(&found.arn)) {
            return refuse(format!(
                "authority {arn} does not exist: broker-runtime authorities import makes one of a certificate"
            ));
        }
    }
    Ok(())
}

fn unknown(arn: &str) -> OperationError {
    OperationError::NotFound(format!("authority {arn} does not exist"))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

    use super::*;

    fn certificate(is_ca: bool) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "clients");
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn only_the_certificate_of_an_authority_is_taken_in() {
        let authority = certificate(true);
        let (subject, not_after_ms) = read(&authority, 0).unwrap();
        assert!(subject.contains("CN=clients"), "{subject}");
        let why = |text: &str, now_ms| read(text, now_ms).unwrap_err();
        assert!(why(&authority, not_after_ms).contains("expired"));
        assert!(why(&certificate(false), 0).contains("not the certificate of an authority"));
        assert!(why("", 0).contains("0 PEM blocks"));
        assert!(why(&format!("{authority}{authority}"), 0).contains("2 PEM blocks"));
        let key = KeyPair::generate().unwrap().serialize_pem();
        assert!(why(&key, 0).contains("PRIVATE KEY"));
    }
}
