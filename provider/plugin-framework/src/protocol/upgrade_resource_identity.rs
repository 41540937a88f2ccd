//! UpgradeResourceIdentity: a stored identity of an older version. There has been one version only, so what comes is of a newer
//! provider, or of this one.

use tfplugin_proto::tfplugin6 as proto;

use super::{
    identity::{VERSION, encode_identity},
    server::{Shared, guarded},
};
use crate::{
    diagnostics::Diagnostics,
    value::{Object, from_json},
};

type Request = proto::upgrade_resource_identity::Request;
type Response = proto::upgrade_resource_identity::Response;

impl Shared {
    pub(crate) async fn upgrade_resource_identity(&self, request: Request) -> Response {
        match guarded(async { self.read_identity(&request) }).await.and_then(|it| it) {
            Ok(identity) => Response {
                upgraded_identity: Some(identity),
                diagnostics: Vec::new(),
            },
            Err(diagnostics) => Response {
                upgraded_identity: None,
                diagnostics: diagnostics.into_proto(),
            },
        }
    }

    fn read_identity(&self, request: &Request) -> Result<proto::ResourceIdentityData, Diagnostics> {
        let registered = self.resource(&request.type_name)?;
        let unreadable = |reason: String| {
            let summary = format!("The stored identity of a {} cannot be read", request.type_name);
            Diagnostics::from_error(summary, reason)
        };
        if request.version != VERSION {
            return Err(unreadable(format!(
                "It has version {}, and this provider knows version {VERSION}: the state was written by another version of it.",
                request.version
            )));
        }
        let of = registered.identity_type();
        let of = of.ok_or_else(|| unreadable("This version of the provider knows of no identity of it.".to_owned()))?;
        let raw = request.raw_identity.as_ref().map_or(&[][..], |it| &it.json);
        let stored = serde_json::from_slice(raw).map_err(|error| unreadable(error.to_string()))?;
        let value = from_json(&stored, &of).map_err(|error| unreadable(error.to_string()))?;
        let identity = Object::from_value(value).ok_or_else(|| unreadable("It is no object.".to_owned()))?;
        Ok(encode_identity(identity, &of))
    }
}
