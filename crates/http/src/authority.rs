//! The box's own certificate authority, for offices without a public certificate.
//!
//! The authority lives ten years and is what people install on their phones; the certificate that the box
//! shows is issued anew whenever the names change or its end comes near. Files are written under another name
//! and renamed, so that a power cut leaves the old ones or the new ones.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use thiserror::Error;

use crate::{
    details::Details,
    tls::{TlsError, certified_key},
};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long the authority lives.
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(3650 * 24 * 3600);
/// How long a certificate lives: phones refuse more than 398 days.
const LEAF_LIFETIME: Duration = Duration::from_secs(397 * 24 * 3600);
/// A certificate that ends sooner is issued anew.
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);

/// The file of the authority's certificate in its directory: what people install on their phones.
pub const CA_FILE: &str = "ca.pem";
const CA_KEY_FILE: &str = "ca.key";
const LEAF_FILE: &str = "leaf.pem";
const LEAF_KEY_FILE: &str = "leaf.key";

/// A certificate authority in a directory of its own.
#[derive(Debug)]
pub struct Authority {
    directory: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
}

/// A certificate with its chain and its key.
#[derive(Clone)]
pub struct Leaf {
    /// The certificate, then that of the authority, in PEM.
    pub chain_pem: String,
    /// PKCS#8 in PEM. A secret.
    pub key_pem: String,
}

/// Why the authority can not do its work.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// A file can not be read or written.
    #[error("can not use the file `{path}`")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key or a certificate can not be made or understood.
    #[error("can not {operation}")]
    Certificate {
        /// What was tried.
        operation: &'static str,
        /// Why.
        source: rcgen::Error,
    },
    /// A certificate that was made can not be used.
    #[error("can not {operation}")]
    Unusable {
        /// What was tried.
        operation: &'static str,
        /// Why.
        source: TlsError,
    },
    /// The authority's certificate can not be used with the key beside it, as after half a restore.
    #[error("can not use `ca.pem` with `ca.key` in `{directory}`")]
    Pair {
        /// Where both are.
        directory: PathBuf,
        /// Why.
        source: TlsError,
    },
}

impl Authority {
    /// Opens the authority in `directory`, which is made if it is not there; so are key and certificate. What is
    /// there is never overwritten: a certificate that has lost its key, or has another's, is an error.
    ///
    /// # Errors
    /// [`AuthorityError`]
    pub fn open_or_create(directory: &Path, now: SystemTime) -> Result<Self, AuthorityError> {
        fs::create_dir_all(directory).map_err(|source| file_error(directory, source))?;
        let (key_path, certificate_path) = (directory.join(CA_KEY_FILE), directory.join(CA_FILE));
        // The key first: one without a certificate, after a power cut or a loss, gets one.
        if !exists(&key_path)? && !exists(&certificate_path)? {
            let key = KeyPair::generate().map_err(failed("make a key"))?;
            write(&key_path, &key.serialize_pem(), 0o600)?;
        }
        let key_pem = read(&key_path)?;
        let key = KeyPair::from_pem(&key_pem).map_err(failed("read the authority's key"))?;
        if !exists(&certificate_path)? {
            write(&certificate_path, &certify(&key, now)?, 0o644)?;
        }
        let certificate_pem = read(&certificate_path)?;
        certified_key(&certificate_pem, &key_pem)
            .map_err(|source| AuthorityError::Pair { directory: directory.to_owned(), source })?;
        let issuer = Issuer::from_ca_cert_pem(&certificate_pem, key)
            .map_err(failed("read the authority's certificate"))?;
        Ok(Self { directory: directory.to_owned(), issuer, certificate_pem })
    }

