//! ListResource: what exists of a resource type, one event each, for `terraform query`. With the resource object, each is read as
//! an import would read it; what is gone by then is left out.

use tfplugin_proto::tfplugin6 as proto;
use tokio::sync::mpsc;

use super::{
    dynamic_value::{decode, encode, object},
    identity::encode_identity,
    server::{Registered, Shared, guarded},
};
use crate::{
    diagnostics::Diagnostics,
    list_resource::Listed,
    private_state::PrivateState,
    resource::{ReadRequest, StateSink},
    value::{Object, Type},
};

type Request = proto::list_resource::Request;
type Event = proto::list_resource::Event;

impl Shared {
    /// Sends an event for each; ends early when nobody listens any more.
    pub(crate) async fn list_resources(&self, request: Request, events: mpsc::Sender<Event>) {
        let listed = guarded(self.send_list(&request, &events)).await.and_then(|it| it);
        if let Err(diagnostics) = listed {
            let event = Event {
                diagnostic: diagnostics.into_proto(),
                ..Default::default()
            };
            let _ = events.send(event).await;
        }
    }

    async fn send_list(&self, request: &Request, events: &mpsc::Sender<Event>) -> Result<(), Diagnostics> {
        let registered = self.resource(&request.type_name)?;
        let list = self.list_resource(&request.type_name)?;
        let identity_type = registered.identity_type().ok_or_else(|| {
            Diagnostics::from_error(
                format!("A {} cannot be listed", request.type_name),
                "It has no identity.",
            )
        })?;
        let config = object(decode(request.config.as_ref(), &list.of)?, "configuration of the list")?;
        let listed = list.list_resource.list(&self.context(), config).await?;
        // No limit is zero, or less.
        let limit = usize::try_from(request.limit).ok().filter(|limit| *limit > 0);
        let mut sent = 0;
        for found in listed {
            if limit.is_some_and(|limit| sent == limit) {
                break;
            }
            let with_object = request.include_resource_object;
            let Some(event) = self.event(registered, found, &identity_type, with_object).await? else {
                continue;
            };
            sent += 1;
            if events.send(event).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// `None` when it is gone.
    async fn event(
        &self,
        registered: &Registered,
        found: Listed,
        identity_type: &Type,
        with_object: bool,
    ) -> Result<Option<Event>, Diagnostics> {
        let resource_object = if with_object {
            let Some(state) = self.read_by_identity(registered, &found.identity).await? else {
                return Ok(None);
            };
            Some(encode(&state.into_value(), &registered.of))
        } else {
            None
        };
        Ok(Some(Event {
            identity: Some(encode_identity(found.identity, identity_type)),
            display_name: found.display_name,
            resource_object,
            diagnostic: Vec::new(),
        }))
    }

    async fn read_by_identity(
        &self,
        registered: &Registered,
        identity: &Object,
    ) -> Result<Option<Object>, Diagnostics> {
        let context = self.context();
        let prior = registered.resource.import_identity(&context, identity).await?;
        let mut sink = StateSink::new(Some(prior.clone()), PrivateState::default());
        let diagnostics = registered
            .resource
            .read(&context, ReadRequest { prior }, &mut sink)
            .await;
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        Ok(sink.state)
    }
}
