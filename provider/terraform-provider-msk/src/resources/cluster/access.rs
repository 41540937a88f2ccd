//! Which ways in a cluster offers its clients, as a configuration asks for them and as the control plane reports them.

use plugin_framework::model::Distinct;

use super::{
    encryption::{self, EncryptionInTransit},
    model::{ClientAuthentication, ClusterModel, Sasl, Tls},
};

/// The ways in, every default filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access {
    /// SASL/SCRAM over TLS.
    pub(super) scram: bool,
    /// SASL with the signature of an access key over TLS.
    pub(super) iam: bool,
    /// ARNs of the authorities whose certificates clients may show, sorted.
    pub(super) authorities: Vec<String>,
    /// Without authentication.
    pub(super) unauthenticated: bool,
    /// `TLS`, `TLS_PLAINTEXT` or `PLAINTEXT`, for clients without authentication.
    pub(super) client_broker: String,
}

/// What `client_broker` is when nobody says.
pub(super) const CLIENT_BROKER_DEFAULT: &str = "TLS";

impl Access {
    /// What a configuration, a plan or a state asks for. `None` while something in it is unknown.
    pub(super) fn of(cluster: &ClusterModel) -> Option<Self> {
        let (authentication, encryption) = (&cluster.client_authentication, &cluster.encryption_info);
        if !authentication.is_wholly_known() || !encryption.is_wholly_known() {
            return None;
        }
        let authentication = authentication.known().cloned().unwrap_or_default();
        let sasl = authentication.sasl.known().cloned().unwrap_or_default();
        let (scram, iam) = (sasl.scram.is_true(), sasl.iam.is_true());
        let tls = authentication.tls.into_known().unwrap_or_default();
        let mut authorities = tls.certificate_authority_arns.into_known().unwrap_or_default().0;
        authorities.sort();
        let unauthenticated = authentication.unauthenticated.copied();
        let in_transit = encryption.known().and_then(|block| block.encryption_in_transit.known());
        let client_broker = in_transit.and_then(|block| block.client_broker.known().cloned());
        Some(Self {
            scram,
            iam,
            unauthenticated: unauthenticated.unwrap_or(!scram && !iam && authorities.is_empty()),
            authorities,
            client_broker: client_broker.unwrap_or_else(|| CLIENT_BROKER_DEFAULT.to_owned()),
        })
    }

    /// Whether no client could connect.
    pub(super) fn is_closed(&self) -> bool {
        !self.is_authenticated() && !self.unauthenticated
    }

    /// Whether clients may prove who they are with SASL.
    pub(super) fn sasl(&self) -> bool {
        self.scram || self.iam
    }

    /// Whether clients may prove who they are.
    fn is_authenticated(&self) -> bool {
        self.sasl() || !self.authorities.is_empty()
    }

    fn authentication(&self) -> (bool, bool, &[String], bool) {
        (self.scram, self.iam, &self.authorities, self.unauthenticated)
    }

    /// Writes the ways in into a state. Where the state already says the same, by its words or by its silence, it is
    /// left as it is.
    pub(super) fn write(&self, state: &mut ClusterModel) {
        if Self::of(state).as_ref() == Some(self) {
            return;
        }
        let was = Self::of(state);
        let authentication_differs = was
            .as_ref()
            .is_none_or(|was| was.authentication() != self.authentication());
        if authentication_differs {
            let default = !self.is_authenticated() && self.unauthenticated;
            state.client_authentication = (!default).then(|| self.authentication_block()).into();
        }
        if was.is_none_or(|was| was.client_broker != self.client_broker) {
            let default = self.client_broker == CLIENT_BROKER_DEFAULT;
            let in_transit = (!default).then(|| EncryptionInTransit::of_clients(&self.client_broker));
            encryption::change(state, |block| block.encryption_in_transit = in_transit.into());
        }
    }

    /// The shortest block that says it.
    fn authentication_block(&self) -> ClientAuthentication {
        let when = |is_on: bool| is_on.then_some(true).into();
        let sasl = Sasl {
            scram: when(self.scram),
            iam: when(self.iam),
        };
        let tls = Tls {
            certificate_authority_arns: Distinct(self.authorities.clone()).into(),
        };
        let is_implied = self.unauthenticated != self.is_authenticated();
        ClientAuthentication {
            unauthenticated: (!is_implied).then_some(self.unauthenticated).into(),
            sasl: self.sasl().then_some(sasl).into(),
            tls: (!self.authorities.is_empty()).then_some(tls).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use plugin_framework::model::Field;

    use super::*;

    fn access((scram, iam): (bool, bool), unauthenticated: bool, client_broker: &str) -> Access {
        Access {
            scram,
            iam,
            authorities: Vec::new(),
            unauthenticated,
            client_broker: client_broker.to_owned(),
        }
    }

    #[test]
    fn silence_means_tls_without_authentication() {
        assert_eq!(
            Access::of(&ClusterModel::default()),
            Some(access((false, false), true, "TLS"))
        );
    }

    #[test]
    fn every_access_can_be_written_and_read_again() {
        for sasl in [(false, false), (true, false), (false, true), (true, true)] {
            for unauthenticated in [false, true] {
                for client_broker in ["TLS", "TLS_PLAINTEXT", "PLAINTEXT"] {
                    for authorities in [vec![], vec!["arn:one".to_owned(), "arn:two".to_owned()]] {
                        let access = Access {
                            authorities,
                            ..access(sasl, unauthenticated, client_broker)
                        };
                        let mut state = ClusterModel::default();
                        access.write(&mut state);
                        assert_eq!(Access::of(&state), Some(access));
                    }
                }
            }
        }
    }

    #[test]
    fn a_state_that_says_the_same_keeps_its_words() {
        let authentication = ClientAuthentication {
            unauthenticated: true.into(),
            ..ClientAuthentication::default()
        };
        let mut state = ClusterModel {
            client_authentication: authentication.into(),
            ..ClusterModel::default()
        };
        let before = state.clone();
        access((false, false), true, "TLS").write(&mut state);
        assert_eq!(state, before);
    }

    #[test]
    fn an_unknown_part_makes_the_whole_unknown() {
        let authentication = ClientAuthentication {
            unauthenticated: Field::unknown(),
            ..ClientAuthentication::default()
        };
        let state = ClusterModel {
            client_authentication: authentication.into(),
            ..ClusterModel::default()
        };
        assert_eq!(Access::of(&state), None);
    }
}