    /// The certificate of the authority in PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The certificate for exactly these names: the one there is, or a new one when that covers others or ends
    /// within 30 days.
    ///
    /// # Errors
    /// [`AuthorityError`]
    pub fn current_or_issue(
        &self,
        names: &BTreeSet<String>,
        now: SystemTime,
    ) -> Result<Leaf, AuthorityError> {
        let (key_path, chain_path) = (self.directory.join(LEAF_KEY_FILE), self.directory.join(LEAF_FILE));
        if let (Ok(chain_pem), Ok(key_pem)) = (read(&chain_path), read(&key_path))
            && chain_pem.ends_with(&self.certificate_pem)
            && covers(&chain_pem, names, now)
            && is_pair(&chain_pem, &key_pem)
        {
            return Ok(Leaf { chain_pem, key_pem });
        }
        let leaf = self.issue(names, now)?;
        write(&key_path, &leaf.key_pem, 0o600)?;
        write(&chain_path, &leaf.chain_pem, 0o644)?;
        Ok(leaf)
    }

    fn issue(&self, names: &BTreeSet<String>, now: SystemTime) -> Result<Leaf, AuthorityError> {
        let names: Vec<String> = names.iter().cloned().collect();
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, "Fulmar");
        let mut params = CertificateParams::new(names).map_err(failed("name a certificate"))?;
        params.distinguished_name = subject;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, now, LEAF_LIFETIME);
        let key = KeyPair::generate().map_err(failed("make a key"))?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed("issue a certificate"))?;
        let chain_pem = format!("{}{}", certificate.pem(), self.certificate_pem);
        Ok(Leaf { chain_pem, key_pem: key.serialize_pem() })
    }
}

fn certify(key: &KeyPair, now: SystemTime) -> Result<String, AuthorityError> {
    let mut subject = DistinguishedName::new();
    // The office has no name yet when the box first starts.
    subject.push(DnType::CommonName, "Fulmar office authority");
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, now, AUTHORITY_LIFETIME);
    let certificate = params.self_signed(key).map_err(failed("issue the authority's certificate"))?;
    Ok(certificate.pem())
}

/// From the day before, because the clocks of phones differ from ours.
fn set_validity(params: &mut CertificateParams, now: SystemTime, lifetime: Duration) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = epoch + now.duration_since(UNIX_EPOCH).unwrap_or_default();
    params.not_before = now - DAY;
    params.not_after = params.not_before + lifetime;
}

/// Whether a certificate is for exactly these names, has begun to live, and lives on for a while.
fn covers(chain_pem: &str, names: &BTreeSet<String>, now: SystemTime) -> bool {
    // One that begins later was made while the clock was wrong.
    Details::of_first(chain_pem).is_ok_and(|details| {
        details.not_before <= now && details.not_after > now + RENEW_BEFORE && details.names == *names
    })
}

/// A power cut between the two files leaves a key that is not the certificate's.
fn is_pair(chain_pem: &str, key_pem: &str) -> bool {
    certified_key(chain_pem, key_pem).is_ok()
}

fn file_error(path: &Path, source: io::Error) -> AuthorityError {
    AuthorityError::File { path: path.to_owned(), source }
}

fn failed(operation: &'static str) -> impl FnOnce(rcgen::Error) -> AuthorityError {
    move |source| AuthorityError::Certificate { operation, source }
}

fn read(path: &Path) -> Result<String, AuthorityError> {
    fs::read_to_string(path).map_err(|source| file_error(path, source))
}

