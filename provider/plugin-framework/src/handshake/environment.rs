//! What the host says in the plugin's environment.

use std::path::PathBuf;

use thiserror::Error;

/// Proves that a plugin host started us and not a person.
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
/// The protocol version we speak.
const PROTOCOL: &str = "6";

/// The variables of the plugin protocol; only `main` reads the environment and fills this in.
#[derive(Clone, Debug, Default)]
pub struct HostEnvironment {
    /// `TF_PLUGIN_MAGIC_COOKIE`.
    pub magic_cookie: Option<String>,
    /// `PLUGIN_PROTOCOL_VERSIONS`, such as `5,6`.
    pub protocol_versions: Option<String>,
    /// `PLUGIN_CLIENT_CERT`: the host's certificate, PEM. Without it there is no TLS.
    pub client_certificate: Option<String>,
    /// `PLUGIN_UNIX_SOCKET_DIR`, else the temporary directory.
    pub socket_directory: Option<PathBuf>,
    /// `PLUGIN_MULTIPLEX_GRPC` is set.
    pub multiplex: bool,
    /// `TF_LOG_PROVIDER`, else `TF_LOG`.
    pub log_level: Option<String>,
}

/// Why no handshake is possible.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// A person started the plugin.
    #[error(
        "this binary is a plugin; it is not meant to be executed directly. Terraform and OpenTofu start it when a \
         configuration needs it"
    )]
    NotAHost,
    /// The host is too old.
    #[error(
        "the host speaks plugin protocols {0:?}, this plugin speaks 6: Terraform 1.0 or OpenTofu 1.6, or newer, is needed"
    )]
    Protocol(String),
    /// The client certificate cannot be read.
    #[error("PLUGIN_CLIENT_CERT is not a certificate in PEM")]
    ClientCertificate,
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The path of the socket would break the line that tells of it.
    #[error(
        "the socket cannot be at {0:?}: the path has to be text without | and line breaks; PLUGIN_UNIX_SOCKET_DIR or TMPDIR says where it is"
    )]
    SocketPath(PathBuf),
    /// The socket cannot be opened.
    #[error("cannot listen on {path:?}")]
    Socket {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl HostEnvironment {
    /// Checks the cookie and the protocol version.
    pub(crate) fn check(&self) -> Result<(), HandshakeError> {
        if self.magic_cookie.as_deref() != Some(COOKIE) {
            return Err(HandshakeError::NotAHost);
        }
        let versions = self.protocol_versions.as_deref().unwrap_or(PROTOCOL);
        if !versions.split(',').any(|it| it.trim() == PROTOCOL) {
            return Err(HandshakeError::Protocol(versions.to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_that_speaks_six_is_answered() {
        let mut environment = HostEnvironment::default();
        assert!(matches!(environment.check(), Err(HandshakeError::NotAHost)));
        environment.magic_cookie = Some(COOKIE.to_owned());
        environment.protocol_versions = Some("6,5".to_owned());
        assert!(environment.check().is_ok());
        environment.protocol_versions = Some("4,5".to_owned());
        assert!(matches!(environment.check(), Err(HandshakeError::Protocol(_))));
    }
}
