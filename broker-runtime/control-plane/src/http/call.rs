//! One call of the MSK API: the operation it names, who makes it, and what its handler needs.

use std::collections::{BTreeMap, HashMap};

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header::CONTENT_TYPE};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{api::Api, request::Request};
use crate::{
    access::{Caller, Wanted, authorize},
    arn::Scope,
    error::OperationError,
    model::{Operation, model, validate},
    services::Services,
};

/// What a handler gives back.
pub(super) type Answer = Result<Response, OperationError>;

/// A call that may be answered: its caller is believed and allowed, and its request has the shape of its operation.
pub(super) struct Call<'a> {
    pub(super) api: &'a Api,
    pub(super) request: &'a Request,
    pub(super) caller: &'a Caller,
    pub(super) operation: &'static Operation,
    labels: HashMap<&'static str, String>,
    body: Value,
}

/// An operation that a request names, before anything else is known of it.
pub(super) struct Routed {
    pub(super) operation: &'static Operation,
    labels: HashMap<&'static str, String>,
}

impl Routed {
    /// Finds the operation of a request.
    pub(super) fn find(request: &Request) -> Result<Self, OperationError> {
        let found = model().route(request.method.as_str(), &request.segments);
        let (operation, labels) = found.ok_or_else(|| {
            OperationError::NotFound(if model().knows_path(&request.segments) {
                format!("{} has no method {}", request.raw_path, request.method)
            } else {
                format!("{} is no path of this API", request.raw_path)
            })
        })?;
        Ok(Self { operation, labels })
    }

    /// ARN that the operation is about: the first of its labels that is one, else a cluster that its query names.
    pub(super) fn resource(&self, request: &Request, caller: &Caller, body: &Value) -> String {
        let labels = [
            "clusterArn",
            "arn",
            "resourceArn",
            "clusterOperationArn",
            "replicatorArn",
        ];
        let label = labels.iter().find_map(|name| self.labels.get(name));
        let named = || match self.operation.name {
            "CreateCluster" | "CreateClusterV2" => body["clusterName"]
                .as_str()
                .map(|name| caller.world.clusters_named(name)),
            _ => request.parameter("clusterArn").map(str::to_owned),
        };
        label.cloned().or_else(named).unwrap_or_else(|| "*".to_owned())
    }
}

impl<'a> Call<'a> {
    /// Checks that the caller may, and then what it asks for.
    pub(super) fn admit(
        api: &'a Api,
        request: &'a Request,
        caller: &'a Caller,
        routed: Routed,
        body: Value,
        resource: &str,
    ) -> Result<Self, OperationError> {
        let operation = routed.operation;
        let wanted = Wanted {
            action: format!("kafka:{}", operation.name),
            resource,
            request_tags: tags(&body),
            tag_keys: request.parameters("tagKeys"),
        };
        authorize(&api.services, caller, &wanted)?;
        validate(model(), operation, &routed.labels, &request.query, &body)?;
        Ok(Self {
            api,
            request,
            caller,
            operation,
            labels: routed.labels,
            body,
        })
    }

    /// The world of the control plane.
    pub(super) fn services(&self) -> &'a Services {
        &self.api.services
    }

    /// Account and region of the caller.
    pub(super) fn world(&self) -> &'a Scope {
        &self.caller.world
    }

    /// The value of a label of the path.
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map(String::as_str).unwrap_or_default()
    }

    /// ARN of the cluster in the path.
    pub(super) fn cluster(&self) -> &str {
        self.label("clusterArn")
    }

    /// The body.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, OperationError> {
        serde_json::from_value(self.body.clone())
            .map_err(|error| OperationError::unreadable(format!("the body of the request cannot be read: {error}")))
    }

    /// Cuts a list into pages and answers with the one that was asked for, under the name it has in the answer.
    pub(super) fn page<T: Serialize>(&self, name: &str, rows: Vec<T>, position: impl Fn(&T) -> String) -> Answer {
        let (rows, token) = self.api.pages.cut(self.request, rows, position)?;
        let mut answer = BTreeMap::from([(name, to_value(&rows)?)]);
        if let Some(token) = token {
            answer.insert("nextToken", token.into());
        }
        json(&answer)
    }
}

/// Tags of a request that makes or tags something.
fn tags(body: &Value) -> BTreeMap<String, String> {
    let tags = body.get("tags").and_then(Value::as_object).into_iter().flatten();
    tags.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn to_value(answer: &impl Serialize) -> Result<Value, OperationError> {
    serde_json::to_value(answer).map_err(|error| OperationError::Internal(error.to_string()))
}

/// A success with a body.
pub(super) fn json(answer: &impl Serialize) -> Answer {
    let text = serde_json::to_string(answer).map_err(|error| OperationError::Internal(error.to_string()))?;
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

/// A success without one.
pub(super) fn no_content() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}
