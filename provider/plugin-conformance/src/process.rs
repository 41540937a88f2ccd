//! Starting a provider as core does: its environment, the line that it answers with, the socket.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::UnixStream,
    process::{Child, Command},
    time::timeout,
};
use tonic::transport::{Channel, Endpoint};

use crate::{core::Core, tls::HostIdentity};

/// What proves to a provider that a host has started it.
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
/// How long it may take to say where it listens.
const LIMIT: Duration = Duration::from_secs(30);

/// A provider that runs. It ends when this is dropped.
#[derive(Debug)]
pub struct Provider {
    /// The core that talks to it.
    pub core: Core<Channel>,
    _process: Child,
}

/// Starts a provider with these variables beside those of this process, and asks for its schemas. All of it goes through mutual
/// TLS, as with core.
pub async fn start(program: &Path, environment: &[(&str, &str)]) -> Result<Provider> {
    let host = HostIdentity::new()?;
    let mut command = Command::new(program);
    command
        .env("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
        .env("PLUGIN_PROTOCOL_VERSIONS", "6")
        .env("PLUGIN_MIN_PORT", "10000")
        .env("PLUGIN_MAX_PORT", "25000")
        .env("PLUGIN_CLIENT_CERT", host.pem())
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut process = command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let output = process.stdout.take().context("its standard output")?;
    let mut line = String::new();
    timeout(LIMIT, BufReader::new(output).read_line(&mut line))
        .await
        .context("it does not say where it listens")??;
    let Meeting { socket, certificate } = meeting(&line)?;
    let connector = host.connector(certificate)?;
    let connect = tower::service_fn(move |_| {
        let (socket, connector) = (socket.clone(), connector.clone());
        async move {
            Ok::<_, std::io::Error>(TokioIo::new(
                connector.secure(UnixStream::connect(socket).await?).await?,
            ))
        }
    });
    // The address is not looked at: the connector knows the way.
    let channel = Endpoint::from_static("http://localhost")
        .connect_with_connector(connect)
        .await?;
    Ok(Provider {
        core: Core::new(channel).await?,
        _process: process,
    })
}

/// Where and who a provider is.
#[derive(Debug, PartialEq, Eq)]
struct Meeting<'a> {
    socket: PathBuf,
    /// Base64 without padding.
    certificate: &'a str,
}

/// What stands in a line such as `1|6|unix|/tmp/plugin123|grpc|MIIB…`.
fn meeting(line: &str) -> Result<Meeting<'_>> {
    let parts: Vec<&str> = line.trim_end().split('|').collect();
    match parts.as_slice() {
        ["1", "6", "unix", _, "grpc"] | ["1", "6", "unix", _, "grpc", "", ..] => {
            bail!("{line:?} has no certificate: core gave one, and takes no provider without")
        }
        ["1", "6", "unix", path, "grpc", certificate, ..] => Ok(Meeting {
            socket: PathBuf::from(path),
            certificate,
        }),
        _ => bail!("{line:?} is no handshake of protocol 6 over a unix socket"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_the_socket_and_the_certificate() {
        let line = "1|6|unix|/tmp/plugin1|grpc|MIIB\n";
        let meant = Meeting {
            socket: PathBuf::from("/tmp/plugin1"),
            certificate: "MIIB",
        };
        assert_eq!(meeting(line).unwrap(), meant);
        assert_eq!(meeting("1|6|unix|/tmp/plugin1|grpc|MIIB|true\n").unwrap(), meant);
        for wrong in [
            "",
            "1|5|unix|/tmp/p|grpc|MIIB",
            "1|6|tcp|127.0.0.1:1|grpc|MIIB",
            "panic",
        ] {
            assert!(meeting(wrong).is_err(), "{wrong:?}");
        }
        let bare = meeting("1|6|unix|/tmp/plugin1|grpc|\n").unwrap_err();
        assert!(bare.to_string().contains("no certificate"), "{bare}");
    }
}
