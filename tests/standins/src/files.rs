//! The files by which a stand-in is the same one after a restart. The directory and the keys in it are for their owner
//! only.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::authority::{Authority, CertificateError, Identity};

/// A directory with what is kept.
pub(crate) struct Files(PathBuf);

/// The files could not be made or read back.
#[derive(Debug, Error)]
pub enum FilesError {
    /// The directory could not be made.
    #[error("can not make the directory `{0}`")]
    Make(PathBuf, #[source] io::Error),
    /// A file could not be written.
    #[error("can not write `{0}`")]
    Write(PathBuf, #[source] io::Error),
    /// A file could not be read.
    #[error("can not read `{0}`")]
    Read(PathBuf, #[source] io::Error),
    /// The authority could not be made or read.
    #[error("can not set up the stand-in's authority")]
    Authority(#[from] CertificateError),
}

impl Files {
    /// Opens a directory, and makes it if it is missing.
    pub(crate) fn open(path: &Path) -> Result<Self, FilesError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|source| FilesError::Make(path.to_owned(), source))?;
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The authority in these two files, which are made if they are missing.
    pub(crate) fn authority(
        &self,
        name: &str,
        certificate: &str,
        key: &str,
    ) -> Result<Authority, FilesError> {
        if let (Some(certificate_pem), Some(key_pem)) = (self.read(certificate)?, self.read(key)?) {
            return Ok(Authority::read(Identity { certificate_pem, key_pem })?);
        }
        let authority = Authority::make(name)?;
        let made = authority.to_identity();
        self.write(certificate, &made.certificate_pem)?;
        self.write(key, &made.key_pem)?;
        Ok(authority)
    }

    /// The text of a file, if there is one.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>, FilesError> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FilesError::Read(path, error)),
        }
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), FilesError> {
        let path = self.path(name);
        let mut options = fs::OpenOptions::new();
        options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
            .map_err(|source| FilesError::Write(path, source))
    }
}
