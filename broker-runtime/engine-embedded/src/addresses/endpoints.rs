//! Where a broker listens: on its own address with MSK's ports, and on shared addresses with ports of its own.

use std::net::{IpAddr, SocketAddr};

use engine::{Exporters, Listeners, Reach};

use super::{
    AddressBlock, INTERNAL, IPV6, JMX_EXPORTER, NODE_EXPORTER, PLAINTEXT, SASL_IAM, SASL_SCRAM, SharedPorts, TLS,
};

/// One listener of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerEndpoint {
    /// Name of the listener; `kafka_broker::ListenerName` has them all.
    pub name: &'static str,
    /// Where it is.
    pub address: SocketAddr,
    /// TLS.
    pub tls: bool,
    /// SASL.
    pub sasl: bool,
}

impl BrokerEndpoint {
    /// Clients, not brokers, connect here.
    pub(crate) fn is_for_clients(&self) -> bool {
        self.name != "INTERNAL"
    }
}

/// Where the brokers of a cluster listen.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Listeners that are open.
    pub listeners: Listeners,
    /// Pages of metrics that are served.
    pub exporters: Exporters,
    /// Addresses of their own.
    pub block: AddressBlock,
    /// Shared addresses.
    pub reach: Reach,
    /// Ports there; none as long as they have not been chosen.
    pub shared: Option<SharedPorts>,
}

impl Plan {
    /// The listeners of a broker.
    pub fn endpoints(&self, broker_id: i32) -> Vec<BrokerEndpoint> {
        let Self { listeners, reach, .. } = *self;
        let own = |port| SocketAddr::from((self.block.address(broker_id), port));
        let at = |name, address, tls, sasl| BrokerEndpoint {
            name,
            address,
            tls,
            sasl,
        };
        let mut all = vec![(true, at("INTERNAL", own(INTERNAL), true, false))];
        all.extend([
            (listeners.plaintext, at("PLAINTEXT", own(PLAINTEXT), false, false)),
            (listeners.tls, at("TLS", own(TLS), true, false)),
            (listeners.sasl_scram, at("SASL_SCRAM", own(SASL_SCRAM), true, true)),
            (listeners.sasl_iam, at("SASL_IAM", own(SASL_IAM), true, true)),
        ]);
        if let Some(ports) = self.shared {
            let shared = |address: IpAddr, index| SocketAddr::new(address, ports.port(broker_id, index));
            if let Some(public) = reach.public_address {
                all.extend([
                    (
                        listeners.sasl_scram,
                        at("SASL_SCRAM_PUBLIC", shared(public, 2), true, true),
                    ),
                    (listeners.sasl_iam, at("SASL_IAM_PUBLIC", shared(public, 3), true, true)),
                ]);
            }
            if reach.ipv6 {
                all.extend([
                    (listeners.plaintext, at("PLAINTEXT_IPV6", shared(IPV6, 0), false, false)),
                    (listeners.tls, at("TLS_IPV6", shared(IPV6, 1), true, false)),
                    (listeners.sasl_scram, at("SASL_SCRAM_IPV6", shared(IPV6, 2), true, true)),
                    (listeners.sasl_iam, at("SASL_IAM_IPV6", shared(IPV6, 3), true, true)),
                ]);
            }
        }
        let open = all.into_iter().filter(|(open, _)| *open);
        open.map(|(_, endpoint)| endpoint).collect()
    }

    /// Where a broker serves its pages of metrics: its own, and the machine's.
    pub fn exporters(&self, broker_id: i32) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let at = |port| SocketAddr::from((self.block.address(broker_id), port));
        let Exporters { jmx, node } = self.exporters;
        (jmx.then(|| at(JMX_EXPORTER)), node.then(|| at(NODE_EXPORTER)))
    }

    /// Shared addresses that are in use.
    pub(crate) fn shared_addresses(&self) -> Vec<IpAddr> {
        let ipv6 = self.reach.ipv6.then_some(IPV6);
        self.reach.public_address.into_iter().chain(ipv6).collect()
    }
}
