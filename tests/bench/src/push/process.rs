//! Programs in processes of their own, each kept to a core.

use std::{ffi::OsString, fs, process::Stdio};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// The core of what is measured.
pub(crate) const MEASURED: &str = "0";
/// The core of all else.
pub(crate) const OTHERS: &str = "1";
/// What the kernel counts CPU time in, a second.
const TICKS: f64 = 100.0;

/// A part of this program. It ends when this is dropped.
pub(crate) struct Program {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub(crate) fn start(core: &str, arguments: &[OsString]) -> Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", core]).arg(std::env::current_exe()?).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("can not start `taskset`")?;
        let input = child.stdin.take().context("the program has no input")?;
        let output = child.stdout.take().context("the program has no output")?;
        Ok(Self { child, input, output: BufReader::new(output).lines() })
    }

    /// The next line that it says.
    pub(crate) async fn line(&mut self) -> Result<String> {
        self.output.next_line().await?.context("the program has ended")
    }

    pub(crate) async fn say(&mut self, line: &str) -> Result<()> {
        self.input.write_all(format!("{line}\n").as_bytes()).await.context("the program has ended")
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.child.id().context("the program has ended")?)
    }
}

/// What a process has used since it was started.
pub(crate) struct Usage {
    /// In seconds.
    pub(crate) cpu: f64,
    /// The most that it had.
    pub(crate) mib: f64,
}

impl Usage {
    pub(crate) fn of(process: u32) -> Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let (_, fields) = stat.rsplit_once(')').context("a process has no name")?;
        let ticks = fields.split_ascii_whitespace().skip(11).take(2).map(str::parse::<f64>);
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let most = most.context("the kernel does not say how much memory a process had")?;
        let kib: f64 = most.trim().trim_end_matches(" kB").parse()?;
        Ok(Self { cpu: ticks.sum::<Result<f64, _>>()? / TICKS, mib: kib / 1024.0 })
    }
}

/// Keeps this program, and what it starts, to a core.
pub(crate) fn keep_to(core: &str) -> Result<()> {
    keep(core, std::process::id())
}

/// Keeps a process with all its threads to a core.
pub(crate) fn keep(core: &str, process: u32) -> Result<()> {
    let mut taskset = std::process::Command::new("taskset");
    taskset.args(["--all-tasks", "--cpu-list", "--pid", core, &process.to_string()]).stdout(Stdio::null());
    let status = taskset.status().context("can not start `taskset`")?;
    ensure!(status.success(), "the process can not be kept to the core {core}: two are needed");
    Ok(())
}
