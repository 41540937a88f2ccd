//! The OpenAPI document, made from the model.

use control_plane_api::ErrorType;
use serde_json::{Map, Value, json};

use super::shapes::{Bounds, Location, Member, Model, Operation, Shape};

/// OpenAPI 3.1 of the service `kafka`.
pub(crate) fn openapi(model: &Model, version: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in &model.operations {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.to_lowercase()] = one(model, operation);
    }
    let mut schemas: Map<String, Value> = Map::new();
    for (name, values) in &model.enums {
        schemas.insert((*name).to_owned(), json!({"type": "string", "enum": values}));
    }
    for (name, members) in &model.structures {
        schemas.insert((*name).to_owned(), structure(members));
    }
    schemas.insert(
        "Error".to_owned(),
        json!({
            "type": "object",
            "properties": {"message": {"type": "string"}, "invalidParameter": {"type": "string"}},
            "required": ["message"],
        }),
    );
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Amazon MSK API of OpenMSK", "version": version, "license": {"name": "Apache-2.0"}},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey", "in": "header", "name": "Authorization",
                    "description": "AWS Signature Version 4, service name kafka",
                },
            },
        },
        "security": [{"sigv4": []}],
        "paths": paths,
    })
}

fn one(model: &Model, operation: &Operation) -> Value {
    let members = model
        .structures
        .get(operation.input)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let outside: Vec<Value> = members
        .iter()
        .filter(|member| member.location != Location::Body)
        .map(|member| {
            json!({
                "name": member.name,
                "in": if member.location == Location::Path { "path" } else { "query" },
                "required": member.required,
                "schema": schema(&member.shape),
            })
        })
        .collect();
    let mut described = json!({
        "operationId": operation.name,
        "parameters": outside,
        "responses": responses(operation),
        "x-pages": operation.pages,
    });
    if members.iter().any(|member| member.location == Location::Body) {
        let body = json!({"$ref": format!("#/components/schemas/{}", operation.input)});
        described["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": body}}});
    }
    described
}

fn responses(operation: &Operation) -> Value {
    let mut responses = Map::new();
    let success = if operation.output == "-" {
        json!({"description": "Done"})
    } else {
        let body = json!({"$ref": format!("#/components/schemas/{}", operation.output)});
        json!({"description": "Done", "content": {"application/json": {"schema": body}}})
    };
    responses.insert(operation.status.to_string(), success);
    let mut statuses: Vec<u16> = operation.errors.iter().map(|kind| kind.status()).collect();
    // Every caller has to be believed first.
    statuses.push(ErrorType::Forbidden.status());
    for status in statuses {
        let names: Vec<&str> = operation
            .errors
            .iter()
            .filter(|kind| kind.status() == status)
            .map(|kind| kind.name())
            .collect();
        let body = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
        responses.insert(
            status.to_string(),
            json!({"description": names.join(", "), "content": body}),
        );
    }
    Value::Object(responses)
}

/// A structure; what is not in the body is described at the operation.
fn structure(members: &[Member]) -> Value {
    let inside = || members.iter().filter(|member| member.location == Location::Body);
    let properties: Map<String, Value> = inside()
        .map(|member| (member.name.to_owned(), schema(&member.shape)))
        .collect();
    let required: Vec<&str> = inside()
        .filter(|member| member.required)
        .map(|member| member.name)
        .collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn schema(shape: &Shape) -> Value {
    let with = |mut schema: Value, bounds: Bounds, min: &str, max: &str| {
        if let Some(value) = bounds.min {
            schema[min] = value.into();
        }
        if let Some(value) = bounds.max {
            schema[max] = value.into();
        }
        schema
    };
    match shape {
        Shape::String(bounds, pattern) => {
            let mut schema = with(json!({"type": "string"}), *bounds, "minLength", "maxLength");
            if let Some(pattern) = pattern {
                schema["pattern"] = (*pattern).into();
            }
            schema
        }
        Shape::Integer { bits, bounds } => {
            let schema = json!({"type": "integer", "format": format!("int{bits}")});
            with(schema, *bounds, "minimum", "maximum")
        }
        Shape::Double => json!({"type": "number", "format": "double"}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Blob => json!({"type": "string", "contentEncoding": "base64"}),
        Shape::Timestamp => json!({"type": "string", "format": "date-time"}),
        Shape::Named(name) => json!({"$ref": format!("#/components/schemas/{name}")}),
        Shape::List(bounds, of) => with(
            json!({"type": "array", "items": schema(of)}),
            *bounds,
            "minItems",
            "maxItems",
        ),
        Shape::Map(of) => json!({"type": "object", "additionalProperties": schema(of)}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::model;

    #[test]
    fn every_operation_is_described_once() {
        let document = openapi(model(), "1");
        let operations: usize = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .map(|path| path.as_object().unwrap().len())
            .sum();
        assert_eq!(operations, 64);
        let count = &document["paths"]["/v1/clusters/{clusterArn}/nodes/count"]["put"];
        assert_eq!(count["operationId"], "UpdateBrokerCount");
        assert_eq!(count["responses"]["503"]["description"], "ServiceUnavailableException");
        let create = &document["components"]["schemas"]["CreateClusterRequest"];
        assert_eq!(
            create["properties"]["clusterName"],
            json!({"type": "string", "minLength": 1, "maxLength": 64})
        );
    }
}
