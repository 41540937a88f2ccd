//! Where the files of a cluster are.

use std::path::{Path, PathBuf};

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

    pub(crate) fn certificate(&self) -> PathBuf {
        self.root.join("broker.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.root.join("broker.key")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("broker.log")
    }
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
}
