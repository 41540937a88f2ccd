//! Which ways in a cluster offers its clients, as a configuration asks for them and as the control plane reports them.

use plugin_framework::value::{Object, Value};

use super::encryption;

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
    pub(super) fn of(object: &Object) -> Option<Self> {
        let authentication = object.get("client_authentication");
        let encryption = object.get(encryption::BLOCK);
        if !authentication.is_wholly_known() || !encryption.is_wholly_known() {
            return None;
        }
        let authentication = Object::from_value(authentication.clone());
        let sasl = authentication.as_ref().and_then(|block| block.block("sasl"));
        let switch = |name| sasl.as_ref().and_then(|block| block.bool(name)).unwrap_or(false);
        let (scram, iam) = (switch("scram"), switch("iam"));
        let tls = authentication.as_ref().and_then(|block| block.block("tls"));
        let listed = tls
            .as_ref()
            .and_then(|block| block.get("certificate_authority_arns").as_list());
        let listed = listed.unwrap_or_default().iter().filter_map(Value::as_str);
        let mut authorities: Vec<String> = listed.map(str::to_owned).collect();
        authorities.sort();
        let unauthenticated = authentication.and_then(|block| block.bool("unauthenticated"));
        let in_transit = Object::from_value(encryption.clone()).and_then(|block| block.block(encryption::IN_TRANSIT));
        let client_broker = in_transit.and_then(|block| block.string("client_broker").map(str::to_owned));
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
    pub(super) fn write(&self, state: &mut Object) {
        if Self::of(state).as_ref() == Some(self) {
            return;
        }
        let was = Self::of(state);
        let authentication_differs = was
            .as_ref()
            .is_none_or(|was| was.authentication() != self.authentication());
        if authentication_differs {
            let default = !self.is_authenticated() && self.unauthenticated;
            let block = if default {
                Value::Null
            } else {
                self.authentication_block()
            };
            state.set("client_authentication", block);
        }
        if was.is_none_or(|was| was.client_broker != self.client_broker) {
            let default = self.client_broker == CLIENT_BROKER_DEFAULT;
            let block = if default { Value::Null } else { self.in_transit_block() };
            encryption::set(state, encryption::IN_TRANSIT, block);
        }
    }

    /// The shortest block that says it.
    fn authentication_block(&self) -> Value {
        let mut sasl = Object::new();
        for (name, is_on) in [("scram", self.scram), ("iam", self.iam)] {
            sasl.set(name, if is_on { Value::Bool(true) } else { Value::Null });
        }
        let mut block = Object::new();
        let mut tls = Object::new();
        tls.set("certificate_authority_arns", Value::strings(self.authorities.iter()));
        let has_tls = !self.authorities.is_empty();
        block.set("tls", if has_tls { tls.into_value() } else { Value::Null });
        block.set("sasl", if self.sasl() { sasl.into_value() } else { Value::Null });
        let implied = self.unauthenticated != self.is_authenticated();
        let unauthenticated = Value::Bool(self.unauthenticated);
        block.set("unauthenticated", if implied { Value::Null } else { unauthenticated });
        block.into_value()
    }

    fn in_transit_block(&self) -> Value {
        let mut in_transit = Object::new();
        in_transit.set_string("client_broker", &self.client_broker);
        in_transit.set("in_cluster", Value::Null);
        in_transit.into_value()
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(Access::of(&Object::new()), Some(access((false, false), true, "TLS")));
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
                        let mut state = Object::new();
                        access.write(&mut state);
                        assert_eq!(Access::of(&state), Some(access));
                    }
                }
            }
        }
    }

    #[test]
    fn a_state_that_says_the_same_keeps_its_words() {
        let mut state = Object::new();
        let mut block = Object::new();
        block.set_bool("unauthenticated", true).set("sasl", Value::Null);
        state.set("client_authentication", block.into_value());
        let before = state.clone();
        access((false, false), true, "TLS").write(&mut state);
        assert_eq!(state, before);
    }

    #[test]
    fn an_unknown_part_makes_the_whole_unknown() {
        let mut state = Object::new();
        let mut block = Object::new();
        block.set("unauthenticated", Value::unknown());
        state.set("client_authentication", block.into_value());
        assert_eq!(Access::of(&state), None);
    }
}
