//! StopProvider: a person pressed Ctrl-C. Running calls are asked to finish soon; it is no shutdown, and calls still
//! come after it.

use tfplugin_proto::tfplugin6 as proto;

use super::server::Shared;

impl Shared {
    pub(crate) fn stop_provider(&self) -> proto::stop_provider::Response {
        self.stop.cancel();
        proto::stop_provider::Response::default()
    }
}
