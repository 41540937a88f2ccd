//! Who calls, and what they may: access keys, principals, identity policies, cluster policies.

mod authorize;
mod caller;
mod credentials;
mod identities;
mod pattern;
mod policy;

pub(crate) use authorize::{Wanted, authorize, authorize_all_data};
pub(crate) use caller::{Caller, principal_arn};
pub(crate) use credentials::{Credentials, new_access_key, new_secret_key};
pub(crate) use identities::Identities;
pub(crate) use policy::{Policy, PolicyKind};
