//! Checks a request against its shapes: what is required is there, and everything has its type, range, length, pattern and
//! enum. Unknown members are ignored, as AWS does.

use std::collections::HashMap;

use serde_json::Value;

use super::shapes::{Bounds, Location, Model, Operation, Shape};
use crate::error::OperationError;

/// Members that the model requires and that have a default here: a cluster runs without subnets and instance types.
const OPTIONAL_HERE: [(&str, &str); 6] = [
    ("CreateClusterRequest", "brokerNodeGroupInfo"),
    ("CreateClusterRequest", "kafkaVersion"),
    ("ProvisionedRequest", "brokerNodeGroupInfo"),
    ("ProvisionedRequest", "kafkaVersion"),
    ("BrokerNodeGroupInfo", "clientSubnets"),
    ("BrokerNodeGroupInfo", "instanceType"),
];

/// Deepest nesting of a request that is looked at; the deepest shape of the model has less.
const DEPTH_MAX: usize = 16;

/// Checks the labels, the query and the body of a request.
pub(crate) fn validate(
    model: &Model,
    operation: &Operation,
    labels: &HashMap<&'static str, String>,
    query: &[(String, String)],
    body: &Value,
) -> Result<(), OperationError> {
    let members = model
        .structures
        .get(operation.input)
        .map(Vec::as_slice)
        .unwrap_or_default();
    for member in members.iter().filter(|member| member.location != Location::Body) {
        let texts: Vec<&String> = match member.location {
            Location::Path => labels.get(member.name).into_iter().collect(),
            _ => query
                .iter()
                .filter(|(name, _)| name == member.name)
                .map(|(_, value)| value)
                .collect(),
        };
        if texts.is_empty() && member.required {
            return Err(missing(member.name));
        }
        let of_one = match &member.shape {
            Shape::List(_, of) => of,
            shape => shape,
        };
        for text in texts {
            check(model, of_one, &of_text(of_one, text), member.name, 0)?;
        }
    }
    if !body.is_object() {
        return Err(OperationError::unreadable("the body of the request is no JSON object"));
    }
    structure(model, operation.input, body, "", 0)
}

/// A value that came as text.
fn of_text(shape: &Shape, text: &str) -> Value {
    match shape {
        Shape::Integer { .. } => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
        _ => text.into(),
    }
}

fn structure(model: &Model, name: &'static str, value: &Value, path: &str, depth: usize) -> Result<(), OperationError> {
    let Some(object) = value.as_object() else {
        return Err(wrong(path, "an object"));
    };
    let members = model.structures.get(name).map(Vec::as_slice).unwrap_or_default();
    for member in members.iter().filter(|member| member.location == Location::Body) {
        let path = match path {
            "" => member.name.to_owned(),
            path => format!("{path}.{}", member.name),
        };
        match object.get(member.name) {
            None | Some(Value::Null) if member.required && !OPTIONAL_HERE.contains(&(name, member.name)) => {
                return Err(missing(&path));
            }
            None | Some(Value::Null) => (),
            Some(value) => check(model, &member.shape, value, &path, depth + 1)?,
        }
    }
    Ok(())
}

fn check(model: &Model, shape: &Shape, value: &Value, path: &str, depth: usize) -> Result<(), OperationError> {
    if depth > DEPTH_MAX {
        return Err(wrong(path, "nested less deeply"));
    }
    match shape {
        Shape::String(bounds, pattern) => {
            let text = value.as_str().ok_or_else(|| wrong(path, "a string"))?;
            length(*bounds, text.chars().count(), path, "characters")?;
            match pattern {
                Some(pattern) if !matches(pattern, text) => Err(wrong(path, &format!("text that matches {pattern}"))),
                _ => Ok(()),
            }
        }
        Shape::Integer { bits, bounds } => {
            let number = value.as_i64().ok_or_else(|| wrong(path, "an integer"))?;
            let fits = *bits == 64 || i32::try_from(number).is_ok();
            if fits && bounds.hold(number) {
                return Ok(());
            }
            Err(wrong(path, &format!("an integer {}", described(*bounds, *bits))))
        }
        Shape::Double => value.as_f64().map(drop).ok_or_else(|| wrong(path, "a number")),
        Shape::Boolean => value.as_bool().map(drop).ok_or_else(|| wrong(path, "true or false")),
        Shape::Blob | Shape::Timestamp => value.as_str().map(drop).ok_or_else(|| wrong(path, "a string")),
        Shape::Named(name) => match model.enums.get(name) {
            Some(values) if value.as_str().is_some_and(|text| values.contains(&text)) => Ok(()),
            Some(values) => Err(wrong(path, &format!("one of {}", values.join(", ")))),
            None => structure(model, name, value, path, depth),
        },
        Shape::List(bounds, of) => {
            let items = value.as_array().ok_or_else(|| wrong(path, "a list"))?;
            length(*bounds, items.len(), path, "items")?;
            let mut items = items.iter().enumerate();
            items.try_for_each(|(index, item)| check(model, of, item, &format!("{path}[{index}]"), depth + 1))
        }
        Shape::Map(of) => {
            let object = value.as_object().ok_or_else(|| wrong(path, "an object"))?;
            let mut entries = object.iter();
            entries.try_for_each(|(key, value)| check(model, of, value, &format!("{path}.{key}"), depth + 1))
        }
    }
}

