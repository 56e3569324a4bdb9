//! Secrets that the box must be able to read again, such as the key for a push provider, are sealed with
//! AES-256-GCM under a key in a file of its own: a copy of the database alone gives nothing away.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};

use crate::StoreError;

const KEY_LEN: usize = 32;

pub(crate) struct Seal {
    key: LessSafeKey,
}

impl Seal {
    /// Reads the key, or makes one that only this user may read.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |problem, source| StoreError::KeyFile { path: path.to_owned(), problem, source };
        let key = match fs::read(path) {
            Ok(key) => key,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path).map_err(|source| failed("it can not be written", Some(source)))?
            }
            Err(source) => return Err(failed("it can not be read", Some(source))),
        };
        let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| failed("it has not 32 bytes", None))?;
        Ok(Self { key: LessSafeKey::new(key) })
    }

    /// The nonce, then the sealed text. `what` is bound to it, so that secrets can not change places.
    pub(crate) fn seal(&self, what: &'static str, secret: &str) -> Result<Vec<u8>, StoreError> {
        let failed = |_| StoreError::Seal { what };
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(failed)?;
        let mut sealed = secret.as_bytes().to_vec();
        let aad = Aad::from(what.as_bytes());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(failed)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(crate) fn unseal(&self, what: &'static str, sealed: &[u8]) -> Result<String, StoreError> {
        let opened = || {
            let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
            let mut text = text.to_vec();
            let aad = Aad::from(what.as_bytes());
            let open = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut text).ok()?;
            String::from_utf8(open.to_vec()).ok()
        };
        opened().ok_or(StoreError::Unseal { what })
    }
}

/// Written under another name and renamed, so that a power cut leaves either no key or a whole one.
fn create(path: &Path) -> io::Result<Vec<u8>> {
    let mut key = vec![0; KEY_LEN];
    SystemRandom::new().fill(&mut key).map_err(|_| io::Error::other("no random numbers"))?;
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&key)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    if let Some(directory) = path.parent() {
        fs::File::open(directory)?.sync_all()?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_under_its_own_name_and_key_only() {
        let dir = tempfile::tempdir().unwrap();
        let seal = Seal::open(&dir.path().join("a")).unwrap();
        let sealed = seal.seal("key", "secret").unwrap();
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
        let again = Seal::open(&dir.path().join("a")).unwrap();
        assert_eq!(again.unseal("key", &sealed).unwrap(), "secret");
        assert!(again.unseal("other", &sealed).is_err());
        assert!(again.unseal("key", &sealed[..8]).is_err());
        assert!(Seal::open(&dir.path().join("b")).unwrap().unseal("key", &sealed).is_err());
    }

    #[test]
    fn only_the_owner_may_read_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        Seal::open(&dir.path().join("a")).unwrap();
        let mode = fs::metadata(dir.path().join("a")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
