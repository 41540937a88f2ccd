//! The broker's own certificate, which it reads again when the controller says that it may be another one.

use parking_lot::Mutex;
use tracing::{error, info};

use super::tls::TlsIdentity;

/// What a broker shows in handshakes; nothing where no listener uses TLS.
pub(crate) struct OwnCertificate {
    identity: Option<TlsIdentity>,
    /// What it was told last.
    told: Mutex<Option<String>>,
}

impl OwnCertificate {
    /// Begins with what was read at the start.
    pub(crate) fn new(identity: Option<TlsIdentity>) -> Self {
        Self {
            identity,
            told: Mutex::default(),
        }
    }

    /// Reads the certificate again when it is told something else than last time. What was read at the start may be older
    /// than what the broker is told first, so it reads then, too. One that cannot be used is left until the
    /// next change, and the engine sees that: it looks at what is shown.
    pub(crate) fn follow(&self, told: Option<&str>) {
        let Some(identity) = &self.identity else { return };
        let mut last = self.told.lock();
        if last.as_deref() == told {
            return;
        }
        match identity.reload() {
            Ok(()) => {
                *last = told.map(str::to_owned);
                info!("certificate was read");
            }
            Err(error) => error!(
                error = &error as &dyn std::error::Error,
                "certificate cannot be used; the one before is shown"
            ),
        }
    }
}
