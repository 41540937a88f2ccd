//! InvokeAction: does something once, and shows how it goes on. The last event says how it ended.

use tfplugin_proto::tfplugin6::{self as proto, invoke_action::event};
use tokio::sync::mpsc;

use super::{
    dynamic_value::{decode, object},
    server::{Shared, guarded},
};
use crate::{action::Progress, diagnostics::Diagnostics};

type Request = proto::invoke_action::Request;
type Event = proto::invoke_action::Event;

impl Shared {
    /// Sends what the action says, and at last how it ended. An action whose core is gone is carried to its end.
    pub(crate) async fn invoke_action(&self, request: Request, events: mpsc::Sender<Event>) {
        let (progress, mut lines) = Progress::channel();
        let doing = async {
            let done = guarded(self.carry_out(&request, &progress)).await.and_then(|it| it);
            // The lines end with it.
            drop(progress);
            done.unwrap_or_else(|it| it)
        };
        let telling = async {
            while let Some(message) = lines.recv().await {
                let progress = event::Progress { message };
                let _ = events.send(of(event::Type::Progress(progress))).await;
            }
        };
        let (diagnostics, ()) = tokio::join!(doing, telling);
        let completed = event::Completed {
            diagnostics: diagnostics.into_proto(),
        };
        let _ = events.send(of(event::Type::Completed(completed))).await;
    }

    async fn carry_out(&self, request: &Request, progress: &Progress) -> Result<Diagnostics, Diagnostics> {
        let registered = self.action(&request.action_type)?;
        let config = object(
            decode(request.config.as_ref(), &registered.of)?,
            "configuration of the action",
        )?;
        Ok(registered.action.invoke(&self.context(), config, progress).await)
    }
}

fn of(event: event::Type) -> Event {
    Event { r#type: Some(event) }
}
