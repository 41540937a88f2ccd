//! Checks AWS Signature Version 4, in the `Authorization` header or in the query (a presigned URL).
//!
//! Source: "Create a signed AWS API request" in the IAM user guide. For every service but S3 the path, encoded already, is
//! encoded once more. The body is always hashed here: a payload that is not signed, or signed in chunks, is refused.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};

use super::request::Request;

/// The only algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far the clocks of both sides may be apart, and how long a signature in a header is good for.
const SKEW_MS_MAX: i64 = 15 * 60 * 1000;
/// How long a presigned URL may be good for, seconds.
const EXPIRES_S_MAX: i64 = 7 * 24 * 60 * 60;
/// What stays as it is in a signature.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The parameter of a presigned URL that is not signed itself.
const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";
/// What comes with temporary credentials: a header, or a parameter of a presigned URL.
const TOKEN_PARAMETER: &str = "X-Amz-Security-Token";

/// Why a request is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distrust {
    /// It is not signed.
    Unsigned,
    /// The access key is not known, or disabled.
    UnknownKey,
    /// There are temporary credentials in it, which this runtime does not give.
    SessionToken,
    /// The signature is not that of this request.
    Mismatch,
    /// A header that must be signed is not.
    UnsignedHeader,
    /// The body is not signed, or in chunks.
    UnsignedPayload,
    /// The clocks are too far apart, or the signature is too old.
    Skewed,
}

/// What a signature says of itself, before it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    /// Id of the access key.
    pub(crate) access_key: String,
    /// Region that was signed for.
    pub(crate) region: String,
    /// Service that was signed for.
    pub(crate) service: String,
    scope: String,
    date: String,
    time: String,
    signed_headers: String,
    signature: String,
    /// How long it is good for, when it is in the query; seconds.
    expires_s: Option<i64>,
}

impl Signature {
    /// Reads the signature of a request.
    pub(crate) fn read(request: &Request) -> Result<Self, Distrust> {
        match request.header("authorization") {
            Some(header) => Self::from_header(request, header),
            None => Self::from_query(request),
        }
    }

    fn from_header(request: &Request, header: &str) -> Result<Self, Distrust> {
        let rest = header.strip_prefix(ALGORITHM).ok_or(Distrust::Unsigned)?;
        let part = |name: &str| {
            let found = rest.split(',').find_map(|part| part.trim().strip_prefix(name));
            found
                .and_then(|value| value.strip_prefix('='))
                .ok_or(Distrust::Unsigned)
        };
        let time = request.header("x-amz-date").ok_or(Distrust::Unsigned)?;
        Self::new(
            part("Credential")?,
            time,
            part("SignedHeaders")?,
            part("Signature")?,
            None,
        )
    }

    fn from_query(request: &Request) -> Result<Self, Distrust> {
        let part = |name| request.parameter(name).ok_or(Distrust::Unsigned);
        if part("X-Amz-Algorithm")? != ALGORITHM {
            return Err(Distrust::Unsigned);
        }
        let expires_s = part("X-Amz-Expires")?.parse().ok();
        let expires_s = expires_s
            .filter(|seconds| (1..=EXPIRES_S_MAX).contains(seconds))
            .ok_or(Distrust::Skewed)?;
        Self::new(
            part("X-Amz-Credential")?,
            part("X-Amz-Date")?,
            part("X-Amz-SignedHeaders")?,
            part(SIGNATURE_PARAMETER)?,
            Some(expires_s),
        )
    }

    fn new(
        credential: &str,
        time: &str,
        headers: &str,
        signature: &str,
        expires_s: Option<i64>,
    ) -> Result<Self, Distrust> {
        let (access_key, scope) = credential.split_once('/').ok_or(Distrust::Unsigned)?;
        let [date, region, service, "aws4_request"] = scope.split('/').collect::<Vec<_>>()[..] else {
            return Err(Distrust::Unsigned);
        };
        Ok(Self {
            access_key: access_key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            scope: scope.to_owned(),
            date: date.to_owned(),
            time: time.to_owned(),
            signed_headers: headers.to_owned(),
            signature: signature.to_owned(),
            expires_s,
        })
    }

    /// How long it is good for, seconds, when it is in the query.
    pub(crate) fn expires_s(&self) -> Option<i64> {
        self.expires_s
    }

    /// Succeeds when it is that of `request`, made with `secret_key`, and good at `now_ms`.
    pub(crate) fn verify(&self, request: &Request, secret_key: &str, now_ms: i64) -> Result<(), Distrust> {
        let signed_ms = unix_ms(&self.time).ok_or(Distrust::Mismatch)?;
        let good_for_ms = self.expires_s.map_or(SKEW_MS_MAX, |seconds| seconds * 1000);
        if signed_ms - now_ms > SKEW_MS_MAX || now_ms - signed_ms > good_for_ms {
            return Err(Distrust::Skewed);
        }
        let names: Vec<&str> = self.signed_headers.split(';').collect();
        let mut wanted = request.headers.keys().map(http::HeaderName::as_str);
        let must_be_signed = |name: &str| name == "host" || name.starts_with("x-amz-");
        if !names.contains(&"host") || wanted.any(|name| must_be_signed(name) && !names.contains(&name)) {
            return Err(Distrust::UnsignedHeader);
        }
        let payload = hex(digest::digest(&digest::SHA256, &request.body).as_ref());
        match request.header("x-amz-content-sha256") {
            Some(said) if said == "UNSIGNED-PAYLOAD" || said.starts_with("STREAMING-") => {
                return Err(Distrust::UnsignedPayload);
            }
            Some(said) if said != payload => return Err(Distrust::Mismatch),
            _ => (),
        }
        if !self.time.starts_with(&self.date) {
            return Err(Distrust::Mismatch);
        }
        let canonical = canonical_request(request, &names, &payload);
        let digest = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let text = format!("{ALGORITHM}\n{}\n{}\n{digest}", self.time, self.scope);
        let mut key = format!("AWS4{secret_key}").into_bytes();
        for part in [&self.date, &self.region, &self.service, "aws4_request"] {
            key = mac(&key, part.as_bytes());
        }
        let wanted = hex(&mac(&key, text.as_bytes()));
        if !same(wanted.as_bytes(), self.signature.as_bytes()) {
            return Err(Distrust::Mismatch);
        }
        if request.header(TOKEN_PARAMETER).is_some() || request.parameter(TOKEN_PARAMETER).is_some() {
            return Err(Distrust::SessionToken);
        }
        Ok(())
    }
}

