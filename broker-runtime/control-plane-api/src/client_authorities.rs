//! Authorities whose certificates Kafka clients may show: ours, under `/openmsk/v1`. Clusters name them where MSK has the
//! ARNs of authorities in ACM Private CA.

use serde::{Deserialize, Serialize};

/// `POST /openmsk/v1/client-authorities`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportClientAuthorityRequest {
    /// What people call it.
    pub name: String,
    /// Its certificate, PEM; no key.
    pub certificate_pem: String,
}

/// An authority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientAuthority {
    /// `arn:aws:acm-pca:REGION:ACCOUNT:certificate-authority/UUID`.
    pub arn: String,
    /// What people call it.
    pub name: String,
    /// Subject of its certificate.
    pub subject: String,
    /// End of its certificate, ISO 8601.
    pub not_after: String,
    /// ISO 8601.
    pub creation_time: String,
}

/// `GET /openmsk/v1/client-authorities`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListClientAuthoritiesResponse {
    /// Oldest first.
    pub client_authorities: Vec<ClientAuthority>,
}
