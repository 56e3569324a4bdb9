//! A program that runs beside this one until it is told to end, and the log that it writes.
//!
//! The child writes straight into its log file, so it never waits for us. It has a process group of its own:
//! Ctrl-C at the terminal reaches us alone, and we end the children in order. Dropping a service ends it.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How long a child may take to end before it is killed. `fulmard` promises five seconds.
const GRACE: Duration = Duration::from_secs(6);
/// How often children are looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(100);
/// How many lines of a log are shown when its writer failed.
const LAST_WORDS: usize = 20;

/// A running child.
pub(crate) struct Service {
    name: &'static str,
    child: Child,
    log: PathBuf,
    shows: fn(&str) -> bool,
    unread: BufReader<File>,
    line: String,
}

impl Service {
    /// Starts `program`, which writes all it says to `log`; what the file held before is gone. Lines that
    /// `shows` picks out are printed at the terminal too.
    pub(crate) fn start(
        name: &'static str,
        program: &mut Command,
        log: &Path,
        shows: fn(&str) -> bool,
    ) -> Result<Self> {
        let shown = log.display();
        let file = File::create(log).with_context(|| format!("failed to write `{shown}`"))?;
        let unread = BufReader::new(File::open(log).with_context(|| format!("failed to read `{shown}`"))?);
        let errors = file.try_clone().with_context(|| format!("failed to share `{shown}`"))?;
        let program = program.stdin(Stdio::null()).stdout(file).stderr(errors);
        let program = program.env("NO_COLOR", "1").process_group(0);
        let child = program.spawn().with_context(|| format!("failed to start `{name}`"))?;
        Ok(Self { name, child, log: log.to_path_buf(), shows, unread, line: String::new() })
    }

    /// Prints what has come into the log since the last call and is to be shown. Fails when the child has ended.
    pub(crate) fn look(&mut self) -> Result<()> {
        self.print_news();
        let status = self.child.try_wait().with_context(|| format!("failed to wait for `{}`", self.name))?;
        if let Some(status) = status {
            bail!("`{}` ended with {status}; {}", self.name, self.last_words());
        }
        Ok(())
    }

    /// Waits for the child to end by itself.
    pub(crate) fn wait_for_end(&mut self, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        while self.look().is_ok() {
            if Instant::now() > deadline {
                bail!("`{}` did not end within {} s; {}", self.name, within.as_secs(), self.last_words());
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// The end of the log, for a person.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n  ");
        format!("the end of `{}`:\n  {last}", self.log.display())
    }

    fn print_news(&mut self) {
        while self.unread.read_line(&mut self.line).is_ok_and(|read| read > 0) && self.line.ends_with('\n') {
            if (self.shows)(&self.line) {
                print!("{}: {}", self.name, self.line);
            }
            self.line.clear();
        }
    }

    /// Asks the child to end, waits, and kills it when it does not.
    fn end(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // The standard library can only kill; every shell has a `kill` that can ask.
        let pid = self.child.id().to_string();
        let asked = Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &pid]).status();
        let deadline = Instant::now() + GRACE;
        while asked.is_ok() && Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                self.print_news();
                return;
            }
            thread::sleep(LOOK);
        }
        println!("`{}` did not end within {} s and is killed.", self.name, GRACE.as_secs());
        // Both fail only for a child that has ended meanwhile, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}

/// Shows every line.
pub(crate) fn everything(_line: &str) -> bool {
    true
}

/// Shows the lines that ask for a person's attention.
pub(crate) fn trouble(line: &str) -> bool {
    ["WARN", "ERROR", "panicked at"].iter().any(|mark| line.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, test: &str) -> Service {
        let log = std::env::temp_dir().join(format!("xtask-{}-{test}.log", std::process::id()));
        Service::start("child", Command::new("sh").args(["-c", script]), &log, everything).unwrap()
    }

    /// Looks until the child has ended, and returns what is said of it.
    fn end_of(service: &mut Service) -> String {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Err(error) = service.look() {
                return error.to_string();
            }
            assert!(Instant::now() < deadline, "the child did not end");
            thread::yield_now();
        }
    }

    #[test]
    fn a_child_that_ends_is_reported_with_its_last_words() {
        let text = end_of(&mut shell("echo the port is gone >&2; exit 3", "ends"));
        assert!(text.contains("`child` ended with exit status: 3"), "{text}");
        assert!(text.ends_with("the port is gone"), "{text}");
    }

    #[test]
    fn a_dropped_child_is_asked_to_end() {
        let mut service =
            shell("trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.05; done", "asked");
        while !service.last_words().ends_with("up") {
            service.look().unwrap();
        }
        service.end();
        assert!(service.last_words().ends_with("asked"), "{}", service.last_words());
    }

    #[test]
    fn only_trouble_is_shown_at_the_terminal() {
        assert!(trouble("2026-01-01T00:00:00Z  WARN fulmar_push: The push service refused our key."));
        assert!(trouble("thread 'main' panicked at src/main.rs:3:5:"));
        assert!(!trouble("2026-01-01T00:00:00Z  INFO fulmard: Ready."));
    }
}
