//! A web server for a folder, over TLS, for as long as it is held: what a network mirror needs.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use anyhow::{Context, Result};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

/// The server. Its thread ends with the process.
pub struct FilesOverHttps {
    /// `https://localhost:PORT`.
    pub url: String,
    /// Its certificate, which is its own authority, as a file.
    pub certificate: PathBuf,
}

impl FilesOverHttps {
    /// Serves `folder`; the certificate is written beside it.
    pub fn start(folder: &Path) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let certificate = folder.with_extension("pem");
        fs::write(&certificate, made.cert.pem())?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let (config, folder) = (Arc::new(config), folder.to_path_buf());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, folder) = (config.clone(), folder.clone());
                // A client that goes away has nothing to be told.
                thread::spawn(move || answer(stream, config, &folder));
            }
        });
        Ok(Self {
            url: format!("https://localhost:{port}"),
            certificate,
        })
    }
}

/// One request a connection.
fn answer(stream: TcpStream, config: Arc<ServerConfig>, folder: &Path) -> Result<()> {
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config)?, stream));
    let mut request = String::new();
    stream.read_line(&mut request)?;
    let mut line = String::new();
    while stream.read_line(&mut line)? > "\r\n".len() {
        line.clear();
    }
    let path = request.split(' ').nth(1).context("a path")?.trim_start_matches('/');
    let found = (!path.contains(".."))
        .then(|| fs::read(folder.join(path)).ok())
        .flatten();
    let kind = if path.ends_with(".json") {
        "application/json"
    } else {
        "application/zip"
    };
    let (status, body) = found.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    let mut stream = stream.into_inner();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)?;
    stream.conn.send_close_notify();
    Ok(stream.flush()?)
}
