//! Where the API is answered: on this machine over plain HTTP, and on any other address over TLS only.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use control_plane::TlsFiles;
use tokio::net::TcpListener;

use crate::data_dir::RuntimeInfo;

/// Where the control plane listens when nothing else is said; a port of the system's choice when this one is taken.
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8479);

/// What the command line says of it.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListenArguments {
    /// Address of the API [default: the one of the last time, else 127.0.0.1:8479, else any free port]. An address that
    /// other machines can reach needs --tls; the API is answered on this machine over plain HTTP as well then. With port 0
    /// and without --tls it is any free port at first, and the one of the last time from then on.
    #[arg(long, value_name = "ADDRESS:PORT", env = "OPENMSK_LISTEN")]
    listen: Option<SocketAddr>,
    /// TLS on that address: `auto` makes an authority in the data directory (tls/ca.pem is what clients trust), or name a
    /// certificate chain and its key, PEM, with a comma between.
    #[arg(long, value_name = "auto|CERTIFICATE,KEY", requires = "listen")]
    tls: Option<Tls>,
    /// Address of this machine that other machines reach: brokers of clusters with public access listen there, on ports
    /// from 20000 to 32735, for clients with SASL/SCRAM.
    #[arg(long, value_name = "ADDRESS")]
    public_address: Option<IpAddr>,
}

/// Where a certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tls {
    Auto,
    Files(TlsFiles),
}

impl FromStr for Tls {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let (certificate, key) = text.split_once(',').ok_or("it is auto, or CERTIFICATE,KEY")?;
        // Another process reads them, in another directory.
        let path = |text| std::path::absolute(text).map_err(|error| error.to_string());
        Ok(Self::Files(TlsFiles {
            certificate: path(certificate)?,
            key: path(key)?,
            authority: None,
            host_name: host_name(),
        }))
    }
}

impl ListenArguments {
    /// The same, for a process that is started.
    pub(crate) fn to_arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if let Some(listen) = self.listen {
            arguments.extend(["--listen".to_owned(), listen.to_string()]);
        }
        match &self.tls {
            None => (),
            Some(Tls::Auto) => arguments.extend(["--tls".to_owned(), "auto".to_owned()]),
            Some(Tls::Files(files)) => {
                let text = format!("{},{}", files.certificate.display(), files.key.display());
                arguments.extend(["--tls".to_owned(), text]);
            }
        }
        if let Some(address) = self.public_address {
            arguments.extend(["--public-address".to_owned(), address.to_string()]);
        }
        arguments
    }

    /// The address of this machine that others reach.
    pub(crate) fn public_address(&self) -> Option<IpAddr> {
        self.public_address
    }

    /// The address that others reach.
    pub(crate) fn tls_address(&self) -> Option<SocketAddr> {
        self.listen.filter(|_| self.tls.is_some())
    }

    /// Refuses an address that others can reach without TLS.
    pub(crate) fn check(&self) -> Result<()> {
        match self.listen {
            Some(address) if self.tls.is_none() && !address.ip().is_loopback() => bail!(
                "{address} can be reached by other machines, and the API would be unencrypted there: add `--tls auto`, or \
                 `--tls CERTIFICATE,KEY` with files of your own"
            ),
            _ => self.check_public_address(),
        }
    }

    fn check_public_address(&self) -> Result<()> {
        match self.public_address {
            Some(address) if address.is_unspecified() => bail!(
                "--public-address {address} is no address that a client could be told: name one address of this machine"
            ),
            _ => Ok(()),
        }
    }

    /// The socket for this machine: the address that was asked for; else that of the last time, else the usual one, else
    /// any of this machine.
    pub(crate) async fn bind_local(&self, before: Option<&RuntimeInfo>) -> Result<TcpListener> {
        let asked = self.listen.filter(|_| self.tls.is_none());
        if let Some(address) = asked.filter(|address| address.port() != 0) {
            return TcpListener::bind(address).await.with_context(|| cannot_listen(address));
        }
        let preferred = before
            .and_then(RuntimeInfo::address)
            .filter(|address| address.ip().is_loopback() && Some(*address) != self.listen);
        let preferred = preferred.or(asked).unwrap_or(LISTEN_DEFAULT);
        match TcpListener::bind(preferred).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                let any = asked.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
                TcpListener::bind(any).await.with_context(|| cannot_listen(any))
            }
            bound => bound.with_context(|| cannot_listen(preferred)),
        }
    }

    /// The socket for others, with its certificate.
    pub(crate) async fn bind_tls(&self, directory: &Path, now_ms: i64) -> Result<Option<(TcpListener, TlsFiles)>> {
        let (Some(address), Some(tls)) = (self.listen, &self.tls) else {
            return Ok(None);
        };
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| cannot_listen(address))?;
        let files = match tls {
            Tls::Files(files) => files.clone(),
            Tls::Auto => TlsFiles::make(directory, &names(address), &host_name(), now_ms)?,
        };
        Ok(Some((listener, files)))
    }
}

