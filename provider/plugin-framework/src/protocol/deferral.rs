//! Deferral: what cannot be known while planning, because the provider block has values that are only known after apply, is put off
//! to the next plan. Only for cores that ask for it (`deferral_allowed`); others get what the resource says.

use tfplugin_proto::tfplugin6 as proto;

use super::server::Shared;

impl Shared {
    /// Why an answer has to wait; `None` where there is an answer, or a core that would not take this for one.
    pub(super) fn deferred(&self, client: Option<&proto::ClientCapabilities>) -> Option<proto::Deferred> {
        let allowed = client.is_some_and(|client| client.deferral_allowed);
        (allowed && self.provider.is_configured_later()).then(|| proto::Deferred {
            reason: proto::deferred::Reason::ProviderConfigUnknown.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;

    use super::*;
    use crate::{Configuration, Context, Diagnostics, Provider, Resource, protocol::Server, schema::Schema};

    struct Later(bool, Schema);

    #[async_trait]
    impl Provider for Later {
        fn schema(&self) -> &Schema {
            &self.1
        }

        async fn configure(&self, _context: &Context, _configuration: Configuration) -> Diagnostics {
            Diagnostics::none()
        }

        fn is_configured_later(&self) -> bool {
            self.0
        }

        fn resources(&self) -> Vec<Arc<dyn Resource>> {
            Vec::new()
        }
    }

    #[test]
    fn only_who_asked_for_it_is_put_off() {
        let client = |deferral_allowed| proto::ClientCapabilities {
            deferral_allowed,
            ..Default::default()
        };
        let deferred = |later, client: Option<proto::ClientCapabilities>| {
            let server = Server::new(Arc::new(Later(later, Schema::new())));
            server.shared.deferred(client.as_ref()).is_some()
        };
        assert!(deferred(true, Some(client(true))));
        assert!(!deferred(true, Some(client(false))));
        assert!(!deferred(true, None));
        assert!(!deferred(false, Some(client(true))));
    }
}
