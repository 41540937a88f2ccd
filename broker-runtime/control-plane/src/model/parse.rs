//! Reads the model from its text; `kafka.model` says at its head what the lines mean.

use std::collections::HashMap;

use control_plane_api::ErrorType;
use thiserror::Error;

use super::shapes::{Bounds, Location, Member, Model, Operation, Shape};

/// A line of the model that cannot be read.
#[derive(Debug, Error)]
#[error("line {line} of the model: {problem}")]
pub(crate) struct ModelError {
    line: usize,
    problem: String,
}

/// Reads a model.
pub(crate) fn parse(text: &'static str) -> Result<Model, ModelError> {
    let mut model = Model::default();
    let mut structure = None;
    for (index, line) in text.lines().enumerate() {
        let failed = |problem: &str| ModelError {
            line: index + 1,
            problem: problem.to_owned(),
        };
        let words: Vec<&'static str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => (),
            [first, ..] if first.starts_with('#') => (),
            ["enum", name, values @ ..] => drop(model.enums.insert(name, values.to_vec())),
            ["struct", name] => {
                model.structures.insert(name, Vec::new());
                structure = Some(*name);
            }
            ["operation", rest @ ..] => {
                structure = None;
                model
                    .operations
                    .push(operation(rest).ok_or_else(|| failed("not an operation"))?);
            }
            members if line.starts_with("  ") => match structure {
                Some(name) => {
                    let member = member(members).ok_or_else(|| failed("not a member"))?;
                    model.structures.entry(name).or_default().push(member);
                }
                None => {
                    let operation = model.operations.last_mut().ok_or_else(|| failed("errors of nothing"))?;
                    operation.errors = errors(members).ok_or_else(|| failed("not an error"))?;
                }
            },
            _ => return Err(failed("not understood")),
        }
    }
    Ok(model)
}

fn operation(words: &[&'static str]) -> Option<Operation> {
    let [name, method, path, status, input, output, rest @ ..] = words else {
        return None;
    };
    Some(Operation {
        name,
        method,
        path,
        status: status.parse().ok()?,
        input,
        output,
        pages: match rest {
            [] => false,
            ["pages"] => true,
            _ => return None,
        },
        errors: Vec::new(),
    })
}

fn errors(names: &[&'static str]) -> Option<Vec<ErrorType>> {
    let by_name: HashMap<&str, ErrorType> = ErrorType::ALL
        .iter()
        .filter_map(|kind| Some((kind.name().strip_suffix("Exception")?, *kind)))
        .collect();
    names.iter().map(|name| by_name.get(name).copied()).collect()
}

fn member(words: &[&'static str]) -> Option<Member> {
    let [name, rest @ ..] = words else { return None };
    let (location, rest) = match rest {
        ["@path", rest @ ..] => (Location::Path, rest),
        ["@query", rest @ ..] => (Location::Query, rest),
        rest => (Location::Body, rest),
    };
    Some(Member {
        name: name.trim_end_matches('*'),
        required: name.ends_with('*'),
        location,
        shape: shape(rest)?,
    })
}

fn shape(words: &[&'static str]) -> Option<Shape> {
    let [kind, rest @ ..] = words else { return None };
    let alone = |shape| rest.is_empty().then_some(shape);
    match *kind {
        "string" => {
            let (bounds, rest) = match rest {
                [range, rest @ ..] if !range.starts_with('/') => (bounds(range)?, rest),
                rest => (Bounds::default(), rest),
            };
            let pattern = match rest {
                [] => None,
                [pattern] => Some(pattern.strip_prefix('/')?.strip_suffix('/')?),
                _ => return None,
            };
            Some(Shape::String(bounds, pattern))
        }
        "int" | "long" => {
            let bounds = match rest {
                [] => Bounds::default(),
                [range] => bounds(range)?,
                _ => return None,
            };
            let bits = if *kind == "int" { 32 } else { 64 };
            Some(Shape::Integer { bits, bounds })
        }
        "double" => alone(Shape::Double),
        "boolean" => alone(Shape::Boolean),
        "blob" => alone(Shape::Blob),
        "timestamp" => alone(Shape::Timestamp),
        "map" => Some(Shape::Map(Box::new(shape(rest)?))),
        "list" => Some(Shape::List(Bounds::default(), Box::new(shape(rest)?))),
        bounded if bounded.starts_with("list[") => {
            let range = bounded.strip_prefix("list[")?.strip_suffix(']')?;
            Some(Shape::List(bounds(range)?, Box::new(shape(rest)?)))
        }
        name => alone(Shape::Named(name)),
    }
}

/// `1..64`, `1..` or `..64`.
fn bounds(text: &str) -> Option<Bounds> {
    let (min, max) = text.split_once("..")?;
    let side = |text: &str| match text {
        "" => Some(None),
        text => text.parse().ok().map(Some),
    };
    Some(Bounds {
        min: side(min)?,
        max: side(max)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let model = parse(
            "enum Colour RED BLUE\nstruct In\n  name* @path string 1..64 /^a$/\n  many list[1..2] Colour\n  tags map string\n\
             operation Do PUT /v1/{name} 200 In - pages\n  BadRequest NotFound\n",
        )
        .unwrap();
        assert_eq!(model.enums["Colour"], ["RED", "BLUE"]);
        let members = &model.structures["In"];
        let bounds = |min, max| Bounds {
            min: Some(min),
            max: Some(max),
        };
        assert_eq!(members[0].shape, Shape::String(bounds(1, 64), Some("^a$")));
        assert!(members[0].required && members[0].location == Location::Path);
        assert_eq!(
            members[1].shape,
            Shape::List(bounds(1, 2), Box::new(Shape::Named("Colour")))
        );
        let operation = &model.operations[0];
        assert!(operation.pages);
        assert_eq!(operation.errors, [ErrorType::BadRequest, ErrorType::NotFound]);
    }

    #[test]
    fn nonsense_is_refused_with_its_line() {
        for (text, line) in [
            ("what", 1),
            ("struct A\n  b", 2),
            ("operation A GET", 1),
            ("operation A GET / 200 - -\n  No", 2),
        ] {
            assert_eq!(parse(text).unwrap_err().line, line, "{text}");
        }
    }
}