fn length(bounds: Bounds, count: usize, path: &str, unit: &str) -> Result<(), OperationError> {
    if bounds.hold(i64::try_from(count).unwrap_or(i64::MAX)) {
        return Ok(());
    }
    Err(wrong(
        path,
        &format!("{} of {unit}, not {count}", described(bounds, 64)),
    ))
}

fn described(bounds: Bounds, bits: u8) -> String {
    match (bounds.min, bounds.max) {
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("of at least {min}"),
        (None, Some(max)) => format!("of at most {max}"),
        (None, None) => format!("of {bits} bits"),
    }
}

/// The one pattern of the model: letters and digits, and hyphens behind the first.
fn matches(pattern: &str, text: &str) -> bool {
    debug_assert_eq!(pattern, "^[0-9A-Za-z][0-9A-Za-z-]{0,}$", "a pattern that nobody checks");
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '-';
    text.chars().all(allowed) && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

fn missing(path: &str) -> OperationError {
    OperationError::invalid(path, format!("{path} is missing"))
}

fn wrong(path: &str, wanted: &str) -> OperationError {
    OperationError::invalid(path, format!("{path} must be {wanted}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::model;

    fn refused(operation: &str, body: Value) -> Option<String> {
        let model = model();
        let operation = model.operation(operation).unwrap();
        let labels = HashMap::from([("clusterArn", "arn".to_owned()), ("resourceArn", "arn".to_owned())]);
        let error = validate(model, operation, &labels, &[], &body).err()?;
        match error {
            OperationError::InvalidRequest { parameter, .. } => Some(parameter.unwrap_or_default()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn wrong_members_are_named_by_their_path() {
        let create = |change: fn(&mut Value)| {
            let mut body = json!({
                "clusterName": "orders", "kafkaVersion": "4.1.x.kraft", "numberOfBrokerNodes": 3,
                "brokerNodeGroupInfo": {"instanceType": "kafka.m5.large", "clientSubnets": ["a"]},
            });
            change(&mut body);
            refused("CreateCluster", body)
        };
        assert_eq!(create(|_| ()), None);
        assert_eq!(
            create(|body| body["clusterName"] = "".into()).as_deref(),
            Some("clusterName")
        );
        assert_eq!(
            create(|body| body["numberOfBrokerNodes"] = 16.into()).as_deref(),
            Some("numberOfBrokerNodes")
        );
        assert_eq!(
            create(|body| body["numberOfBrokerNodes"] = "3".into()).as_deref(),
            Some("numberOfBrokerNodes")
        );
        assert_eq!(
            create(|body| body["enhancedMonitoring"] = "ALL".into()).as_deref(),
            Some("enhancedMonitoring")
        );
        let storage =
            create(|body| body["brokerNodeGroupInfo"]["storageInfo"]["ebsStorageInfo"]["volumeSize"] = 0.into());
        assert_eq!(
            storage.as_deref(),
            Some("brokerNodeGroupInfo.storageInfo.ebsStorageInfo.volumeSize")
        );
        let subnets = create(|body| body["brokerNodeGroupInfo"]["clientSubnets"] = json!([1]));
        assert_eq!(subnets.as_deref(), Some("brokerNodeGroupInfo.clientSubnets[0]"));
        assert_eq!(create(|body| body["tags"] = json!({"k": 1})).as_deref(), Some("tags.k"));
    }

    #[test]
    fn what_is_required_must_be_there() {
        assert_eq!(refused("CreateCluster", json!({})).as_deref(), Some("clusterName"));
        assert_eq!(
            refused("UpdateBrokerCount", json!({"currentVersion": "K"})).as_deref(),
            Some("targetNumberOfBrokerNodes")
        );
        assert_eq!(refused("TagResource", json!({})).as_deref(), Some("tags"));
        assert_eq!(refused("TagResource", json!([])).as_deref(), Some(""));
    }

    #[test]
    fn the_query_is_checked_too() {
        let model = model();
        let operation = model.operation("ListClusters").unwrap();
        for (value, valid) in [("1", true), ("100", true), ("0", false), ("101", false), ("x", false)] {
            let query = [("maxResults".to_owned(), value.to_owned())];
            let checked = validate(model, operation, &HashMap::new(), &query, &json!({}));
            assert_eq!(checked.is_ok(), valid, "{value}");
        }
    }
}
