//! Who calls.

use crate::arn::Scope;

/// A caller whose signature was believed.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Its access key's id.
    pub(crate) access_key: String,
    /// Account of the key, and the region that was signed for.
    pub(crate) world: Scope,
    /// Name of the principal; `None` for the root of the account.
    pub(crate) principal: Option<String>,
    /// Address it calls from.
    pub(crate) source: String,
}

impl Caller {
    /// ARN of the principal.
    pub(crate) fn arn(&self) -> String {
        principal_arn(&self.world.account, self.principal.as_deref())
    }
}

/// ARN of a principal, or of the root of an account.
pub(crate) fn principal_arn(account: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("arn:aws:iam::{account}:user/{name}"),
        None => format!("arn:aws:iam::{account}:root"),
    }
}
