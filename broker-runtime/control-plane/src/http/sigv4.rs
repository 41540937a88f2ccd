//! Checks AWS Signature Version 4 in the `Authorization` header.
//!
//! Source: "Create a signed AWS API request" in the IAM user guide. For every service but S3 the path, encoded already, is
//! encoded once more.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};

use super::{credentials::Credentials, request::Request};

/// The only algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far the clocks of both sides may be apart.
const SKEW_MS_MAX: i64 = 15 * 60 * 1000;
/// What stays as it is in a signature.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a request is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distrust {
    /// It is not signed.
    Unsigned,
    /// The access key is not known.
    UnknownKey,
    /// The signature is not that of this request.
    Mismatch,
    /// The clocks are too far apart.
    Skewed,
}

/// What an `Authorization` header says.
struct Authorization<'a> {
    access_key: &'a str,
    scope: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

/// The service that a request was signed for.
pub(crate) fn verify(request: &Request, credentials: &Credentials, now_ms: i64) -> Result<String, Distrust> {
    let header = request.header("authorization").ok_or(Distrust::Unsigned)?;
    let said = parse(header).ok_or(Distrust::Unsigned)?;
    if !same(said.access_key.as_bytes(), credentials.access_key.as_bytes()) {
        return Err(Distrust::UnknownKey);
    }
    let time = request.header("x-amz-date").ok_or(Distrust::Unsigned)?;
    let signed_ms = unix_ms(time).ok_or(Distrust::Mismatch)?;
    if signed_ms.abs_diff(now_ms) > SKEW_MS_MAX.unsigned_abs() {
        return Err(Distrust::Skewed);
    }
    let names: Vec<&str> = said.signed_headers.split(';').collect();
    if !time.starts_with(said.date) || !names.contains(&"host") || !names.contains(&"x-amz-date") {
        return Err(Distrust::Mismatch);
    }
    let canonical = canonical_request(request, &names);
    let digest = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("{ALGORITHM}\n{time}\n{}\n{digest}", said.scope);
    let mut key = format!("AWS4{}", credentials.secret_key).into_bytes();
    for part in [said.date, said.region, said.service, "aws4_request"] {
        key = mac(&key, part.as_bytes());
    }
    let wanted = hex(&mac(&key, text.as_bytes()));
    if same(wanted.as_bytes(), said.signature.as_bytes()) {
        Ok(said.service.to_owned())
    } else {
        Err(Distrust::Mismatch)
    }
}

fn parse(header: &str) -> Option<Authorization<'_>> {
    let rest = header.strip_prefix(ALGORITHM)?;
    let part = |name: &str| {
        let found = rest.split(',').find_map(|part| part.trim().strip_prefix(name));
        found.and_then(|value| value.strip_prefix('='))
    };
    let (access_key, scope) = part("Credential")?.split_once('/')?;
    let mut parts = scope.split('/');
    let (date, region, service) = (parts.next()?, parts.next()?, parts.next()?);
    (parts.next() == Some("aws4_request") && parts.next().is_none()).then_some(Authorization {
        access_key,
        scope,
        date,
        region,
        service,
        signed_headers: part("SignedHeaders")?,
        signature: part("Signature")?,
    })
}

fn canonical_request(request: &Request, names: &[&str]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let path: Vec<String> = request.raw_path.split('/').map(encoded).collect();
    let mut pairs: Vec<(String, String)> = request
        .query
        .iter()
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers: String = names.iter().map(|name| canonical_header(request, name)).collect();
    let payload = hex(digest::digest(&digest::SHA256, &request.body).as_ref());
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{payload}",
        request.method,
        path.join("/"),
        query.join("&"),
        names.join(";")
    )
}

fn canonical_header(request: &Request, name: &str) -> String {
    let values = request
        .headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let values: Vec<String> = values
        .map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    format!("{name}:{}\n", values.join(","))
}

/// `20270115T093000Z` in milliseconds since 1970.
fn unix_ms(time: &str) -> Option<i64> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_timestamp(time).ok()?.as_millisecond())
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text).as_ref().to_vec()
}

/// Compares in a time that says nothing about where the difference is.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .fold(0, |differs, (one, other)| differs | (one ^ other))
            == 0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_sigv4::{
        http_request::{SignableBody, SignableRequest, SigningSettings, sign},
        sign::v4,
    };
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn credentials(secret: &str) -> Credentials {
        Credentials {
            access_key: "AKIAEXAMPLE".to_owned(),
            secret_key: secret.to_owned(),
        }
    }

    /// A request that AWS's own library has signed.
    fn signed(path: &str, body: &[u8]) -> Request {
        let uri: http::Uri = format!("http://127.0.0.1:8479{path}").parse().unwrap();
        let identity = aws_credential_types::Credentials::new("AKIAEXAMPLE", "right", None, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("kafka")
            .time(UNIX_EPOCH + Duration::from_millis(u64::try_from(NOW_MS).unwrap()))
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let text = uri.to_string();
        let signable = SignableRequest::new("POST", &text, std::iter::empty(), SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(signable, &params).unwrap().into_parts();
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("127.0.0.1:8479"));
        for (name, value) in instructions.headers() {
            headers.insert(
                HeaderName::try_from(name).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        Request::new(Method::POST, &uri, headers, body.to_vec())
    }

    #[test]
    fn signature_of_aws_own_library_is_believed_and_no_other() {
        let arn = "/v1/clusters/arn%3Aaws%3Akafka%3Aus-east-1%3A000000000000%3Acluster%2Forders%2Fu-1/topics?maxResults=5&a=b%20c";
        for path in ["/v1/clusters", arn] {
            let mut request = signed(path, b"{}");
            assert_eq!(
                verify(&request, &credentials("right"), NOW_MS),
                Ok("kafka".to_owned()),
                "{path}"
            );
            assert_eq!(verify(&request, &credentials("wrong"), NOW_MS), Err(Distrust::Mismatch));
            assert_eq!(
                verify(&request, &credentials("right"), NOW_MS + 2 * SKEW_MS_MAX),
                Err(Distrust::Skewed)
            );
            request.body = b"{ }".to_vec();
            assert_eq!(verify(&request, &credentials("right"), NOW_MS), Err(Distrust::Mismatch));
        }
        let mut request = signed("/v1/clusters", b"{}");
        request.headers.remove("authorization");
        assert_eq!(verify(&request, &credentials("right"), NOW_MS), Err(Distrust::Unsigned));
    }
}
