//! ReadResource: what is there now. Null means that it was deleted outside; an unreachable server is an error. Where the
//! meaning is the same, the prior spelling stays, so that nothing looks like drift that is none.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, encode, object},
    server::{Shared, guarded},
};
use crate::{
    diagnostics::Diagnostics,
    plan,
    private_state::PrivateState,
    resource::{ReadRequest, StateSink},
    value::Value,
};

impl Shared {
    pub(crate) async fn read_resource(&self, request: proto::read_resource::Request) -> proto::read_resource::Response {
        match guarded(self.read(&request)).await.and_then(|it| it) {
            Ok(response) => response,
            Err(diagnostics) => proto::read_resource::Response {
                new_state: request.current_state,
                private: request.private,
                new_identity: request.current_identity,
                diagnostics: diagnostics.into_proto(),
                ..Default::default()
            },
        }
    }

    async fn read(
        &self,
        request: &proto::read_resource::Request,
    ) -> Result<proto::read_resource::Response, Diagnostics> {
        let registered = self.resource(&request.type_name)?;
        let prior = decode(request.current_state.as_ref(), &registered.of)?;
        if let Some(deferred) = self.deferred(request.client_capabilities.as_ref()) {
            return Ok(proto::read_resource::Response {
                new_state: request.current_state.clone(),
                private: request.private.clone(),
                new_identity: request.current_identity.clone(),
                deferred: Some(deferred),
                ..Default::default()
            });
        }
        let known = object(prior.clone(), "current state")?;
        let mut sink = StateSink::new(Some(known.clone()), PrivateState::from_bytes(&request.private));
        let context = self.context();
        let read = ReadRequest { prior: known };
        let mut diagnostics = registered.resource.read(&context, read, &mut sink).await;
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let state = sink.state.map_or(Value::Null, |state| {
            plan::spelled_as_before(registered.schema(), &prior, &state.into_value())
        });
        if !state.is_null() {
            diagnostics.extend(plan::check_read(registered.schema(), &state));
        }
        Ok(proto::read_resource::Response {
            new_state: Some(encode(&state, &registered.of)),
            diagnostics: diagnostics.into_proto(),
            private: sink.private.to_bytes(),
            new_identity: registered
                .identity_of(&state)
                .or_else(|| request.current_identity.clone()),
            ..Default::default()
        })
    }
}
