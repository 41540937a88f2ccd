//! A request, read in full: its path in segments, its query in pairs.

use std::collections::BTreeMap;

use control_plane_api::clusters::{IDEMPOTENCY_HEADER, VALIDATE_ONLY_HEADER};
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::{error::OperationError, operations::Attempt};

/// A request.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// As it came, percent-encoded.
    pub(crate) raw_path: String,
    /// Segments of the path, decoded: an ARN is one of them.
    pub(crate) segments: Vec<String>,
    /// Pairs of the query, decoded, in the order they came.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Takes a request apart.
    pub(crate) fn new(method: Method, uri: &http::Uri, headers: HeaderMap, body: Vec<u8>) -> Self {
        Self {
            method,
            raw_path: uri.path().to_owned(),
            segments: uri.path().split('/').skip(1).map(decoded).collect(),
            query: uri
                .query()
                .unwrap_or_default()
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                })
                .collect(),
            headers,
            body,
        }
    }

    /// How something is to be made: once, although it may be asked for twice, or not at all.
    pub(crate) fn attempt(&self) -> Attempt {
        Attempt {
            idempotency_token: self.idempotency_token(),
            validate_only: self.validate_only(),
        }
    }

    /// The caller's token for a creation that may be asked for twice.
    pub(crate) fn idempotency_token(&self) -> Option<String> {
        self.header(IDEMPOTENCY_HEADER).map(str::to_owned)
    }

    /// Nothing is to be done.
    pub(crate) fn validate_only(&self) -> bool {
        self.header(VALIDATE_ONLY_HEADER) == Some("true")
    }

    /// A header, when it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first value of a query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// All values of a query parameter.
    pub(crate) fn parameters(&self, name: &str) -> Vec<String> {
        let own = self.query.iter().filter(|(known, _)| known == name);
        own.map(|(_, value)| value.clone()).collect()
    }

    /// The body; an empty one counts as an empty object.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, OperationError> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body)
            .map_err(|error| OperationError::unreadable(format!("the body of the request cannot be read: {error}")))
    }

    /// The body of an HTML form.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        let text = String::from_utf8_lossy(&self.body).replace('+', " ");
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
