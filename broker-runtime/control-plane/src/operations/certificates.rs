//! Other certificates for all brokers of a cluster, because somebody asks: those that end before long are renewed by
//! themselves (`reconcilers/certificates.rs`).

use control_plane_api::extensions::CertificateRotation;

use super::updates::begin;
use crate::{
    error::OperationError,
    queries,
    services::Services,
    store::{OperationKind, OperationRecord},
};

/// Begins to give every broker a new certificate. Whoever asks while that is being done gets the same operation.
pub(crate) async fn rotate_certificates(services: &Services, arn: &str) -> Result<CertificateRotation, OperationError> {
    if let Some(begun) = under_way(services, arn)? {
        return Ok(begun);
    }
    let begun = begin(services, arn, None, OperationKind::RotateCertificates, |settings| {
        settings.certificate_rotations += 1;
        Ok(())
    });
    match begun {
        Ok(begun) => Ok(CertificateRotation {
            cluster_arn: begun.cluster_arn,
            cluster_operation_arn: begun.cluster_operation_arn,
        }),
        // Somebody else may have been faster.
        Err(error) => under_way(services, arn)?.ok_or(error),
    }
}

fn under_way(services: &Services, arn: &str) -> Result<Option<CertificateRotation>, OperationError> {
    let Some(operation) = queries::cluster_record(services, arn)?.active_operation else {
        return Ok(None);
    };
    let operation: Option<OperationRecord> = services.store.get(&operation.to_string())?;
    let rotation = operation.filter(|operation| operation.kind == OperationKind::RotateCertificates);
    Ok(rotation.map(|operation| CertificateRotation {
        cluster_arn: operation.cluster_arn,
        cluster_operation_arn: operation.arn,
    }))
}
