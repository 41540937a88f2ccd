//! The key that what brokers store is encrypted with. It is made once and stays with the cluster: deleting the cluster
//! deletes it, and with it whatever copies of the disk could be read with.

use engine::EngineError;
use kms::{KeyStore, KmsError, WrappedDataKey};
use uuid::Uuid;

use super::Layout;
use cluster_files::durable_file::{self, Readers};

/// Makes the data key of a cluster and the key that protects it, where they are missing. Of a data key that is there it is
/// checked that it can be had: brokers that run would only tell at their next start.
pub(super) fn ensure_data_key(
    keys: &KeyStore,
    layout: &Layout,
    key_arn: &str,
    cluster_id: Uuid,
) -> Result<(), EngineError> {
    let path = layout.data_key();
    if !path.exists() {
        let key = keys.get_or_create(key_arn).map_err(unusable)?;
        let data_key = WrappedDataKey::generate(&key, &cluster_id.to_string());
        return durable_file::replace(&path, &data_key.to_json(), Readers::User);
    }
    let data_key = WrappedDataKey::read(&path).map_err(unusable)?;
    if data_key.key_arn != key_arn {
        return Err(EngineError::Unsupported {
            reason: format!(
                "what the cluster stores is encrypted under the key {}; that cannot be changed to {key_arn}",
                data_key.key_arn
            ),
        });
    }
    let key = keys.get(key_arn).map_err(unusable)?;
    data_key.unwrap(&key).map(drop).map_err(unusable)
}

fn unusable(error: KmsError) -> EngineError {
    EngineError::Environment {
        problem: format!("what brokers store cannot be encrypted: {error}"),
        remedy: "see to it that the directory of keys is what it was, and that the runtime can use it".to_owned(),
    }
}
