//! Logins of Kafka clients with the signature of an access key. Brokers pass on what a client has sent, a presigned request
//! for `kafka-cluster:Connect`; it is verified and written down like every other call.
//!
//! Source: aws-msk-iam-auth, and "IAM access control" in the developer guide of Amazon MSK.

use std::sync::{Arc, Weak};

use control_plane_api::identities::AuditedCall;
use engine::{IamAuthenticator, IamLogin, IamRefusal};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use uuid::Uuid;

use super::{audit::AuditLog, error, request::Request, sigv4::Signature};
use crate::{
    access::{Identities, authorize_all_data},
    queries::iso8601,
    services::Services,
    store::ClusterRecord,
};

/// What has to be signed for.
const SERVICE: &str = "kafka-cluster";
const ACTION: &str = "kafka-cluster:Connect";
/// How long a signature may be good for, seconds.
const EXPIRES_S_MAX: i64 = 900;
/// What signers of bearer tokens add to the query after they have signed it.
const ADDED_PARAMETER: &str = "User-Agent";

/// Decides on logins for as long as the control plane is there.
pub(crate) struct SignedLogins {
    services: Weak<Services>,
    identities: Arc<Identities>,
    audit: Arc<AuditLog>,
}

impl SignedLogins {
    /// With what the API itself uses.
    pub(crate) fn new(services: &Arc<Services>, identities: Arc<Identities>, audit: Arc<AuditLog>) -> Self {
        Self {
            services: Arc::downgrade(services),
            identities,
            audit,
        }
    }

    fn decide(
        &self,
        services: &Services,
        cluster_id: Uuid,
        login: &IamLogin,
        call: &mut AuditedCall,
    ) -> Result<String, String> {
        let request = presigned(login.url.expose())?;
        let signature = Signature::read(&request).map_err(|distrust| error::explain(distrust).1.to_owned())?;
        call.access_key_id = Some(signature.access_key.clone());
        if signature.service != SERVICE || request.parameter("Action") != Some(ACTION) {
            return Err(format!("the signature is not for {ACTION}"));
        }
        if signature.expires_s().is_none_or(|seconds| seconds > EXPIRES_S_MAX) {
            return Err(format!("the signature must expire within {EXPIRES_S_MAX} seconds"));
        }
        let failed = |error: crate::error::OperationError| {
            tracing::error!(%error, "login cannot be decided");
            "the control plane failed; see its log".to_owned()
        };
        let key = self.identities.key(services, &signature.access_key).map_err(failed)?;
        let key = key.ok_or("the access key is not known or disabled")?;
        let verified = signature.verify(&request, &key.secret_key, services.clock.now_ms());
        verified.map_err(|distrust| error::explain(distrust).1.to_owned())?;
        let caller = key.caller(signature.access_key, signature.region, login.source);
        call.principal = Some(caller.arn());
        let cluster: Option<ClusterRecord> = services
            .store
            .get(&cluster_id.to_string())
            .map_err(|error| failed(error.into()))?;
        let cluster = cluster.ok_or("the cluster is gone")?;
        call.resource.clone_from(&cluster.arn);
        match authorize_all_data(services, &caller, &cluster) {
            Ok(()) => Ok(caller.arn()),
            Err(crate::error::OperationError::Forbidden(why)) => Err(why),
            Err(error) => Err(failed(error)),
        }
    }
}

impl IamAuthenticator for SignedLogins {
    fn authenticate(&self, cluster_id: Uuid, login: &IamLogin) -> Result<String, IamRefusal> {
        let Some(services) = self.services.upgrade() else {
            return Err(IamRefusal("the control plane stops".to_owned()));
        };
        let mut call = AuditedCall {
            time: iso8601(services.clock.now_ms()),
            request_id: services.new_uuid().to_string(),
            principal: None,
            access_key_id: None,
            source: login.source.to_string(),
            action: ACTION.to_owned(),
            resource: "*".to_owned(),
            status: 200,
            error: None,
        };
        let decided = self.decide(&services, cluster_id, login, &mut call);
        if let Err(why) = &decided {
            tracing::warn!(
                access_key = call.access_key_id,
                source = call.source,
                why,
                "login is refused"
            );
            (call.status, call.error) = (403, Some("SaslAuthenticationFailed".to_owned()));
        }
        self.audit.record(&call);
        decided.map_err(IamRefusal)
    }
}

/// The request that was signed.
fn presigned(url: &str) -> Result<Request, String> {
    let uri: Uri = url.parse().map_err(|_| "what was signed is not a URL".to_owned())?;
    let host = uri.host().and_then(|host| HeaderValue::from_str(host).ok());
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, host.ok_or("what was signed names no host")?);
    let mut request = Request::new(Method::GET, &uri, headers, Vec::new());
    request.query.retain(|(name, _)| name != ADDED_PARAMETER);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::sigv4::Distrust;

    /// `2026-11-22T10:49:23Z`.
    const SIGNED_MS: i64 = 1_795_344_563_000;

    fn url(host: &str, token: &str, signature: &str) -> String {
        format!(
            "https://{host}/?Action=kafka-cluster%3AConnect&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE\
             %2F20261122%2Fus-east-1%2Fkafka-cluster%2Faws4_request&X-Amz-Date=20261122T104923Z&X-Amz-Expires=900{token}\
             &X-Amz-SignedHeaders=host&X-Amz-Signature={signature}&User-Agent=signer%2F1.0"
        )
    }

    fn verified(url: &str, now_ms: i64) -> Result<(), Distrust> {
        let request = presigned(url).unwrap();
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        Signature::read(&request)?.verify(&request, secret, now_ms)
    }

    #[test]
    fn signatures_of_both_kinds_of_signers_are_believed() {
        let bearer = url(
            "kafka.us-east-1.amazonaws.com",
            "",
            "f2521fe3bf23f0142edcd0709eb4595ac0c4bfa871bd7f5024a3a734c7f76886",
        );
        assert_eq!(verified(&bearer, SIGNED_MS), Ok(()));
        assert_eq!(verified(&bearer, SIGNED_MS + 900_001), Err(Distrust::Skewed));
        let broker = "b-1.demo.abc123.c1.kafka.us-east-1.example.internal";
        let good = "8eafa92ff6aa7abb16117e0909a0e2fe4cb60e0571abaeee5aba816d34d0e911";
        assert_eq!(verified(&url(broker, "", good), SIGNED_MS), Ok(()));
        let other = url("b-2.demo", "", good);
        assert_eq!(verified(&other, SIGNED_MS), Err(Distrust::Mismatch));
        let temporary = url(
            broker,
            "&X-Amz-Security-Token=tok%2Fen%2B1%3D%3D",
            "594bf3b4574e566e09dbe2a312ebb8eafafb9ea991469832102a51bb5e95106b",
        );
        assert_eq!(verified(&temporary, SIGNED_MS), Err(Distrust::SessionToken));
    }
}
