//! The clock of the box, which can be set (Debian's faketime): the time of day, and nothing that measures how long
//! something takes.

use std::{fs, process::Command};

use tempfile::TempDir;

pub(super) struct Clock {
    dir: TempDir,
    /// Against the true time, in seconds.
    offset: i64,
}

impl Clock {
    pub(super) fn new(dir: TempDir) -> Self {
        let clock = Self { dir, offset: 0 };
        clock.write();
        clock
    }

    /// What a program needs in its environment that is to go by this clock.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let mut faketime = Command::new("faketime");
        let asked = faketime.args(["-m", "-f", "+0s", "printenv", "LD_PRELOAD"]).output();
        let asked = asked.expect("Debian's package `faketime` is needed");
        let library = String::from_utf8(asked.stdout).unwrap().trim().to_owned();
        let file = self.dir.path().join("clock").display().to_string();
        [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", file.as_str()),
            ("FAKETIME_CACHE_DURATION", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_DONT_RESET", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Forward or back.
    pub(super) fn jump(&mut self, seconds: i64) {
        self.offset += seconds;
        self.write();
    }

    /// Whoever reads it sees the one or the other.
    fn write(&self) {
        let (new, file) = (self.dir.path().join("new"), self.dir.path().join("clock"));
        fs::write(&new, format!("{:+}s\n", self.offset)).unwrap();
        fs::rename(new, file).unwrap();
    }
}