fn exists(path: &Path) -> Result<bool, AuthorityError> {
    path.try_exists().map_err(|source| file_error(path, source))
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), AuthorityError> {
    let replace = || {
        let draft = path.with_added_extension("new");
        // One that a power cut left may be open to more than `mode` says.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        path.parent().map_or(Ok(()), |directory| fs::File::open(directory)?.sync_all())
    };
    replace().map_err(|source| file_error(path, source))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use x509_parser::{parse_x509_certificate, pem::parse_x509_pem};

    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_certificate_is_kept_until_its_names_change_or_its_end_is_near() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let authority = Authority::open_or_create(dir.path(), now).unwrap();
        let first = authority.current_or_issue(&names(&["a.test", "b.test"]), now).unwrap();
        let again = Authority::open_or_create(dir.path(), now).unwrap();
        assert_eq!(again.certificate_pem(), authority.certificate_pem());
        assert_eq!(
            again.current_or_issue(&names(&["a.test", "b.test"]), now).unwrap().chain_pem,
            first.chain_pem
        );
        let fewer = again.current_or_issue(&names(&["a.test"]), now).unwrap();
        assert_ne!(fewer.chain_pem, first.chain_pem);
        let late = now + LEAF_LIFETIME - RENEW_BEFORE;
        assert_ne!(again.current_or_issue(&names(&["a.test"]), late).unwrap().chain_pem, fewer.chain_pem);
    }

    #[test]
    fn a_key_that_is_not_the_certificates_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let authority = Authority::open_or_create(dir.path(), now).unwrap();
        let first = authority.current_or_issue(&names(&["a.test"]), now).unwrap();
        fs::write(dir.path().join(LEAF_KEY_FILE), KeyPair::generate().unwrap().serialize_pem()).unwrap();
        let second = authority.current_or_issue(&names(&["a.test"]), now).unwrap();
        assert_ne!(first.chain_pem, second.chain_pem);
        assert!(is_pair(&second.chain_pem, &second.key_pem));
    }

    #[test]
    fn a_certificate_that_begins_later_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let authority = Authority::open_or_create(dir.path(), now).unwrap();
        let early = authority.current_or_issue(&names(&["a.test"]), now + 30 * DAY).unwrap();
        assert_ne!(authority.current_or_issue(&names(&["a.test"]), now).unwrap().chain_pem, early.chain_pem);
    }

    #[test]
    fn an_authority_without_its_certificate_keeps_its_key_and_one_without_its_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let key = || fs::read(dir.path().join(CA_KEY_FILE));
        let certificate = || fs::read(dir.path().join(CA_FILE));
        Authority::open_or_create(dir.path(), now).unwrap();
        let before = key().unwrap();
        fs::remove_file(dir.path().join(CA_FILE)).unwrap();
        Authority::open_or_create(dir.path(), now).unwrap();
        assert_eq!(key().unwrap(), before);
        let before = certificate().unwrap();
        fs::remove_file(dir.path().join(CA_KEY_FILE)).unwrap();
        assert!(Authority::open_or_create(dir.path(), now).is_err());
        assert_eq!(certificate().unwrap(), before);
    }

    #[test]
    fn an_authority_with_the_key_of_another_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Authority::open_or_create(dir.path(), SystemTime::now()).unwrap();
        fs::write(dir.path().join(CA_KEY_FILE), KeyPair::generate().unwrap().serialize_pem()).unwrap();
        let refused = Authority::open_or_create(dir.path(), SystemTime::now());
        assert!(matches!(refused, Err(AuthorityError::Pair { .. })));
    }

    #[test]
    fn only_the_owner_may_read_the_keys() {
        let dir = tempfile::tempdir().unwrap();
        // What a power cut leaves of a file that everybody may read.
        for draft in ["ca.new", "leaf.new", "ca.key.new", "leaf.key.new"] {
            fs::write(dir.path().join(draft), "").unwrap();
        }
        let authority = Authority::open_or_create(dir.path(), SystemTime::now()).unwrap();
        authority.current_or_issue(&names(&["a.test"]), SystemTime::now()).unwrap();
        for key in [CA_KEY_FILE, LEAF_KEY_FILE] {
            let mode = fs::metadata(dir.path().join(key)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }
    }

    #[test]
    fn a_certificate_lives_397_days_and_is_its_authoritys() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let authority = Authority::open_or_create(dir.path(), now).unwrap();
        let leaf = authority.current_or_issue(&names(&["a.test"]), now).unwrap();
        let (_, leaf) = parse_x509_pem(leaf.chain_pem.as_bytes()).unwrap();
        let (_, leaf) = parse_x509_certificate(&leaf.contents).unwrap();
        let (_, own) = parse_x509_pem(authority.certificate_pem().as_bytes()).unwrap();
        let (_, own) = parse_x509_certificate(&own.contents).unwrap();
        let validity = leaf.validity();
        assert_eq!(validity.not_after.timestamp() - validity.not_before.timestamp(), 397 * 24 * 3600);
        assert_eq!(leaf.issuer(), own.subject());
        assert!(!leaf.is_ca() && own.is_ca());
    }
}
