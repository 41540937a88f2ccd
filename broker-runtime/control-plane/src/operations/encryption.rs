//! `encryptionInfo`: what is encrypted, and with which key.

use control_plane_api::security::EncryptionInfo;

use crate::{arn::Scope, error::OperationError, store::ClusterSettings};

const PARAMETER: &str = "encryptionInfo";

/// Longest name of a key in characters (botocore's model of KMS).
const KEY_ID_MAX: usize = 2048;

/// What a new cluster is asked for, with the key by its ARN.
pub(super) fn resolve(mut info: EncryptionInfo, world: &Scope) -> Result<EncryptionInfo, OperationError> {
    if let Some(at_rest) = &mut info.encryption_at_rest {
        at_rest.data_volume_kms_key_id = key_arn(&at_rest.data_volume_kms_key_id, world)?;
    }
    Ok(info)
}

/// Changes what is named; what is not named stays as it is. What is stored is encrypted from the beginning on, or never.
pub(super) fn change(settings: &mut ClusterSettings, arn: &str, named: EncryptionInfo) -> Result<(), OperationError> {
    let named = match Scope::of(arn) {
        Some(world) => resolve(named, &world)?,
        None => named,
    };
    let info = settings.encryption_info.get_or_insert_default();
    if named.encryption_at_rest.is_some() && named.encryption_at_rest != info.encryption_at_rest {
        let message = match &info.encryption_at_rest {
            Some(at_rest) => format!(
                "what the cluster stores is encrypted with {}: that cannot be changed",
                at_rest.data_volume_kms_key_id
            ),
            None => "what the cluster stores is not encrypted: that is decided when a cluster is created".to_owned(),
        };
        return Err(OperationError::invalid(PARAMETER, message));
    }
    if named.encryption_in_transit.is_some() {
        info.encryption_in_transit = named.encryption_in_transit;
    }
    Ok(())
}

/// The ARN of a key that is named as KMS lets it be named: by ARN, by id, or by alias.
fn key_arn(name: &str, world: &Scope) -> Result<String, OperationError> {
    let refuse = || {
        let message = format!(
            "dataVolumeKMSKeyId {name:?} names no key: use an ARN such as arn:aws:kms:{}:{}:key/orders",
            world.region, world.account
        );
        Err(OperationError::invalid(PARAMETER, message))
    };
    let is_id = |id: &str| {
        let allowed = |character: char| character.is_ascii_alphanumeric() || "/_-".contains(character);
        !id.is_empty() && id.chars().all(allowed)
    };
    if name.len() > KEY_ID_MAX {
        return refuse();
    }
    let resource = match name.split(':').collect::<Vec<_>>()[..] {
        ["arn", _, "kms", region, account, resource] if !region.is_empty() && !account.is_empty() => resource,
        [id] if is_id(id) => {
            let resource = if id.starts_with("alias/") {
                id.to_owned()
            } else {
                format!("key/{id}")
            };
            return Ok(format!("arn:aws:kms:{}:{}:{resource}", world.region, world.account));
        }
        _ => return refuse(),
    };
    match resource.split_once('/') {
        Some(("key" | "alias", id)) if is_id(id) => Ok(name.to_owned()),
        _ => refuse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_as_kms_lets_them_be_named() {
        let world = Scope::of("arn:aws:kafka:eu-west-1:000000000000:cluster/c/u").unwrap();
        let full = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd";
        for (name, arn) in [
            (full, full),
            ("arn:aws-cn:kms:r:1:alias/a/b_c", "arn:aws-cn:kms:r:1:alias/a/b_c"),
            ("1234abcd-12ab", "arn:aws:kms:eu-west-1:000000000000:key/1234abcd-12ab"),
            ("alias/orders", "arn:aws:kms:eu-west-1:000000000000:alias/orders"),
        ] {
            assert_eq!(key_arn(name, &world).unwrap(), arn);
        }
        let long = "k".repeat(KEY_ID_MAX + 1);
        for name in [
            "",
            "a key",
            "arn:aws:kms:us-east-1:111122223333:key/",
            "arn:aws:kms:us-east-1:111122223333:topic/t",
            "arn:aws:kms:us-east-1::key/k",
            "arn:aws:s3:us-east-1:111122223333:key/k",
            "arn:aws:kms:us-east-1:1:key/../../k",
            &long,
        ] {
            assert!(key_arn(name, &world).is_err(), "{name}");
        }
    }
}
