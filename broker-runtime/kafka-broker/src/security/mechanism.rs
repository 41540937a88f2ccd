//! SASL mechanisms, by their names.

use std::fmt;

use kafka_metadata::ScramMechanism;

/// A mechanism that is offered on some listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// A password, which nobody sends.
    Scram(ScramMechanism),
    /// The signature of an access key, in a JSON document (aws-msk-iam-auth).
    AwsMskIam,
    /// The same signature as a bearer token (the signers of other languages).
    OauthBearer,
}

/// What listeners for passwords offer, in the order it is listed. PLAIN is not among them: it would hand us passwords.
const SCRAM: [Mechanism; 2] = [
    Mechanism::Scram(ScramMechanism::Sha512),
    Mechanism::Scram(ScramMechanism::Sha256),
];
/// What listeners for access keys offer.
const IAM: [Mechanism; 2] = [Mechanism::AwsMskIam, Mechanism::OauthBearer];

impl Mechanism {
    /// What a listener offers.
    pub(crate) fn offered(is_iam: bool) -> &'static [Self] {
        if is_iam { &IAM } else { &SCRAM }
    }

    /// Kafka's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scram(ScramMechanism::Sha256) => "SCRAM-SHA-256",
            Self::Scram(ScramMechanism::Sha512) => "SCRAM-SHA-512",
            Self::AwsMskIam => "AWS_MSK_IAM",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