fn canonical_request(request: &Request, names: &[&str], payload: &str) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let path: Vec<String> = request.raw_path.split('/').map(encoded).collect();
    let mut pairs: Vec<(String, String)> = request
        .query
        .iter()
        .filter(|(name, _)| name != SIGNATURE_PARAMETER)
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    pairs.sort();
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers: String = names.iter().map(|name| canonical_header(request, name)).collect();
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
        http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
        sign::v4,
    };
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;

    /// A request that AWS's own library has signed.
    fn signed(path: &str, body: &[u8], location: SignatureLocation) -> Request {
        let uri: http::Uri = format!("http://127.0.0.1:8479{path}").parse().unwrap();
        let identity = aws_credential_types::Credentials::new("AKIAEXAMPLE", "right", None, None, "test").into();
        let mut settings = SigningSettings::default();
        settings.signature_location = location;
        settings.expires_in = (location == SignatureLocation::QueryParams).then_some(Duration::from_secs(60));
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("eu-west-1")
            .name("kafka")
            .time(UNIX_EPOCH + Duration::from_millis(u64::try_from(NOW_MS).unwrap()))
            .settings(settings)
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
        let mut request = Request::new(Method::POST, &uri, headers, body.to_vec());
        let parameters = instructions.params().iter();
        request
            .query
            .extend(parameters.map(|(name, value)| ((*name).to_owned(), value.clone().into_owned())));
        request
    }

    fn verified(request: &Request, secret_key: &str, now_ms: i64) -> Result<(String, String), Distrust> {
        let signature = Signature::read(request)?;
        signature.verify(request, secret_key, now_ms)?;
        Ok((signature.service, signature.region))
    }

    const ARN: &str = "/v1/clusters/arn%3Aaws%3Akafka%3Aus-east-1%3A000000000000%3Acluster%2Forders%2Fu-1/topics?maxResults=5&a=b%20c";

    #[test]
    fn signature_of_aws_own_library_is_believed_and_no_other() {
        for path in ["/v1/clusters", ARN] {
            let mut request = signed(path, b"{}", SignatureLocation::Headers);
            let believed = Ok(("kafka".to_owned(), "eu-west-1".to_owned()));
            assert_eq!(verified(&request, "right", NOW_MS), believed, "{path}");
            assert_eq!(verified(&request, "right", NOW_MS + SKEW_MS_MAX), believed);
            assert_eq!(verified(&request, "wrong", NOW_MS), Err(Distrust::Mismatch));
            for now_ms in [NOW_MS + SKEW_MS_MAX + 1, NOW_MS - SKEW_MS_MAX - 1] {
                assert_eq!(verified(&request, "right", now_ms), Err(Distrust::Skewed));
            }
            request.body = b"{ }".to_vec();
            assert_eq!(verified(&request, "right", NOW_MS), Err(Distrust::Mismatch));
        }
        let mut request = signed("/v1/clusters", b"{}", SignatureLocation::Headers);
        request.headers.remove("authorization");
        assert_eq!(verified(&request, "right", NOW_MS), Err(Distrust::Unsigned));
    }

    #[test]
    fn presigned_urls_are_good_for_as_long_as_they_say() {
        for path in ["/v1/clusters", ARN] {
            let mut request = signed(path, b"", SignatureLocation::QueryParams);
            assert!(verified(&request, "right", NOW_MS + 60_000).is_ok(), "{path}");
            assert_eq!(verified(&request, "wrong", NOW_MS), Err(Distrust::Mismatch));
            assert_eq!(verified(&request, "right", NOW_MS + 60_001), Err(Distrust::Skewed));
            request.query.push(("maxResults".to_owned(), "1".to_owned()));
            assert_eq!(verified(&request, "right", NOW_MS), Err(Distrust::Mismatch));
        }
    }

    #[test]
    fn everything_that_matters_must_be_signed() {
        let mut request = signed("/v1/clusters", b"{}", SignatureLocation::Headers);
        request
            .headers
            .insert("x-amz-target", HeaderValue::from_static("other"));
        assert_eq!(verified(&request, "right", NOW_MS), Err(Distrust::UnsignedHeader));
        for payload in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"] {
            let mut request = signed("/v1/clusters", b"{}", SignatureLocation::Headers);
            request
                .headers
                .insert("x-amz-content-sha256", HeaderValue::from_static(payload));
            let header = request.header("authorization").unwrap();
            let header = header.replace("SignedHeaders=", "SignedHeaders=x-amz-content-sha256;");
            request
                .headers
                .insert("authorization", HeaderValue::from_str(&header).unwrap());
            assert_eq!(verified(&request, "right", NOW_MS), Err(Distrust::UnsignedPayload));
        }
    }
}
