//! The audit log: every call that is more than a look at who is here, one JSON line each. Bodies are never in it.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use control_plane_api::identities::AuditedCall;
use parking_lot::Mutex;

use super::request::Request;
use crate::error::OperationError;

/// Bytes after which a new file is begun; one older file is kept.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Calls that are shown when nobody says how many, and at most.
const CALLS_DEFAULT: usize = 100;
const CALLS_MAX: usize = 10_000;

/// The log.
pub(crate) struct AuditLog {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    file: File,
    bytes: u64,
}

/// Which calls are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AuditQuery {
    /// Part of the principal's ARN.
    pub(crate) principal: Option<String>,
    /// Part of the action.
    pub(crate) action: Option<String>,
    /// Part of the resource's ARN.
    pub(crate) resource: Option<String>,
    /// Only calls that were not carried out.
    pub(crate) failed: bool,
    /// Only calls from this moment on, ISO 8601.
    pub(crate) since: Option<String>,
    /// How many at most.
    pub(crate) limit: usize,
}

impl AuditQuery {
    /// Reads the query of a request.
    pub(crate) fn of(request: &Request) -> Result<Self, OperationError> {
        let text = |name| request.parameter(name).map(str::to_owned);
        let limit = match request.parameter("limit") {
            None => CALLS_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=CALLS_MAX).contains(limit))
                .ok_or_else(|| OperationError::invalid("limit", format!("limit is 1 to {CALLS_MAX}")))?,
        };
        Ok(Self {
            principal: text("principal"),
            action: text("action"),
            resource: text("resource"),
            failed: request.parameter("failed") == Some("true"),
            since: text("since"),
            limit,
        })
    }

    fn wants(&self, call: &AuditedCall) -> bool {
        let part = |wanted: &Option<String>, text: &str| wanted.as_deref().is_none_or(|wanted| text.contains(wanted));
        part(&self.principal, call.principal.as_deref().unwrap_or_default())
            && part(&self.action, &call.action)
            && part(&self.resource, &call.resource)
            && (!self.failed || call.error.is_some())
            && self
                .since
                .as_ref()
                .is_none_or(|since| call.time.as_str() >= since.as_str())
    }
}

impl AuditLog {
    /// Opens the log, or begins one.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(Self {
            path: path.to_owned(),
            state: Mutex::new(append_to(path)?),
        })
    }

    /// Writes a call down. A disk that is full must not stop the API: the failure goes to the log of the program.
    pub(crate) fn record(&self, call: &AuditedCall) {
        if let Err(error) = self.try_record(call) {
            tracing::error!(%error, action = call.action, request_id = call.request_id, "call cannot be audited");
        }
    }

    fn try_record(&self, call: &AuditedCall) -> io::Result<()> {
        let mut line = serde_json::to_vec(call).map_err(io::Error::other)?;
        line.push(b'\n');
        let mut state = self.state.lock();
        if state.bytes > FILE_BYTES_MAX {
            fs::rename(&self.path, self.older())?;
            *state = append_to(&self.path)?;
        }
        state.file.write_all(&line)?;
        state.bytes += line.len() as u64;
        Ok(())
    }

    fn older(&self) -> PathBuf {
        self.path.with_extension("older.jsonl")
    }

    /// The calls that are asked for, newest first.
    pub(crate) fn query(&self, query: &AuditQuery) -> Result<Vec<AuditedCall>, OperationError> {
        let failed = |error: io::Error| OperationError::Internal(format!("the audit log cannot be read: {error}"));
        let mut calls = std::collections::VecDeque::new();
        for path in [self.older(), self.path.clone()] {
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            for line in BufReader::new(file).lines() {
                // A line that was cut off by a crash is not a call.
                let Ok(call) = serde_json::from_str::<AuditedCall>(&line.map_err(failed)?) else {
                    continue;
                };
                if query.wants(&call) {
                    calls.push_front(call);
                    calls.truncate(query.limit);
                }
            }
        }
        Ok(calls.into())
    }
}

fn append_to(path: &Path) -> io::Result<State> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = File::options().create(true).append(true).mode(0o600).open(path)?;
    let bytes = file.metadata()?.len();
    Ok(State { file, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: u16, action: &str, error: Option<&str>) -> AuditedCall {
        AuditedCall {
            time: format!("2027-01-0{number}T00:00:00.000Z"),
            principal: Some("arn:aws:iam::000000000000:user/ci".to_owned()),
            action: action.to_owned(),
            resource: "*".to_owned(),
            status: 200,
            error: error.map(str::to_owned),
            ..AuditedCall::default()
        }
    }

    #[test]
    fn calls_are_found_again_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/audit.jsonl");
        let log = AuditLog::open(&path).unwrap();
        log.record(&call(1, "kafka:CreateCluster", None));
        log.record(&call(2, "kafka:DeleteCluster", Some("NotFoundException")));
        drop(log);
        // What a crash cuts off does not hide the rest.
        fs::write(&path, [fs::read(&path).unwrap(), b"{\"time\":".to_vec()].concat()).unwrap();
        let log = AuditLog::open(&path).unwrap();
        let all = AuditQuery {
            limit: 10,
            ..AuditQuery::default()
        };
        let found = |query: AuditQuery| {
            log.query(&query)
                .unwrap()
                .into_iter()
                .map(|call| call.action)
                .collect::<Vec<_>>()
        };
        assert_eq!(found(all.clone()), ["kafka:DeleteCluster", "kafka:CreateCluster"]);
        assert_eq!(
            found(AuditQuery {
                failed: true,
                ..all.clone()
            }),
            ["kafka:DeleteCluster"]
        );
        assert_eq!(
            found(AuditQuery {
                action: Some("Create".to_owned()),
                ..all.clone()
            }),
            ["kafka:CreateCluster"]
        );
        assert_eq!(
            found(AuditQuery {
                since: Some("2027-01-02".to_owned()),
                ..all.clone()
            }),
            ["kafka:DeleteCluster"]
        );
        assert_eq!(
            found(AuditQuery {
                limit: 1,
                ..all.clone()
            }),
            ["kafka:DeleteCluster"]
        );
        assert!(
            found(AuditQuery {
                principal: Some("root".to_owned()),
                ..all
            })
            .is_empty()
        );
    }
}
