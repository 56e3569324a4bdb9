//! A program to which lines are said and which says lines: the suites' clients, ours and those of others.

use std::{
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A running program.
pub struct Dialogue {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    /// All that it has said so far.
    pub heard: Vec<String>,
}

impl Dialogue {
    /// Starts a program, which ends with the test at the latest.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(command: impl Into<Command>) -> Result<Self> {
        let mut command = command.into();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let output = child.stdout.take().context("the program has no output")?;
        let (input, output) = (child.stdin.take(), BufReader::new(output).lines());
        Ok(Self { child, input, output, heard: Vec::new() })
    }

    /// The number of the process.
    ///
    /// # Errors
    /// When it has ended.
    pub fn pid(&self) -> Result<u32> {
        self.child.id().context("the program has ended")
    }

    /// Says a line.
    ///
    /// # Errors
    /// When nobody reads it.
    pub async fn say(&mut self, line: impl AsRef<[u8]>) -> Result<()> {
        let input = self.input.as_mut().context("the input has ended")?;
        Ok(input.write_all(&[line.as_ref(), b"\n"].concat()).await?)
    }

    /// Reads until a line has this in it.
    ///
    /// # Errors
    /// When none comes within half a minute, or the program ends.
    pub async fn hear(&mut self, wanted: &str) -> Result<String> {
        loop {
            match timeout(PATIENCE, self.output.next_line()).await {
                Err(_) => bail!("`{wanted}` is not said: {:#?}", self.heard),
                Ok(Err(error)) => return Err(error.into()),
                Ok(Ok(None)) => bail!("`{wanted}` was not said: {:#?}", self.heard),
                Ok(Ok(Some(line))) => {
                    self.heard.push(line.clone());
                    if line.contains(wanted) {
                        return Ok(line);
                    }
                }
            }
        }
    }

    /// Reads to the end: how it ended, and all that it has said.
    ///
    /// # Errors
    /// When it does not end within half a minute.
    pub async fn end(mut self) -> Result<(ExitStatus, Vec<String>)> {
        while let Some(line) = timeout(PATIENCE, self.output.next_line()).await?? {
            self.heard.push(line);
        }
        Ok((timeout(PATIENCE, self.child.wait()).await??, self.heard))
    }

    /// Ends the input, and reads to the end.
    ///
    /// # Errors
    /// As [`Self::end`].
    pub async fn end_of_input(mut self) -> Result<(ExitStatus, Vec<String>)> {
        self.input = None;
        self.end().await
    }
}
