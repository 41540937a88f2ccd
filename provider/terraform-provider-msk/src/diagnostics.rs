//! Turns what went wrong on the way to the control plane into what a person reads: what happened, and what to do
//! about it. No other file does.

use control_plane_client::Error;
use plugin_framework::{Diagnostics, value::Path};

use crate::{bundled_runtime::BundledRuntimeError, connection::ConnectError};

/// A headline and what stands under it.
#[derive(Debug, PartialEq, Eq)]
struct Explanation {
    summary: String,
    detail: String,
}

fn explanation(summary: impl Into<String>, detail: impl Into<String>) -> Explanation {
    Explanation {
        summary: summary.into(),
        detail: detail.into(),
    }
}

/// Why there is no control plane.
pub(crate) fn of_connecting(error: &ConnectError) -> Diagnostics {
    let Explanation { summary, detail } = match error {
        ConnectError::Call(error) => explain_call("connect to the control plane", error),
        ConnectError::CaFile { .. } => explanation(
            "Certificates of authorities cannot be read",
            format!(
                "{error}.\n\nca_file in the provider block, or OPENMSK_CA_FILE or AWS_CA_BUNDLE, has to name a file with \
                 certificates in PEM."
            ),
        ),
        ConnectError::Bundled(error) => explain_bundled_runtime(error),
    };
    Diagnostics::from_error(summary, detail)
}

/// Why a call failed; `doing` completes "cannot …". An error about a parameter is shown at its argument.
pub(crate) fn of_call(doing: &str, error: &Error) -> Diagnostics {
    let Explanation { summary, detail } = explain_call(doing, error);
    let parameter = match error {
        Error::BadRequest { invalid_parameter, .. } => invalid_parameter.as_deref(),
        _ => None,
    };
    match parameter.and_then(argument_of) {
        Some(argument) => Diagnostics::from_attribute_error(Path::attribute(argument), summary, detail),
        None => Diagnostics::from_error(summary, detail),
    }
}

/// Why something was found that a person has to take over first.
pub(crate) fn of_existing(what: &str, name: &str, import: &str) -> Diagnostics {
    Diagnostics::from_error(
        format!("There is a {what} {name:?} already"),
        format!(
            "It was not made by this configuration. Choose another name, or take it over with: terraform import {import}"
        ),
    )
}

/// The argument of a resource that a parameter of the API comes from.
fn argument_of(parameter: &str) -> Option<&'static str> {
    Some(match parameter {
        "clusterName" => "cluster_name",
        "numberOfBrokerNodes" | "targetNumberOfBrokerNodes" => "number_of_broker_nodes",
        "kafkaVersion" => "kafka_version",
        "configurationInfo" | "configurationArn" | "configurationRevision" => "configuration_info",
        "clientAuthentication" => "client_authentication",
        "encryptionInfo" => "encryption_info",
        "tags" => "tags",
        "serverProperties" => "server_properties",
        "name" | "topicName" => "name",
        "description" => "description",
        "kafkaVersions" => "kafka_versions",
        "partitionCount" => "partition_count",
        "replicationFactor" => "replication_factor",
        "configs" => "configs",
        "policy" => "policy",
        _ => return None,
    })
}

/// Why nobody was reached; `None` for other errors.
fn explain_connection(error: &Error) -> Option<Explanation> {
    Some(match error {
        Error::InvalidEndpoint { endpoint } => explanation(
            "Invalid endpoint",
            format!(
                "{endpoint:?} is not an address of the form http://host:port or https://host:port, which endpoint has to be."
            ),
        ),
        Error::InvalidAuthorities { .. } => explanation(
            "Certificates of authorities cannot be used",
            format!(
                "{}.\n\nca_file in the provider block, or OPENMSK_CA_FILE or AWS_CA_BUNDLE, has to name a file with \
                 certificates in PEM.",
                capitalised(&causes(error))
            ),
        ),
        Error::Unreachable { endpoint, .. } if causes(error).contains("certificate") => explanation(
            format!("The control plane at {endpoint} is not believed"),
            format!(
                "{}.\n\nName the certificate of its authority in ca_file of the provider block, or in OPENMSK_CA_FILE: for \
                 broker-runtime serve --tls auto that is tls/ca.pem in its data directory. The name of the host in endpoint has to be \
                 one that its certificate is for.",
                capitalised(&causes(error))
            ),
        ),
        Error::Unreachable { endpoint, .. } => explanation(
            format!("Cannot reach the control plane at {endpoint}"),
            format!(
                "Nobody answers there: {}.\n\nCheck that the runtime runs (broker-runtime status) and that endpoint in the \
                 provider block, or OPENMSK_ENDPOINT, is its address. Without an endpoint, the provider starts a runtime \
                 on this machine by itself.",
                causes(error)
            ),
        ),
        _ => return None,
    })
}

