//! The certificate of an agent, which its control plane replaces long before it ends: the agent makes a new key and asks,
//! and shows what it gets to whoever connects after that.

use std::sync::Arc;

use host_link::{HostKey, agent_tls, not_after_ms};
use parking_lot::Mutex;
use tokio_rustls::rustls::ServerConfig;

use super::folder::AgentFolder;

/// Key and certificate that are shown.
pub(super) struct Certificates {
    folder: AgentFolder,
    shown: Mutex<Shown>,
    /// The key that a certificate was asked for last.
    asked: Mutex<Option<HostKey>>,
}

#[derive(Clone)]
struct Shown {
    tls: Arc<ServerConfig>,
    not_after_ms: i64,
}

impl Certificates {
    /// Those that are in the folder.
    pub(super) fn open(folder: AgentFolder) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let shown = read(&folder)?;
        Ok(Self {
            folder,
            shown: Mutex::new(shown),
            asked: Mutex::default(),
        })
    }

    /// What new connections get.
    pub(super) fn tls(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.shown.lock().tls)
    }

    /// When it ends, unix milliseconds.
    pub(super) fn not_after_ms(&self) -> i64 {
        self.shown.lock().not_after_ms
    }

    /// Makes a new key and asks for a certificate to it.
    pub(super) fn request(&self) -> Result<String, String> {
        let made = HostKey::new().and_then(|key| Ok((key.request()?, key)));
        let (request, key) = made.map_err(|error| error.to_string())?;
        *self.asked.lock() = Some(key);
        Ok(request)
    }

    /// Takes the certificate that was asked for.
    pub(super) fn take(&self, certificate_pem: &str) -> Result<(), String> {
        let mut asked = self.asked.lock();
        let key = asked.as_ref().filter(|key| key.fits(certificate_pem));
        let key = key.ok_or("the certificate is not to the key that one was asked for last")?;
        let authority = self.folder.authority().map_err(|error| error.to_string())?;
        // What cannot be shown must not replace what can.
        let identity = format!("{}{certificate_pem}", key.to_pem());
        agent_tls(&identity, &authority).map_err(|error| error.to_string())?;
        self.folder
            .write_identity(key, certificate_pem)
            .map_err(|error| error.to_string())?;
        *self.shown.lock() = read(&self.folder).map_err(|error| error.to_string())?;
        *asked = None;
        tracing::info!("certificate was replaced");
        Ok(())
    }
}

fn read(folder: &AgentFolder) -> Result<Shown, Box<dyn std::error::Error + Send + Sync>> {
    let identity = folder.identity()?;
    Ok(Shown {
        tls: Arc::new(agent_tls(&identity, &folder.authority()?)?),
        not_after_ms: not_after_ms(&identity)?,
    })
}
