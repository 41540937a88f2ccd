//! Where clients of a cluster connect to, as the resource and the data sources say it.

use control_plane_api::bootstrap::GetBootstrapBrokersResponse;
use plugin_framework::model::{Field, Model};

/// Where clients of a cluster connect to, way by way. They depend on the brokers there are and on the ways in they offer.
#[derive(Clone, Debug, Default, PartialEq, Model)]
pub(crate) struct BootstrapStrings {
    /// `host:port,…` for plaintext; empty unless clients may use it.
    #[attribute(computed, stable)]
    bootstrap_brokers: Field<String>,
    /// `host:port,…` for TLS without authentication; empty unless clients may use it.
    #[attribute(computed, stable)]
    bootstrap_brokers_tls: Field<String>,
    /// `host:port,…` for SASL/SCRAM over TLS; empty unless it is enabled.
    #[attribute(computed, stable)]
    bootstrap_brokers_sasl_scram: Field<String>,
    /// `host:port,…` for SASL/IAM over TLS; empty unless it is enabled.
    #[attribute(computed, stable)]
    bootstrap_brokers_sasl_iam: Field<String>,
    /// `host:port,…` for SASL/SCRAM from other machines; empty unless public access is on.
    #[attribute(computed, stable)]
    bootstrap_brokers_public_sasl_scram: Field<String>,
    /// `host:port,…` for SASL/IAM from other machines; empty unless public access is on.
    #[attribute(computed, stable)]
    bootstrap_brokers_public_sasl_iam: Field<String>,
    /// As `bootstrap_brokers`, over IPv6; empty unless the network type is `DUAL`.
    #[attribute(computed, stable)]
    bootstrap_brokers_ipv6: Field<String>,
    /// As `bootstrap_brokers_tls`, over IPv6; empty unless the network type is `DUAL`.
    #[attribute(computed, stable)]
    bootstrap_brokers_tls_ipv6: Field<String>,
    /// As `bootstrap_brokers_sasl_scram`, over IPv6; empty unless the network type is `DUAL`.
    #[attribute(computed, stable)]
    bootstrap_brokers_sasl_scram_ipv6: Field<String>,
    /// As `bootstrap_brokers_sasl_iam`, over IPv6; empty unless the network type is `DUAL`.
    #[attribute(computed, stable)]
    bootstrap_brokers_sasl_iam_ipv6: Field<String>,
}

impl BootstrapStrings {
    /// Each of them.
    pub(crate) fn all(&mut self) -> [&mut Field<String>; 10] {
        [
            &mut self.bootstrap_brokers,
            &mut self.bootstrap_brokers_tls,
            &mut self.bootstrap_brokers_sasl_scram,
            &mut self.bootstrap_brokers_sasl_iam,
            &mut self.bootstrap_brokers_public_sasl_scram,
            &mut self.bootstrap_brokers_public_sasl_iam,
            &mut self.bootstrap_brokers_ipv6,
            &mut self.bootstrap_brokers_tls_ipv6,
            &mut self.bootstrap_brokers_sasl_scram_ipv6,
            &mut self.bootstrap_brokers_sasl_iam_ipv6,
        ]
    }
}

impl From<GetBootstrapBrokersResponse> for BootstrapStrings {
    /// What is not offered is empty.
    fn from(found: GetBootstrapBrokersResponse) -> Self {
        let text = |offered: Option<String>| offered.unwrap_or_default().into();
        Self {
            bootstrap_brokers: text(found.bootstrap_broker_string),
            bootstrap_brokers_tls: text(found.bootstrap_broker_string_tls),
            bootstrap_brokers_sasl_scram: text(found.bootstrap_broker_string_sasl_scram),
            bootstrap_brokers_sasl_iam: text(found.bootstrap_broker_string_sasl_iam),
            bootstrap_brokers_public_sasl_scram: text(found.bootstrap_broker_string_public_sasl_scram),
            bootstrap_brokers_public_sasl_iam: text(found.bootstrap_broker_string_public_sasl_iam),
            bootstrap_brokers_ipv6: text(found.bootstrap_broker_string_ipv6),
            bootstrap_brokers_tls_ipv6: text(found.bootstrap_broker_string_tls_ipv6),
            bootstrap_brokers_sasl_scram_ipv6: text(found.bootstrap_broker_string_sasl_scram_ipv6),
            bootstrap_brokers_sasl_iam_ipv6: text(found.bootstrap_broker_string_sasl_iam_ipv6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_offered_is_empty() {
        let mut strings = BootstrapStrings::from(GetBootstrapBrokersResponse::default());
        assert!(strings.all().into_iter().all(|it| it.as_str() == Some("")));
    }
}
