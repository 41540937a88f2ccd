//! Texts that Kafka reads, and what they mean.

use control_plane_api::server_properties;
use plugin_framework::{
    FunctionError, Parameter, Signature,
    value::{Type, Value},
};

use super::pure::{Pure, text};

/// `bootstrap_brokers(string)`.
pub(super) fn bootstrap_brokers() -> Pure {
    Pure {
        name: "bootstrap_brokers",
        signature: Signature {
            summary: "A bootstrap string as a list",
            description: "The `host:port` of each broker in a bootstrap string, sorted; an empty list for an empty string.",
            parameters: vec![Parameter::new(
                "string",
                Type::String,
                "A bootstrap string, such as `a:9094,b:9094`.",
            )],
            variadic: None,
            returns: Type::list_of_strings(),
        },
        call: |arguments| {
            let entries = text(arguments, 0).split(',').map(str::trim);
            let mut brokers: Vec<&str> = entries.filter(|entry| !entry.is_empty()).collect();
            brokers.sort_unstable();
            Ok(Value::strings(brokers))
        },
    }
}

/// `parse_server_properties(text)`.
pub(super) fn parse_server_properties() -> Pure {
    Pure {
        name: "parse_server_properties",
        signature: Signature {
            summary: "The text of server.properties as a map",
            description: "Each property of a text as `server.properties` has it. What is wrong in it is told with its line.",
            parameters: vec![Parameter::new("text", Type::String, "Text of `server.properties`.")],
            variadic: None,
            returns: Type::map_of_strings(),
        },
        call: |arguments| {
            let parsed = server_properties::parse(text(arguments, 0)).map_err(|problems| wrong(&problems))?;
            Ok(Value::map_of_strings(&parsed.into_map()))
        },
    }
}

/// `server_properties(map)`.
pub(super) fn server_properties() -> Pure {
    Pure {
        name: "server_properties",
        signature: Signature {
            summary: "A map as the text of server.properties",
            description: "A text as `server_properties` of `msk_configuration` takes it, checked, with a line for each entry.",
            parameters: vec![Parameter::new(
                "properties",
                Type::map_of_strings(),
                "Values by name of the property.",
            )],
            variadic: None,
            returns: Type::String,
        },
        call: |arguments| {
            let mut lines = String::new();
            for (name, value) in arguments[0].as_map().into_iter().flatten() {
                let value = value
                    .as_str()
                    .ok_or_else(|| FunctionError::argument(0, format!("{name} must not be null")))?;
                lines.push_str(&format!("{} = {}\n", escaped(name), escaped(value)));
            }
            server_properties::parse(&lines).map_err(|problems| wrong(&problems))?;
            Ok(Value::string(lines))
        },
    }
}

fn wrong(problems: &[server_properties::PropertyError]) -> FunctionError {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    FunctionError::argument(0, texts.join("; "))
}

/// As `java.util.Properties` reads it back.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for (index, character) in text.chars().enumerate() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            ' ' if index == 0 => escaped.push_str("\\ "),
            '#' | '!' | '=' | ':' if index == 0 => {
                escaped.push('\\');
                escaped.push(character);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use plugin_framework::Function;

    use super::*;

    fn map(entries: &[(&str, &str)]) -> Value {
        let entries: BTreeMap<String, String> = entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Value::map_of_strings(&entries)
    }

    #[test]
    fn bootstrap_strings_become_lists() {
        let list = |text: &str| bootstrap_brokers().call(&[Value::string(text)]).unwrap();
        assert_eq!(list("b:1, a:1,"), Value::strings(["a:1", "b:1"]));
        assert_eq!(list(""), Value::List(Vec::new()));
    }

    #[test]
    fn properties_make_the_round_trip() {
        let properties = map(&[("log.retention.hours", "24"), ("num.partitions", "3")]);
        let text = server_properties().call(std::slice::from_ref(&properties)).unwrap();
        assert_eq!(text.as_str(), Some("log.retention.hours = 24\nnum.partitions = 3\n"));
        assert_eq!(parse_server_properties().call(&[text]).unwrap(), properties);
        for wrong in [("no.such.property", "1"), ("num.partitions", "many")] {
            let error = server_properties().call(&[map(&[wrong])]).unwrap_err();
            assert!(error.text.contains(wrong.0), "{error:?}");
        }
    }
}