/// What clients may call this machine by.
fn names(address: SocketAddr) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    if !address.ip().is_unspecified() && !address.ip().is_loopback() {
        names.push(address.ip().to_string());
    }
    let host = host_name();
    let is_name = |text: &str| {
        text.chars()
            .all(|it| it.is_ascii_alphanumeric() || it == '-' || it == '.')
    };
    if !host.is_empty() && is_name(&host) {
        names.push(host);
    }
    names.dedup();
    names
}

/// What this machine calls itself.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn cannot_listen(address: SocketAddr) -> String {
    match engine_embedded::addresses::holder_of(address) {
        Some(holder) => format!("the control plane cannot listen on {address}, which is taken by {holder}"),
        None => format!("the control plane cannot listen on {address}"),
    }
}

/// Directory of the authority that `--tls auto` makes.
pub(crate) fn tls_directory(root: &Path) -> PathBuf {
    root.join("tls")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(address: &str, tls: Option<&str>) -> ListenArguments {
        ListenArguments {
            listen: Some(address.parse().unwrap()),
            tls: tls.map(|text| text.parse().unwrap()),
            public_address: None,
        }
    }

    fn at(public_address: &str) -> ListenArguments {
        ListenArguments {
            public_address: public_address.parse().ok(),
            ..ListenArguments::default()
        }
    }

    #[test]
    fn others_reach_the_api_over_tls_only() {
        assert!(ListenArguments::default().check().is_ok());
        assert!(on("127.0.0.1:8479", None).check().is_ok());
        let refused = on("0.0.0.0:8443", None).check().unwrap_err().to_string();
        assert!(refused.contains("--tls auto"), "{refused}");
        assert!(on("0.0.0.0:8443", Some("auto")).check().is_ok());
        assert!("certificate.pem".parse::<Tls>().is_err());
        assert!(at("192.0.2.1").check().is_ok());
        assert!(at("0.0.0.0").check().is_err());
    }

    #[test]
    fn started_processes_get_the_same_arguments() {
        assert!(ListenArguments::default().to_arguments().is_empty());
        let files = on("127.0.0.1:1", Some("/c.pem,/k.pem"));
        assert_eq!(
            files.to_arguments(),
            ["--listen", "127.0.0.1:1", "--tls", "/c.pem,/k.pem"]
        );
        assert_eq!(at("192.0.2.1").to_arguments(), ["--public-address", "192.0.2.1"]);
    }

    #[tokio::test]
    async fn port_of_the_last_time_is_taken_again_and_another_one_when_it_is_gone() {
        let any = on("127.0.0.1:0", None);
        let first = any.bind_local(None).await.unwrap();
        let address = first.local_addr().unwrap();
        let info = RuntimeInfo {
            endpoint: format!("http://{address}"),
            pid: 1,
            version: String::new(),
        };
        let nothing = ListenArguments::default();
        let second = nothing.bind_local(Some(&info)).await.unwrap();
        assert_ne!(second.local_addr().unwrap(), address);
        let error = on(&address.to_string(), None).bind_local(None).await.unwrap_err();
        assert!(format!("{error:#}").contains("which is taken by"), "{error:#}");
        drop(first);
        for arguments in [nothing, any] {
            let next = arguments.bind_local(Some(&info)).await.unwrap();
            assert_eq!(next.local_addr().unwrap(), address);
        }
    }
}
