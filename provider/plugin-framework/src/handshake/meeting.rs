//! A host and a plugin meet: out of the environment come a socket, who we are, and the line that says so; or why they cannot meet.

use super::{
    environment::{HandshakeError, HostEnvironment},
    line::handshake_line,
    socket::Socket,
    tls::{ServerIdentity, server_identity},
};

/// All that is needed to serve a host.
pub(crate) struct Meeting {
    /// Where the host will connect to.
    pub(crate) socket: Socket,
    /// Who we are; `None` without TLS.
    pub(crate) identity: Option<ServerIdentity>,
    /// What the host reads, with its line feed.
    pub(crate) line: String,
}

impl Meeting {
    /// Answers a host that has passed [`HostEnvironment::check`].
    pub(crate) fn new(environment: &HostEnvironment) -> Result<Self, HandshakeError> {
        let certificate = environment.client_certificate.as_deref();
        let identity = certificate.map(server_identity).transpose()?;
        let socket = Socket::open(environment.socket_directory.as_deref())?;
        let certificate = identity.as_ref().map(|it| it.certificate.as_ref());
        let line = handshake_line(socket.path(), certificate, environment.multiplex);
        Ok(Self { socket, identity, line })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
    use proptest::{prelude::*, sample::select};
    use tempfile::TempDir;

    use super::*;

    const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

    fn optional<T: Clone + std::fmt::Debug>(of: impl Strategy<Value = T> + 'static) -> BoxedStrategy<Option<T>> {
        proptest::option::weighted(0.8, of).boxed()
    }

    fn cookie() -> BoxedStrategy<Option<String>> {
        let right = Just(COOKIE.to_owned());
        optional(prop_oneof![8 => right, 1 => "[0-9a-f]{64}", 1 => ".{0,80}"])
    }

    fn versions() -> BoxedStrategy<Option<String>> {
        let version =
            prop_oneof![4 => "[4-7]", 2 => " ?6 ?", 1 => any::<i64>().prop_map(|it| it.to_string()), 1 => ".{0,6}"];
        let list = proptest::collection::vec(version, 0..5).prop_map(|all| all.join(","));
        optional(list)
    }

    /// A certificate, one with a few characters changed or cut off, or something else.
    fn certificate() -> BoxedStrategy<Option<String>> {
        let key = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let whole = parameters.self_signed(&key).unwrap().pem();
        let (changed, cut) = (whole.clone(), whole.clone());
        let changed = (0..whole.len(), "[A-Za-z0-9+/=\n-]").prop_map(move |(at, character)| {
            let mut text = changed.clone();
            text.replace_range(at..=at, &character);
            text
        });
        let cut = (0..whole.len()).prop_map(move |at| cut[..at].to_owned());
        let wrapped = "[A-Za-z0-9+/]{0,80}={0,2}"
            .prop_map(|text| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"));
        optional(prop_oneof![Just(whole), changed, cut, wrapped, ".{0,80}"])
    }

    /// Names of a folder, whether it is there or not, and whether a socket's path can have it.
    fn folder() -> BoxedStrategy<String> {
        let odd = "[a-z |\n\u{e9}]{1,12}";
        prop_oneof![3 => Just(String::new()), 1 => odd, 1 => "[a-z]{120}", 1 => Just("missing/one".to_owned())].boxed()
    }

    /// What a host makes of the line: path of the socket, certificate, and whether we multiplex.
    fn read(line: &str) -> Option<(PathBuf, Vec<u8>, Option<&str>)> {
        let line = line.strip_suffix('\n').filter(|line| !line.contains('\n'))?;
        let fields: Vec<&str> = line.split('|').collect();
        let [core, protocol, network, path, kind, certificate, multiplex @ ..] = fields.as_slice() else {
            return None;
        };
        let is_ours = [*core, *protocol, *network, *kind] == ["1", "6", "unix", "grpc"] && multiplex.len() <= 1;
        let certificate = STANDARD_NO_PAD.decode(certificate).ok()?;
        is_ours.then(|| (PathBuf::from(path), certificate, multiplex.first().copied()))
    }

    proptest! {
        // Each case makes a key and a socket.
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_environment_gives_a_line_or_says_why_not(
            magic_cookie in cookie(),
            protocol_versions in versions(),
            client_certificate in certificate(),
            folder in folder(),
            is_there in any::<bool>(),
            multiplex in any::<bool>(),
            log_level in optional(select(vec!["trace".to_owned(), "JSON".to_owned(), "?".to_owned()])),
        ) {
            let root = TempDir::new().unwrap();
            let folder = root.path().join(folder);
            if is_there {
                std::fs::create_dir_all(&folder).unwrap();
            }
            let environment = HostEnvironment {
                magic_cookie,
                protocol_versions,
                client_certificate,
                socket_directory: Some(folder),
                multiplex,
                log_level,
            };
            match environment.check().and_then(|()| Meeting::new(&environment)) {
                Ok(meeting) => {
                    let (path, certificate, multiplexes) = read(&meeting.line).expect("a line that a host can read");
                    prop_assert!(path.exists(), "{}", meeting.line);
                    prop_assert_eq!(certificate.is_empty(), environment.client_certificate.is_none());
                    prop_assert_eq!(multiplexes, environment.multiplex.then_some("false"));
                    drop(meeting);
                    prop_assert!(!path.exists(), "the socket is left behind");
                }
                Err(error) => {
                    let is_right = match &error {
                        HandshakeError::NotAHost => environment.magic_cookie.as_deref() != Some(COOKIE),
                        HandshakeError::Protocol(versions) => environment.protocol_versions.as_ref() == Some(versions),
                        HandshakeError::ClientCertificate => environment.client_certificate.is_some(),
                        HandshakeError::Socket { path, .. } | HandshakeError::SocketPath(path) => path.starts_with(root.path()),
                        HandshakeError::Tls(_) => false,
                    };
                    prop_assert!(is_right, "{error:?}");
                    prop_assert!(!error.to_string().contains('\n'), "{error}");
                }
            }
        }
    }
}
