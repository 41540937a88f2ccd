//! ApplyResourceChange: create, update or delete. With an error the best-known state is kept, so that nothing is lost:
//! after a failed create Terraform marks it tainted.

use std::collections::BTreeMap;

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, encode, object},
    server::{Registered, Shared, guarded},
};
use crate::{
    diagnostics::Diagnostics,
    plan,
    private_state::PrivateState,
    resource::{ApplyRequest, DeleteRequest, StateSink},
    value::{Object, Value},
};

type Request = proto::apply_resource_change::Request;
type Response = proto::apply_resource_change::Response;

impl Shared {
    pub(crate) async fn apply_resource_change(&self, request: Request) -> Response {
        match self.apply(&request).await {
            Ok(response) => response,
            Err(diagnostics) => Response {
                new_state: request.prior_state,
                private: request.planned_private,
                new_identity: request.planned_identity,
                diagnostics: diagnostics.into_proto(),
                ..Default::default()
            },
        }
    }

    async fn apply(&self, request: &Request) -> Result<Response, Diagnostics> {
        let registered = self.resource(&request.type_name)?;
        let decoded = |value: &Option<proto::DynamicValue>| decode(value.as_ref(), &registered.of);
        let (prior, planned) = (decoded(&request.prior_state)?, decoded(&request.planned_state)?);
        if planned.is_null() {
            return self.delete(registered, object(prior, "prior state")?).await;
        }
        let (prior, config) = (
            Object::from_value(prior),
            object(decoded(&request.config)?, "configuration")?,
        );
        let mut sink = StateSink::new(prior.clone(), PrivateState::from_bytes(&request.planned_private));
        let create = prior.is_none();
        let planned_object = object(planned.clone(), "planned state")?;
        let apply = ApplyRequest {
            prior,
            planned: planned_object,
            config,
        };
        let context = self.context();
        let called = if create {
            guarded(registered.resource.create(&context, apply, &mut sink)).await
        } else {
            guarded(registered.resource.update(&context, apply, &mut sink)).await
        };
        let diagnostics = called.unwrap_or_else(|panic| panic);
        Ok(finish(registered, &planned, sink, diagnostics))
    }

    async fn delete(&self, registered: &Registered, prior: Object) -> Result<Response, Diagnostics> {
        let request = DeleteRequest { prior: prior.clone() };
        let context = self.context();
        let diagnostics = guarded(registered.resource.delete(&context, request))
            .await
            .unwrap_or_else(|panic| panic);
        let state = if diagnostics.has_errors() {
            prior.into_value()
        } else {
            Value::Null
        };
        Ok(Response {
            new_state: Some(encode(&state, &registered.of)),
            diagnostics: diagnostics.into_proto(),
            ..Default::default()
        })
    }
}

fn finish(registered: &Registered, planned: &Value, sink: StateSink, mut diagnostics: Diagnostics) -> Response {
    let state = sink.state.map_or(Value::Null, Object::into_value);
    if !diagnostics.has_errors() {
        if state.is_null() {
            diagnostics.error(
                "The provider made a mistake",
                "It returned no state after a successful apply.",
            );
        } else {
            diagnostics.extend(plan::check_applied(registered.schema(), planned, &state));
        }
    }
    let state = if diagnostics.has_errors() {
        without_unknowns(state)
    } else {
        state
    };
    Response {
        new_state: Some(encode(&state, &registered.of)),
        private: sink.private.to_bytes(),
        new_identity: registered.identity_of(&state),
        diagnostics: diagnostics.into_proto(),
        ..Default::default()
    }
}

/// A partial state must be wholly known: what is not known is null.
fn without_unknowns(value: Value) -> Value {
    match value {
        Value::Unknown(_) => Value::Null,
        Value::List(elements) => Value::List(elements.into_iter().map(without_unknowns).collect()),
        Value::Map(entries) => {
            let known = entries.into_iter().map(|(key, value)| (key, without_unknowns(value)));
            Value::Map(known.collect::<BTreeMap<_, _>>())
        }
        Value::Dynamic(of, value) => Value::Dynamic(of, Box::new(without_unknowns(*value))),
        known => known,
    }
}
