//! From an order to what the host does.

use std::sync::Arc;

use clock::Clock;
use host_link::wire::{AgentFacts, Answer, Base64, Order};
use hosts::{Host, HostError, UnitFile};

use super::certificates::Certificates;
use crate::LocalHost;

/// What orders are carried out on.
pub(super) struct Agent {
    pub(super) host: Arc<LocalHost>,
    pub(super) certificates: Certificates,
    pub(super) clock: Arc<dyn Clock>,
}

impl Agent {
    /// Carries an order out.
    pub(super) async fn obey(&self, order: Order) -> Answer {
        self.try_to_obey(order).await.unwrap_or_else(Answer::Failed)
    }

    async fn try_to_obey(&self, order: Order) -> Result<Answer, HostError> {
        let host = &self.host;
        let done = |()| Answer::Done;
        match order {
            Order::Facts => Ok(Answer::Facts(Box::new(AgentFacts {
                facts: host.facts(),
                now_ms: self.clock.now_ms(),
                certificate_not_after_ms: self.certificates.not_after_ms(),
            }))),
            Order::WriteFiles { unit, files } => {
                let files: Vec<UnitFile> = files.into_iter().map(Into::into).collect();
                host.write_files(&unit, &files).await.map(done)
            }
            Order::ReadFile { unit, path, bytes_max } => {
                let content = host.read_file(&unit, &path, bytes_max).await?;
                Ok(Answer::Content(content.map(Base64)))
            }
            Order::DeleteFile { unit, path } => host.delete_file(&unit, &path).await.map(done),
            Order::Run { unit, command, limit } => host.run(&unit, &command, limit).await.map(Answer::Finished),
            Order::Start { unit, process } => host.start(&unit, &process).await.map(done),
            Order::Stop { unit, kill } => host.stop(&unit, kill).await.map(done),
            Order::Status { unit } => host.status(&unit).await.map(Answer::Status),
            Order::Units => host.units().await.map(Answer::Units),
            Order::Remove { unit } => host.remove(&unit).await.map(done),
            Order::Taken { addresses } => host.taken(&addresses).await.map(Answer::Taken),
            Order::HasBundle { digest } => Ok(Answer::There(host.has_bundle(&digest))),
            Order::Bundles => host.bundles().await.map(Answer::Bundles),
            Order::RemoveBundle { digest } => host.remove_bundle(&digest).await.map(done),
            Order::RequestCertificate => {
                let request = self.certificates.request();
                request.map(Answer::CertificateRequest).map_err(|why| self.refused(why))
            }
            Order::TakeCertificate { certificate_pem } => {
                let taken = self.certificates.take(&certificate_pem);
                taken.map(done).map_err(|why| self.refused(why))
            }
        }
    }

    fn refused(&self, reason: String) -> HostError {
        HostError::Refused {
            host: self.host.facts().name,
            reason,
        }
    }
}
