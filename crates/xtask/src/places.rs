//! The files of the office that `cargo xtask run` makes up, all below one directory.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::run::{CONSOLE, DNS, PHONES_HTTP, PHONES_HTTPS};

/// The files of one office.
pub(crate) struct Places {
    /// The directory of all.
    pub(crate) dir: PathBuf,
}

impl Places {
    /// Makes the directories, readable by nobody else, and the configuration file if there is none yet.
    pub(crate) fn make(dir: &Path) -> Result<Self> {
        let places = Self { dir: dir.to_path_buf() };
        let pushes = [places.apns(), places.web_push()];
        let others = [dir.to_path_buf(), places.state(), places.run(), places.passwords()];
        for made in others.into_iter().chain(pushes) {
            let mut builder = DirBuilder::new();
            let outcome = builder.recursive(true).mode(0o700).create(&made);
            outcome.with_context(|| format!("failed to make `{}`", made.display()))?;
        }
        if !places.config().exists() {
            let written = fs::write(places.config(), places.config_text());
            written.with_context(|| format!("failed to write `{}`", places.config().display()))?;
        }
        Ok(places)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("fulmar.toml")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.run().join("admin.sock")
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.state().join("tls/ca.pem")
    }

    pub(crate) fn apns(&self) -> PathBuf {
        self.dir.join("apns")
    }

    pub(crate) fn apns_description(&self) -> PathBuf {
        self.apns().join("apns.json")
    }

    pub(crate) fn apns_log(&self) -> PathBuf {
        self.dir.join("apns-standin.log")
    }

    pub(crate) fn web_push(&self) -> PathBuf {
        self.dir.join("web-push")
    }

    pub(crate) fn web_push_authority(&self) -> PathBuf {
        self.web_push().join("web-push-ca.pem")
    }

    pub(crate) fn web_push_subscription(&self) -> PathBuf {
        self.web_push().join("subscription.json")
    }

    pub(crate) fn web_push_log(&self) -> PathBuf {
        self.dir.join("web-push-standin.log")
    }

    pub(crate) fn passwords(&self) -> PathBuf {
        self.dir.join("passwords")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("fulmard.log")
    }

    fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    fn run(&self) -> PathBuf {
        self.dir.join("run")
    }

    fn config_text(&self) -> String {
        format!(
            "# Made by `cargo xtask run`, which expects these addresses. What is missing here lives in the store.\n\
             version = 1\n\n\
             [paths]\nstate = {:?}\nadmin_socket = {:?}\n\n\
             [dns]\nlisten = [\"127.0.0.1:{DNS}\"]\n\n\
             [phones]\nhttps = [\"127.0.0.1:{PHONES_HTTPS}\"]\nhttp = [\"127.0.0.1:{PHONES_HTTP}\"]\n\n\
             [console]\nhttps = [\"127.0.0.1:{CONSOLE}\"]\n\n\
             [log]\nfilter = \"info\"\n",
            self.state(),
            self.socket(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_keeps_the_configuration() {
        let dir = std::env::temp_dir().join(format!("xtask-{}-keeps", std::process::id()));
        let places = Places::make(&dir).unwrap();
        fs::write(places.config(), "mine").unwrap();
        Places::make(&dir).unwrap();
        assert_eq!(fs::read_to_string(places.config()).unwrap(), "mine");
        fs::remove_dir_all(dir).unwrap();
    }
}
