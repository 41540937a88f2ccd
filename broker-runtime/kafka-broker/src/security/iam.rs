//! What clients send when they log in with the signature of an access key, made into the one form in which it is
//! verified: the URL of a presigned request.
//!
//! * `AWS_MSK_IAM`: a JSON document with the parameters of the URL under lower-case names, and the host that was signed.
//!   Answered with a document of the same version (aws-msk-iam-auth, README).
//! * `OAUTHBEARER`: the URL itself in base64url, as a bearer token (RFC 7628). Its `User-Agent` was added after signing.

use base64::{
    Engine,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use kafka_metadata::rpc::PresignedUrl;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use thiserror::Error;
use uuid::Uuid;

/// Version of the documents of `AWS_MSK_IAM`.
const VERSION: &str = "2020_10_22";
/// What stays as it is in a query.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Base64url, with or without padding: signers differ.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum IamError {
    /// It is no JSON document with the members that are needed.
    #[error("the message is not that of AWS_MSK_IAM")]
    Malformed,
    /// Its version is not ours.
    #[error("the version of the message is not {VERSION}")]
    Version,
    /// It is not a bearer token of RFC 7628.
    #[error("the message is not a bearer token")]
    NoBearer,
    /// The token is not a URL in base64.
    #[error("the token is not a presigned URL")]
    NoUrl,
}

/// The message of `AWS_MSK_IAM`.
#[derive(Deserialize)]
struct Document {
    version: String,
    host: String,
    action: String,
    #[serde(rename = "x-amz-algorithm")]
    algorithm: String,
    #[serde(rename = "x-amz-credential")]
    credential: String,
    #[serde(rename = "x-amz-date")]
    date: String,
    #[serde(rename = "x-amz-security-token")]
    security_token: Option<String>,
    #[serde(rename = "x-amz-signedheaders")]
    signed_headers: String,
    #[serde(rename = "x-amz-expires")]
    expires: String,
    #[serde(rename = "x-amz-signature")]
    signature: String,
}

/// Reads the message of `AWS_MSK_IAM`.
pub(super) fn from_document(message: &[u8]) -> Result<PresignedUrl, IamError> {
    let document: Document = serde_json::from_slice(message).map_err(|_| IamError::Malformed)?;
    if document.version != VERSION {
        return Err(IamError::Version);
    }
    let named = [
        ("Action", Some(document.action)),
        ("X-Amz-Algorithm", Some(document.algorithm)),
        ("X-Amz-Credential", Some(document.credential)),
        ("X-Amz-Date", Some(document.date)),
        ("X-Amz-Expires", Some(document.expires)),
        ("X-Amz-Security-Token", document.security_token),
        ("X-Amz-SignedHeaders", Some(document.signed_headers)),
        ("X-Amz-Signature", Some(document.signature)),
    ];
    let query: Vec<String> = named
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", utf8_percent_encode(&value?, UNRESERVED))))
        .collect();
    Ok(PresignedUrl(format!("https://{}/?{}", document.host, query.join("&"))))
}

/// The answer of `AWS_MSK_IAM` to whoever is let in.
pub(super) fn welcome() -> String {
    format!("{{\"version\":\"{VERSION}\",\"request-id\":\"{}\"}}", Uuid::new_v4())
}

/// Reads the message of `OAUTHBEARER`: a header that ends with the first 0x01, then pairs that end with one each.
pub(super) fn from_bearer(message: &[u8]) -> Result<PresignedUrl, IamError> {
    let text = std::str::from_utf8(message).map_err(|_| IamError::NoBearer)?;
    let mut pairs = text.split('\u{1}').skip(1);
    let token = pairs.find_map(|pair| pair.strip_prefix("auth=")).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let url = BASE64
        .decode(token.ok_or(IamError::NoBearer)?)
        .map_err(|_| IamError::NoUrl)?;
    let url = String::from_utf8(url).map_err(|_| IamError::NoUrl)?;
    if !url.starts_with("https://") {
        return Err(IamError::NoUrl);
    }
    Ok(PresignedUrl(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_becomes_the_url_that_was_signed() {
        let message = br#"{"version":"2020_10_22","host":"b-1.demo","user-agent":"x","action":"kafka-cluster:Connect",
            "x-amz-algorithm":"AWS4-HMAC-SHA256","x-amz-credential":"AKID/20261122/us-east-1/kafka-cluster/aws4_request",
            "x-amz-date":"20261122T104923Z","x-amz-security-token":"tok/en+1==","x-amz-signedheaders":"host",
            "x-amz-expires":"900","x-amz-signature":"ab"}"#;
        assert_eq!(
            from_document(message).unwrap().0,
            "https://b-1.demo/?Action=kafka-cluster%3AConnect&X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKID%2F20261122%2Fus-east-1%2Fkafka-cluster%2Faws4_request&X-Amz-Date=20261122T104923Z\
             &X-Amz-Expires=900&X-Amz-Security-Token=tok%2Fen%2B1%3D%3D&X-Amz-SignedHeaders=host&X-Amz-Signature=ab"
        );
        let later = String::from_utf8_lossy(message).replace("2020_10_22", "2030_01_01");
        assert_eq!(from_document(later.as_bytes()).unwrap_err(), IamError::Version);
        assert_eq!(from_document(b"{}").unwrap_err(), IamError::Malformed);
    }

    #[test]
    fn bearer_token_is_the_url() {
        let token = BASE64.encode("https://kafka.us-east-1.amazonaws.com/?Action=a");
        for token in [token.trim_end_matches('='), token.as_str()] {
            let message = format!("n,,\u{1}auth=Bearer {token}\u{1}extra=1\u{1}\u{1}");
            let url = from_bearer(message.as_bytes()).unwrap().0;
            assert_eq!(url, "https://kafka.us-east-1.amazonaws.com/?Action=a");
        }
        assert_eq!(from_bearer(b"n,,\x01\x01").unwrap_err(), IamError::NoBearer);
        assert_eq!(
            from_bearer(b"n,,\x01auth=Bearer !\x01\x01").unwrap_err(),
            IamError::NoUrl
        );
    }
}
