//! What failures of hosts and of Kafka mean to the caller of the engine.

use engine::EngineError;
use hosts::HostError;

/// Of a host.
pub(crate) fn host_error(error: HostError) -> EngineError {
    match error {
        HostError::Unreachable { host, reason } => EngineError::Environment {
            problem: format!("host {host} cannot be reached: {reason}"),
            remedy: "bring it or its agent back, or say that it is dead (`broker-runtime hosts dead`)".to_owned(),
        },
        HostError::Environment { host, problem, remedy } => EngineError::Environment {
            problem: format!("on host {host}: {problem}"),
            remedy,
        },
        refused @ HostError::Refused { .. } => EngineError::Internal {
            context: "giving orders to a host".to_owned(),
            source: refused.into(),
        },
    }
}
