//! Secrets that are users of a cluster: `msk_scram_secret_association` has all of a cluster, `msk_single_scram_secret_association`
//! one. The secrets themselves are made elsewhere, as with `aws_msk_…`; `msk_scram_secret` makes and associates its own.

mod all;
mod calls;
mod single;

pub(crate) use all::ScramSecretAssociation;
pub(crate) use single::SingleScramSecretAssociation;
