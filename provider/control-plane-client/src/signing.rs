//! Signs a request with AWS signature version 4, as the control plane and every AWS client expect it.

use std::time::SystemTime;

use aws_credential_types::Credentials as SigningKey;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningError, SigningSettings, sign},
    sign::v4,
};

use crate::credentials::Credentials;

/// The parts of a request a signature covers.
pub(crate) struct Signable<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(&'static str, String)],
    pub(crate) body: &'a [u8],
}

/// The headers that make the request a signed one.
pub(crate) fn signature_headers(
    request: &Signable<'_>,
    credentials: &Credentials,
    service: &str,
    now: SystemTime,
) -> Result<Vec<(String, String)>, SigningError> {
    let identity = SigningKey::new(
        &credentials.access_key,
        &credentials.secret_key,
        None,
        None,
        "control-plane-client",
    )
    .into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&credentials.region)
        .name(service)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .expect("every field of the parameters is set")
        .into();
    let signable = SignableRequest::new(
        request.method,
        request.url,
        request.headers.iter().map(|(name, value)| (*name, value.as_str())),
        SignableBody::Bytes(request.body),
    )?;
    let (instructions, _signature) = sign(signable, &params)?.into_parts();
    Ok(instructions
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}
