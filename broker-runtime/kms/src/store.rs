//! The directory of keys.

use std::{
    fs::{DirBuilder, File},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::{Key, KmsError};

/// A directory of keys, one file each.
#[derive(Clone, Debug)]
pub struct KeyStore {
    directory: PathBuf,
}

impl KeyStore {
    /// The keys in `directory`, which need not be there yet.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The file of the key with this ARN. ARNs have characters that names of files must not have.
    pub fn path(&self, key_arn: &str) -> PathBuf {
        let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, key_arn.as_bytes());
        self.directory.join(format!("{name}.json"))
    }

    /// The key with this ARN.
    pub fn get(&self, key_arn: &str) -> Result<Key, KmsError> {
        Key::read(key_arn, &self.path(key_arn))
    }

    /// The key with this ARN, made when it is not there. It is on the medium when this returns.
    pub fn get_or_create(&self, key_arn: &str) -> Result<Key, KmsError> {
        match self.get(key_arn) {
            Err(KmsError::Missing { .. }) => {}
            result => return result,
        }
        let path = self.path(key_arn);
        self.write_new(&path, &Key::new_file(key_arn))
            .map_err(|source| KmsError::file(&path, source))?;
        self.get(key_arn)
    }

    /// Writes a file that only the user can read, unless there is one.
    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Err(failed) if failed.error.kind() != io::ErrorKind::AlreadyExists => Err(failed.error),
            _ => File::open(&self.directory)?.sync_all(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::WrappedDataKey;

    const ARN: &str = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn store(folder: &tempfile::TempDir) -> KeyStore {
        KeyStore::new(folder.path().join("kms"))
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        assert!(matches!(store.get(ARN), Err(KmsError::Missing { .. })));
        let data_key = WrappedDataKey::generate(&store.get_or_create(ARN).unwrap(), "cluster");
        let again = store.get_or_create(ARN).unwrap();
        assert_eq!(
            data_key.unwrap(&again).unwrap(),
            data_key.unwrap(&store.get(ARN).unwrap()).unwrap()
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&store.path(ARN)), 0o600);
        assert_eq!(mode(&folder.path().join("kms")), 0o700);
        assert_eq!(fs::read_dir(folder.path().join("kms")).unwrap().count(), 1);
    }

    #[test]
    fn a_data_key_is_opened_by_its_key_and_for_its_context_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let key = store.get_or_create(ARN).unwrap();
        let data_key = WrappedDataKey::generate(&key, "cluster");
        let bytes = data_key.unwrap(&key).unwrap();
        assert_ne!(bytes, WrappedDataKey::generate(&key, "cluster").unwrap(&key).unwrap());
        assert_ne!(bytes[..32], bytes[32..]);

        let path = folder.path().join("data-key.json");
        fs::write(&path, data_key.to_json()).unwrap();
        assert_eq!(WrappedDataKey::read(&path).unwrap(), data_key);

        let mut elsewhere = data_key.clone();
        elsewhere.context = "another cluster".to_owned();
        assert!(matches!(elsewhere.unwrap(&key), Err(KmsError::WrongKey { .. })));
        fs::remove_file(store.path(ARN)).unwrap();
        let replaced = store.get_or_create(ARN).unwrap();
        let error = data_key.unwrap(&replaced).unwrap_err().to_string();
        assert!(error.contains(ARN) && error.contains("not the one"), "{error}");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_without_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        store.get_or_create(ARN).unwrap();
        let path = store.path(ARN);
        let text = fs::read_to_string(&path).unwrap();
        let secret = text.split('"').nth(7).unwrap().to_owned();
        assert_eq!(secret.len(), 44, "{text}");
        for wrong in [
            text.replace("0000", "1111"),
            text.replace(&secret, &secret[..20]),
            text.replace('}', ""),
            text.replace("aes_256_key", "key"),
            String::new(),
        ] {
            fs::write(&path, &wrong).unwrap();
            match store.get_or_create(ARN) {
                Err(error @ KmsError::Malformed { .. }) => {
                    assert!(!error.to_string().contains(&secret[..20]), "{error}");
                }
                result => panic!("{wrong}: {result:?}"),
            }
        }
    }
}