fn explain_call(doing: &str, error: &Error) -> Explanation {
    let cannot = format!("Cannot {doing}");
    if let Some(explanation) = explain_connection(error) {
        return explanation;
    }
    match error {
        // The words of the control plane; the key is right then.
        Error::Unauthorized { endpoint, message } if message.contains("clocks of caller and control plane") => {
            explanation(
                "The clocks of this machine and of the control plane differ",
                format!(
                    "{endpoint} answered: {message}.\n\nHave both set by the same source of time (timedatectl shows whether one is), then \
                 try again.",
                    message = message.trim_end_matches('.')
                ),
            )
        }
        Error::Unauthorized { endpoint, message } => explanation(
            "The control plane refused the credentials",
            format!(
                "{endpoint} answered: {message}.\n\nCheck access_key and secret_key in the provider block, or \
                 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. The runtime keeps valid ones in the file credentials in its \
                 data directory.",
                message = message.trim_end_matches('.')
            ),
        ),
        Error::Malformed { endpoint, .. } => explanation(
            format!("{endpoint} is not an OpenMSK control plane of this version"),
            format!(
                "{} ({}). Check endpoint in the provider block, and that broker-runtime and the provider are of the same \
                 version ({}).",
                capitalised(&error.to_string()),
                causes(error),
                env!("CARGO_PKG_VERSION"),
            ),
        ),
        Error::Timeout { .. } => explanation(
            cannot,
            format!(
                "{}. It may still be going on: broker-runtime status shows how far it has come, and the next apply carries \
                 on from there.",
                capitalised(&error.to_string())
            ),
        ),
        Error::Throttled { .. } | Error::Server { .. } => explanation(
            cannot,
            format!(
                "{}. The log of the runtime, in logs/ in its data directory, says more; broker-runtime doctor checks the \
                 machine.",
                capitalised(&error.to_string())
            ),
        ),
        Error::BadRequest {
            invalid_parameter: Some(parameter),
            ..
        } => explanation(
            cannot,
            format!("{} (parameter {parameter})", capitalised(&error.to_string())),
        ),
        _ => explanation(cannot, capitalised(&error.to_string())),
    }
}

#[expect(clippy::too_many_lines, reason = "a flat match: one arm an error")]
fn explain_bundled_runtime(error: &BundledRuntimeError) -> Explanation {
    let what = capitalised(&error.to_string());
    match error {
        BundledRuntimeError::NotFound { .. } => explanation(
            "Cannot find broker-runtime",
            format!(
                "{what}.\n\nThe provider block has no endpoint, so the provider starts the runtime on this machine, and \
                 expects its executable beside its own or in PATH. Install both together, name the executable in \
                 runtime_path, or name a control plane that runs already in endpoint."
            ),
        ),
        BundledRuntimeError::NamedPathMissing { .. } => explanation(
            "Cannot find broker-runtime",
            format!(
                "{what}. runtime_path in the provider block, or OPENMSK_RUNTIME_PATH, has to be the broker-runtime \
                 executable or the directory it is in."
            ),
        ),
        BundledRuntimeError::NotExecutable { path } => explanation(
            "Cannot execute broker-runtime",
            format!("{what}. Make it one with: chmod +x {}", path.display()),
        ),
        BundledRuntimeError::DataDirectory { path, .. } => explanation(
            format!("Cannot use the data directory {}", path.display()),
            format!(
                "{}.\n\nThe runtime keeps its state there. Choose another directory with data_dir in the provider block or \
                 OPENMSK_DATA_DIR, or make this one writable for you.",
                capitalised(&causes(error))
            ),
        ),
        BundledRuntimeError::Execute { path, .. } => explanation(
            "Cannot execute broker-runtime",
            format!(
                "{}: {}. Check that it was built for this machine, or name another one in runtime_path.",
                path.display(),
                causes(error)
            ),
        ),
        BundledRuntimeError::StartFailed { path, text } => explanation(
            "The runtime did not start",
            format!("{} serve reported:\n\n{text}", path.display()),
        ),
        BundledRuntimeError::StartTimedOut { data_dir } => explanation(
            "The runtime did not start",
            format!(
                "{what}. Its log is in {}; broker-runtime doctor checks the machine.",
                data_dir.join("logs").display()
            ),
        ),
        BundledRuntimeError::Unreadable { .. } => explanation(
            "Cannot read the state of the runtime",
            format!(
                "{what}: {}. The runtime wrote it for the user who started it; use the same user, or another directory with \
                 data_dir or OPENMSK_DATA_DIR.",
                causes(error)
            ),
        ),
        BundledRuntimeError::Malformed { path, .. } => explanation(
            "Cannot read the credentials of the runtime",
            format!(
                "{what}. {} is written by the runtime; restore it, or name access_key, secret_key and endpoint in the \
                 provider block.",
                path.display()
            ),
        ),
        BundledRuntimeError::OtherVersion { runtime, .. } => explanation(
            "The runtime is of another version than the provider",
            format!(
                "{what}.\n\nRun broker-runtime stop to let the provider start its own at the next apply (brokers keep \
                 running), or use version {runtime} of the provider."
            ),
        ),
    }
}

