//! The line on standard output that tells the host where we are and who we are.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// `CORE|APP|network|address|protocol|certificate`, and whether we multiplex if the host asked.
pub(crate) fn handshake_line(socket: &Path, certificate: Option<&[u8]>, asked_to_multiplex: bool) -> String {
    let certificate = certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
    let multiplex = if asked_to_multiplex { "|false" } else { "" };
    format!("1|6|unix|{}|grpc|{certificate}{multiplex}\n", socket.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_the_fields_of_go_plugin() {
        assert_eq!(
            handshake_line(Path::new("/tmp/p"), None, false),
            "1|6|unix|/tmp/p|grpc|\n"
        );
        assert_eq!(
            handshake_line(Path::new("/tmp/p"), Some(&[1, 2]), true),
            "1|6|unix|/tmp/p|grpc|AQI|false\n"
        );
    }
}
