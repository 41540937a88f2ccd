//! Where the files of a cluster are.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use engine::EngineError;
use uuid::Uuid;

use cluster_files::durable_file::file_error;

/// Name of the controller's socket in the directory of the cluster.
const SOCKET: &str = "controller.sock";
/// Longest path of a unix socket the kernel takes, with the zero at its end (`sockaddr_un`).
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The directory of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn description(&self) -> PathBuf {
        self.root.join("cluster.json")
    }

    pub(crate) fn ca_certificate(&self) -> PathBuf {
        self.root.join("ca.pem")
    }

    pub(crate) fn ca_key(&self) -> PathBuf {
        self.root.join("ca.key")
    }

    /// The data key of the cluster, encrypted.
    pub(crate) fn data_key(&self) -> PathBuf {
        self.root.join("data-key.json")
    }

    /// Authorities of clients; other authorities are another file.
    pub(crate) fn client_authorities(&self, pem: &str) -> PathBuf {
        let name = Uuid::new_v5(&Uuid::NAMESPACE_OID, pem.as_bytes());
        self.root.join(format!("client-authorities-{name}.pem"))
    }

    /// The socket of the controller, which takes paths of any length.
    pub(crate) fn controller_socket(&self) -> PathBuf {
        self.root.join(SOCKET)
    }

    /// The socket as a broker reaches it, whose working directory is the directory of the cluster.
    pub(crate) fn socket_for_brokers(&self) -> PathBuf {
        let path = self.controller_socket();
        if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
            PathBuf::from(SOCKET)
        } else {
            path
        }
    }

    /// Ids of the brokers that have a directory.
    pub(crate) fn broker_ids(&self) -> Result<Vec<i32>, EngineError> {
        let failed = |source| file_error("read", &self.root, source);
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let id: Option<i32> = name
                .to_str()
                .and_then(|name| name.strip_prefix("broker-")?.parse().ok());
            ids.extend(id);
        }
        ids.sort_unstable();
        Ok(ids)
    }

    pub(crate) fn broker(&self, broker_id: i32) -> BrokerLayout {
        BrokerLayout {
            root: self.root.join(format!("broker-{broker_id}")),
        }
    }
}

/// The directory of a broker.
#[derive(Clone, Debug)]
pub(crate) struct BrokerLayout {
    root: PathBuf,
}

impl BrokerLayout {
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.root.join("config.json")
    }

    /// The certificate that is good for these addresses beside the broker's own, and its key, in one file: it is replaced as
    /// a whole.
    pub(crate) fn identity(&self, shared: &[IpAddr]) -> PathBuf {
        self.root.join(good_for(shared) + ".identity.pem")
    }

    /// Certificate and key as runtimes before rotation wrote them.
    pub(crate) fn earlier_identity(&self, shared: &[IpAddr]) -> [PathBuf; 2] {
        [".pem", ".key"].map(|end| self.root.join(good_for(shared) + end))
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("broker.log")
    }

    /// What of the log has been delivered.
    pub(crate) fn delivered(&self) -> PathBuf {
        self.root.join("delivered.json")
    }
}

/// Name of the file of a certificate: another address is another certificate.
fn good_for(shared: &[IpAddr]) -> String {
    // Colons are trouble in lists of paths.
    let names = shared.iter().map(|address| address.to_string().replace(':', "_"));
    std::iter::once("broker".to_owned())
        .chain(names)
        .collect::<Vec<_>>()
        .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_socket_paths_are_shortened() {
        let short = Layout::new("/data/clusters/x".into());
        assert_eq!(
            short.socket_for_brokers(),
            Path::new("/data/clusters/x/controller.sock")
        );
        let long = Layout::new(format!("/{}", "d".repeat(100)).into());
        assert_eq!(long.socket_for_brokers(), Path::new("controller.sock"));
    }

    #[test]
    fn another_address_is_another_certificate() {
        assert_eq!(good_for(&[]), "broker");
        let shared = ["192.0.2.7".parse().unwrap(), "::1".parse().unwrap()];
        assert_eq!(good_for(&shared), "broker-192.0.2.7-__1");
    }
}