/// What is behind an error, from the outside in.
fn causes(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
        next = cause.source();
    }
    texts.join(": ")
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::{io, path::PathBuf};

    use super::*;

    #[test]
    fn every_failure_of_the_bundled_runtime_says_what_to_do() {
        let path = PathBuf::from("/somewhere/broker-runtime");
        let source = || io::Error::from(io::ErrorKind::PermissionDenied);
        let cases = [
            (
                BundledRuntimeError::NotFound {
                    searched: vec![path.clone()],
                },
                "runtime_path",
            ),
            (
                BundledRuntimeError::NamedPathMissing { path: path.clone() },
                "runtime_path",
            ),
            (BundledRuntimeError::NotExecutable { path: path.clone() }, "chmod +x"),
            (
                BundledRuntimeError::DataDirectory {
                    path: path.clone(),
                    source: source(),
                },
                "data_dir",
            ),
            (
                BundledRuntimeError::Execute {
                    path: path.clone(),
                    source: source(),
                },
                "runtime_path",
            ),
            (
                BundledRuntimeError::StartFailed {
                    path: path.clone(),
                    text: "disk full".to_owned(),
                },
                "disk full",
            ),
            (BundledRuntimeError::StartTimedOut { data_dir: path.clone() }, "doctor"),
            (
                BundledRuntimeError::Unreadable {
                    path: path.clone(),
                    source: source(),
                },
                "data_dir",
            ),
            (
                BundledRuntimeError::Malformed {
                    path: path.clone(),
                    missing: "region",
                },
                "region",
            ),
        ];
        for (error, word) in cases {
            let explanation = explain_bundled_runtime(&error);
            assert!(explanation.detail.contains(word), "{explanation:?}");
            let both = format!("{} {}", explanation.summary, explanation.detail);
            assert!(both.contains("/somewhere/broker-runtime"), "{both}");
        }
    }

    #[test]
    fn refused_credentials_name_the_arguments() {
        let error = Error::Unauthorized {
            endpoint: "http://h:1".to_owned(),
            message: "unknown key.".to_owned(),
        };
        let explanation = explain_call("create cluster orders", &error);
        assert!(explanation.detail.contains("access_key"));
        assert!(explanation.detail.contains("unknown key.\n"));
    }

    #[test]
    fn clocks_that_differ_are_not_a_matter_of_keys() {
        let error = Error::Unauthorized {
            endpoint: "http://h:1".to_owned(),
            message: "the signature has expired: the clocks of caller and control plane are more than 15 minutes apart"
                .to_owned(),
        };
        let explanation = explain_call("create cluster orders", &error);
        assert!(explanation.summary.contains("clocks"), "{explanation:?}");
        assert!(!explanation.detail.contains("access_key"), "{explanation:?}");
    }

    #[test]
    fn an_error_about_a_parameter_stands_at_its_argument() {
        let error = Error::BadRequest {
            message: "too many".to_owned(),
            invalid_parameter: Some("numberOfBrokerNodes".to_owned()),
        };
        let diagnostics = of_call("create cluster orders", &error);
        let paths: Vec<String> = diagnostics.iter().map(|it| it.path.to_string()).collect();
        assert_eq!(paths, ["number_of_broker_nodes"]);
    }

    #[test]
    fn causes_are_told_once_and_in_order() {
        let source = io::Error::other(io::Error::other("deep"));
        let error = BundledRuntimeError::DataDirectory {
            path: PathBuf::new(),
            source,
        };
        assert_eq!(causes(&error), "deep");
    }
}
