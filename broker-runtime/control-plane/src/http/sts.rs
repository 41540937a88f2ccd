//! STS, as far as stock tools ask it before they begin: forms and XML.

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

use super::{call::Answer, request::Request};
use engine::request_id;

use crate::{access::Caller, error::OperationError};

/// The operation that a form names.
pub(super) fn operation(request: &Request) -> String {
    let form = request.form();
    form.get("Action").cloned().unwrap_or_default()
}

/// `POST /` with the operation in a form.
pub(super) fn answer(request: &Request, caller: &Caller) -> Answer {
    match operation(request).as_str() {
        "GetCallerIdentity" => {
            let account = &caller.world.account;
            let user = caller.principal.as_ref().map_or(account, |_| &caller.access_key);
            let text = format!(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                 <Arn>{}</Arn><UserId>{user}</UserId><Account>{account}</Account></GetCallerIdentityResult>\
                 <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
                caller.arn(),
                request_id::current().unwrap_or_default()
            );
            Ok(([(CONTENT_TYPE, "text/xml")], text).into_response())
        }
        other => Err(OperationError::NotAvailable(format!(
            "operation {other:?} of STS is not available: only GetCallerIdentity is"
        ))),
    }
}
