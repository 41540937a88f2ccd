//! PlanResourceChange: what create, update or destroy will do. Terraform calls it again on apply, with more known, and
//! expects the same answer.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    dynamic_value::{decode, encode, object},
    server::{Shared, guarded},
};
use crate::{
    diagnostics::{Diagnostics, path_to_proto},
    plan,
    private_state::PrivateState,
    resource::Plan,
    value::{Object, Value},
};

type Response = proto::plan_resource_change::Response;

impl Shared {
    pub(crate) async fn plan_resource_change(&self, request: proto::plan_resource_change::Request) -> Response {
        match guarded(self.plan(&request)).await.and_then(|it| it) {
            Ok(response) => response,
            Err(diagnostics) => Response {
                diagnostics: diagnostics.into_proto(),
                ..Default::default()
            },
        }
    }

    async fn plan(&self, request: &proto::plan_resource_change::Request) -> Result<Response, Diagnostics> {
        let registered = self.resource(&request.type_name)?;
        let decoded = |value: &Option<proto::DynamicValue>| decode(value.as_ref(), &registered.of);
        let (prior, proposed) = (decoded(&request.prior_state)?, decoded(&request.proposed_new_state)?);
        if proposed.is_null() {
            let diagnostics = match Object::from_value(prior) {
                Some(prior) => registered.resource.plan_delete(&self.context(), &prior).await,
                None => Diagnostics::none(),
            };
            return Ok(Response {
                planned_state: Some(encode(&Value::Null, &registered.of)),
                planned_private: request.prior_private.clone(),
                planned_identity: request.prior_identity.clone(),
                diagnostics: diagnostics.into_proto(),
                ..Default::default()
            });
        }
        let (schema, config) = (registered.schema(), decoded(&request.config)?);
        let proposal = plan::propose(schema, &prior, &config, &proposed);
        if let Some(deferred) = self.deferred(request.client_capabilities.as_ref()) {
            return Ok(Response {
                planned_state: Some(encode(&proposal.planned, &registered.of)),
                requires_replace: proposal.replaces.iter().map(path_to_proto).collect(),
                planned_private: request.prior_private.clone(),
                planned_identity: request.prior_identity.clone(),
                deferred: Some(deferred),
                ..Default::default()
            });
        }
        let mut replaces = proposal.replaces;
        let mut planned = object(proposal.planned, "proposed state")?;
        let mut private = PrivateState::from_bytes(&request.prior_private);
        let prior_object = Object::from_value(prior.clone());
        let config_object = object(config.clone(), "configuration")?;
        let mut plan = Plan {
            prior: prior_object.as_ref(),
            config: &config_object,
            planned: &mut planned,
            private: &mut private,
            replaces: &mut replaces,
        };
        let mut diagnostics = registered.resource.plan(&self.context(), &mut plan).await;
        let planned = planned.into_value();
        if !diagnostics.has_errors() {
            diagnostics.extend(plan::check_planned(schema, &prior, &config, &planned));
        }
        if prior.is_null() {
            replaces.clear();
        }
        let planned_identity = if replaces.is_empty() && !prior.is_null() {
            request.prior_identity.clone()
        } else {
            registered.identity_of(&planned)
        };
        replaces.sort();
        replaces.dedup();
        Ok(Response {
            planned_state: Some(encode(&planned, &registered.of)),
            requires_replace: replaces.iter().map(path_to_proto).collect(),
            planned_private: private.to_bytes(),
            planned_identity,
            diagnostics: diagnostics.into_proto(),
            ..Default::default()
        })
    }
}
