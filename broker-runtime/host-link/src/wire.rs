//! What goes over the link, as JSON: one order a request, `POST` to [`ORDERS_PATH`]; an archive is the body of a `PUT` below
//! [`BUNDLES_PATH`].

use std::{net::SocketAddr, time::Duration};

use hosts::{Finished, HeldBundle, HostError, HostFacts, UnitCommand, UnitFile, UnitName, UnitProcess, UnitStatus};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where orders go. Another layout of orders gets another path.
pub const ORDERS_PATH: &str = "/v1/orders";
/// Where archives go; their digest follows.
pub const BUNDLES_PATH: &str = "/v1/bundles/";
/// Most bytes of an order.
pub const ORDER_BYTES_MAX: usize = 64 << 20;

/// The name by which the control plane calls the host with this identity; its certificate has to have it.
pub fn host_dns_name(host_id: Uuid) -> String {
    format!("{host_id}.hosts.openmsk.internal")
}

/// An order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Order {
    /// What it is.
    Facts,
    /// [`hosts::Host::write_files`].
    WriteFiles {
        /// Unit.
        unit: UnitName,
        /// Files.
        files: Vec<WireFile>,
    },
    /// [`hosts::Host::read_file`].
    ReadFile {
        /// Unit.
        unit: UnitName,
        /// Path.
        path: String,
        /// Bytes from its end.
        bytes_max: u64,
    },
    /// [`hosts::Host::delete_file`].
    DeleteFile {
        /// Unit.
        unit: UnitName,
        /// Path.
        path: String,
    },
    /// [`hosts::Host::run`].
    Run {
        /// Unit.
        unit: UnitName,
        /// Command.
        command: UnitCommand,
        /// How long it may take.
        limit: Duration,
    },
    /// [`hosts::Host::start`].
    Start {
        /// Unit.
        unit: UnitName,
        /// Process.
        process: Box<UnitProcess>,
    },
    /// [`hosts::Host::stop`].
    Stop {
        /// Unit.
        unit: UnitName,
        /// At once.
        kill: bool,
    },
    /// [`hosts::Host::status`].
    Status {
        /// Unit.
        unit: UnitName,
    },
    /// [`hosts::Host::units`].
    Units,
    /// [`hosts::Host::remove`].
    Remove {
        /// Unit.
        unit: UnitName,
    },
    /// [`hosts::Host::taken`].
    Taken {
        /// Addresses.
        addresses: Vec<SocketAddr>,
    },
    /// Whether a bundle is there.
    HasBundle {
        /// Its digest.
        digest: hosts::BundleDigest,
    },
    /// [`hosts::Host::bundles`].
    Bundles,
    /// [`hosts::Host::remove_bundle`].
    RemoveBundle {
        /// Its digest.
        digest: hosts::BundleDigest,
    },
    /// Make a new key, and ask for a certificate to it.
    RequestCertificate,
    /// The certificate that was asked for last.
    TakeCertificate {
        /// PEM.
        certificate_pem: String,
    },
}

impl Order {
    /// Whether it asks for nothing but how units are.
    pub(crate) fn only_looks(&self) -> bool {
        matches!(self, Self::Units | Self::Status { .. })
    }

    /// Whether it only asks, or ends what runs: a host that was declared dead obeys no other.
    pub(crate) fn is_for_the_dead(&self) -> bool {
        matches!(
            self,
            Self::Facts | Self::Units | Self::Status { .. } | Self::Stop { .. } | Self::Remove { .. }
        )
    }
}

/// What is answered to an order, or to an archive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// It was done.
    Done,
    /// To [`Order::Facts`].
    Facts(Box<AgentFacts>),
    /// To [`Order::ReadFile`].
    Content(Option<Base64>),
    /// To [`Order::Run`].
    Finished(Finished),
    /// To [`Order::Status`].
    Status(Option<UnitStatus>),
    /// To [`Order::Units`].
    Units(Vec<UnitStatus>),
    /// To [`Order::Taken`].
    Taken(Vec<SocketAddr>),
    /// To [`Order::HasBundle`].
    There(bool),
    /// To [`Order::Bundles`].
    Bundles(Vec<HeldBundle>),
    /// To [`Order::RequestCertificate`]: a certificate signing request, PEM.
    CertificateRequest(String),
    /// It was not done.
    Failed(HostError),
}

/// What an agent says of its host and of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentFacts {
    /// The host.
    pub facts: HostFacts,
    /// Its wall clock, unix milliseconds.
    pub now_ms: i64,
    /// When its certificate ends, unix milliseconds.
    pub certificate_not_after_ms: i64,
}

/// A file, with its content as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireFile {
    /// Path.
    pub path: String,
    /// Content.
    pub content: Base64,
    /// Whether only the user of the agent may read it.
    pub is_secret: bool,
}

impl From<&UnitFile> for WireFile {
    fn from(file: &UnitFile) -> Self {
        Self {
            path: file.path.clone(),
            content: Base64(file.content.clone()),
            is_secret: file.is_secret,
        }
    }
}

impl From<WireFile> for UnitFile {
    fn from(file: WireFile) -> Self {
        Self {
            path: file.path,
            content: file.content.0,
            is_secret: file.is_secret,
        }
    }
}

/// Bytes, in base64 on the wire. They may be secret: nothing prints them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Base64(pub Vec<u8>);

impl std::fmt::Debug for Base64 {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} bytes", self.0.len())
    }
}

impl TryFrom<String> for Base64 {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        use base64::{Engine, prelude::BASE64_STANDARD};
        BASE64_STANDARD.decode(text).map(Self)
    }
}

impl From<Base64> for String {
    fn from(bytes: Base64) -> Self {
        use base64::{Engine, prelude::BASE64_STANDARD};
        BASE64_STANDARD.encode(bytes.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_survive_the_wire() {
        let unit = UnitName::new("u").unwrap();
        let file = UnitFile {
            path: "a".to_owned(),
            content: vec![0, 255],
            is_secret: true,
        };
        let order = Order::WriteFiles {
            unit: unit.clone(),
            files: vec![WireFile::from(&file)],
        };
        let text = serde_json::to_string(&order).unwrap();
        assert!(text.contains("\"AP8=\""), "{text}");
        let Order::WriteFiles { files, .. } = serde_json::from_str(&text).unwrap() else {
            panic!("{text}");
        };
        assert_eq!(UnitFile::from(files[0].clone()), file);
        assert!(!format!("{files:?}").contains("255"), "content is not printed");
        let limit = Duration::from_millis(1500);
        let command = UnitCommand {
            program: "p".to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
        };
        let text = serde_json::to_string(&Order::Run { unit, command, limit }).unwrap();
        let back: Order = serde_json::from_str(&text).unwrap();
        assert!(
            matches!(back, Order::Run { limit: found, .. } if found == limit),
            "{text}"
        );
        assert!(serde_json::from_str::<Order>(r#"{"Remove":{"unit":"../x"}}"#).is_err());
    }
}
