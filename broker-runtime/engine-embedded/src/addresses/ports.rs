//! MSK's port numbers, and whether they can be had on an address.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use engine::{EngineError, Exporters, Listeners};

use super::holder::{PortHolder, holder_of};

/// Neither encryption nor authentication.
pub const PLAINTEXT: u16 = 9092;
/// Between brokers; mutual TLS. (Apache Kafka on MSK uses 9093 for the same purpose.)
pub const INTERNAL: u16 = 9093;
/// TLS without authentication.
pub const TLS: u16 = 9094;
/// SASL/SCRAM over TLS.
pub const SASL_SCRAM: u16 = 9096;
/// SASL/IAM over TLS.
pub const SASL_IAM: u16 = 9098;
/// Metrics of the broker.
pub const JMX_EXPORTER: u16 = 11_001;
/// Metrics of the machine.
pub const NODE_EXPORTER: u16 = 11_002;

/// The ports a broker with these listeners and pages of metrics binds.
pub fn open_ports(listeners: Listeners, exporters: Exporters) -> Vec<u16> {
    let optional = [
        (listeners.plaintext, PLAINTEXT),
        (listeners.tls, TLS),
        (listeners.sasl_scram, SASL_SCRAM),
        (listeners.sasl_iam, SASL_IAM),
        (exporters.jmx, JMX_EXPORTER),
        (exporters.node, NODE_EXPORTER),
    ];
    let open = optional.into_iter().filter(|(open, _)| *open).map(|(_, port)| port);
    std::iter::once(INTERNAL).chain(open).collect()
}

/// A port that cannot be had.
#[derive(Debug)]
pub(crate) struct PortTaken {
    /// Address and port.
    pub(crate) address: SocketAddr,
    /// Who holds it, where that can be known.
    pub(crate) holder: Option<PortHolder>,
    /// What the system said.
    pub(crate) source: io::Error,
}

impl PortTaken {
    /// As the caller of the engine sees it.
    pub(crate) fn into_error(self) -> EngineError {
        let Self {
            address,
            holder,
            source,
        } = self;
        if source.kind() != io::ErrorKind::AddrInUse {
            return EngineError::Environment {
                problem: format!("address {address} cannot be bound: {source}"),
                remedy: if address.ip().is_loopback() {
                    "loopback addresses must be usable; `broker-runtime doctor` says more".to_owned()
                } else {
                    "name an address of this machine with `broker-runtime serve --public-address`".to_owned()
                },
            };
        }
        match holder {
            Some(holder) => EngineError::Environment {
                problem: format!("port {address} is taken by {holder}"),
                remedy: format!(
                    "stop that process, or let it listen elsewhere than on {}",
                    holder.address
                ),
            },
            None => EngineError::Environment {
                problem: format!("port {address} is taken by another process"),
                remedy: format!(
                    "find it with `ss -ltnp 'sport = :{}'` as root and stop it",
                    address.port()
                ),
            },
        }
    }
}

/// Tries to bind all of them; the first that cannot be had is the error.
pub(crate) fn probe(addresses: impl IntoIterator<Item = SocketAddr>) -> Result<(), PortTaken> {
    for address in addresses {
        if let Err(source) = TcpListener::bind(address) {
            return Err(PortTaken {
                address,
                holder: holder_of(address),
                source,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_listeners_need_no_port() {
        let none = Listeners {
            plaintext: false,
            tls: false,
            sasl_scram: false,
            sasl_iam: false,
        };
        assert_eq!(open_ports(none, Exporters::default()), [9093]);
        let all = Exporters { jmx: true, node: true };
        assert_eq!(
            open_ports(
                Listeners {
                    plaintext: true,
                    tls: true,
                    sasl_scram: true,
                    sasl_iam: true,
                },
                all
            ),
            [9093, 9092, 9094, 9096, 9098, 11_001, 11_002]
        );
    }

    #[test]
    fn taken_port_is_told_with_its_holder() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taken = probe([address]).unwrap_err();
        let text = taken.into_error().to_string();
        assert!(text.contains(&format!("port {address} is taken by")), "{text}");
        assert!(text.contains(&format!("(process {})", std::process::id())), "{text}");
        drop(listener);
        probe([address]).unwrap();
    }
}
