//! The access key of a runtime: made on first start, kept in a file only the user can read, in AWS's format.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use ring::rand::{SecureRandom, SystemRandom};

/// Region that the file names; every other one is a world of its own.
const REGION: &str = "us-east-1";
/// Characters of an access key, behind `AKIA`.
const ACCESS_KEY_CHARS: usize = 16;
/// Characters of a secret key.
const SECRET_KEY_CHARS: usize = 40;
/// What access keys are made of.
const ACCESS_KEY_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// What secret keys are made of.
const SECRET_KEY_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The key that callers sign with. It cannot be printed.
pub(crate) struct Credentials {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

impl Credentials {
    /// Reads them, or makes some.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).ok_or_else(|| {
                let message = format!("{} does not hold an access key and a secret key", path.display());
                io::Error::new(io::ErrorKind::InvalidData, message)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = Self {
                    access_key: new_access_key()?,
                    secret_key: new_secret_key()?,
                };
                made.write(path)?;
                Ok(made)
            }
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            text.lines().find_map(|line| {
                let (key, value) = line.split_once('=')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            })
        };
        Some(Self {
            access_key: value("aws_access_key_id")?,
            secret_key: value("aws_secret_access_key")?,
        })
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let temporary = path.with_extension("tmp");
        // What a crash left may have other rights.
        let _ = fs::remove_file(&temporary);
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&temporary)?;
        write!(
            file,
            "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = {REGION}\n",
            self.access_key, self.secret_key
        )?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    }
}

/// Id of a new access key.
pub(crate) fn new_access_key() -> io::Result<String> {
    Ok(format!("AKIA{}", random_text(ACCESS_KEY_ALPHABET, ACCESS_KEY_CHARS)?))
}

/// A new secret access key.
pub(crate) fn new_secret_key() -> io::Result<String> {
    random_text(SECRET_KEY_ALPHABET, SECRET_KEY_CHARS)
}

/// Random characters; the length of `alphabet` divides 256, so that all are equally likely.
fn random_text(alphabet: &[u8], chars: usize) -> io::Result<String> {
    let mut bytes = vec![0; chars];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let character = |byte: &u8| char::from(alphabet[usize::from(*byte) % alphabet.len()]);
    Ok(bytes.iter().map(character).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_made_once_and_for_the_user_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        let made = Credentials::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = Credentials::open(&path).unwrap();
        assert_eq!((made.access_key.len(), made.secret_key.len()), (20, 40));
        assert_eq!((read.access_key, read.secret_key), (made.access_key, made.secret_key));
        fs::write(&path, "nothing").unwrap();
        assert!(Credentials::open(&path).is_err());
    }
}
