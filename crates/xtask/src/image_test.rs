//! `cargo xtask image-test`: the image in an emulator, asked from outside as a phone would.
//!
//! It is started from a copy on a disk of 1 GiB: twice its power is cut while it makes its data partition and while
//! the daemon makes its database; then it boots by BIOS, is shut down with its power button, and boots by UEFI. The image
//! differs from that of `cargo xtask image` by `image/test`: a made-up office, and a word on the second serial port
//! about how the boot went. The processor is emulated (TCG), so no device of the host is needed.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    cargo, image,
    ports::{self, Port},
    service::{LOOK, Service},
    tools::{self, Tool},
};

/// What the image is tried with.
const TOOLS: &[Tool] = &[
    Tool { program: "qemu-system-x86_64", package: "qemu-system-x86" },
    Tool { program: UEFI, package: "ovmf" },
    Tool { program: "dig", package: "bind9-dnsutils" },
    Tool { program: "curl", package: "curl" },
];

/// The ports of this machine that lead into the emulated one; the office of `image/test` is told of the second.
const DNS: u16 = 18053;
const HTTPS: u16 = 18443;
const HTTP: u16 = 18080;
const CONSOLE: u16 = 19443;

/// How large the disk is on which the image lies.
const DISK: u64 = 1 << 30;
/// How long a boot may take on a busy machine.
const BOOT: Duration = Duration::from_secs(180);
/// How long the box may take to shut down.
const SHUTDOWN: Duration = Duration::from_secs(60);
/// The firmware for a boot by UEFI.
const UEFI: &str = "/usr/share/OVMF/OVMF_CODE.fd";
/// How systemd begins to write a name at the console.
const COLOUR: &str = "\x1b[0;1;39m";
/// What people's password is (`image/test`).
const PASSWORD: &str = "correct-horse-battery";

/// Makes the image, starts it twice, and tries it.
pub(crate) fn test(options: &image::Options) -> Result<()> {
    tools::require(TOOLS)?;
    ports::require_free(&[
        Port::Udp(DNS),
        Port::Tcp(DNS),
        Port::Tcp(HTTPS),
        Port::Tcp(HTTP),
        Port::Tcp(CONSOLE),
    ])?;
    image::make(options, &["image/rootfs", "image/box", "image/test"])?;
    let trial = Trial::new(&options.directory()?)?;
    for unit in ["systemd-repart.service", "fulmard.service"] {
        trial.cut_power_at(unit)?;
    }
    let boots = trial.boot("first boot that ends well, by BIOS", &[])?;
    let firmware = format!("if=pflash,unit=0,format=raw,readonly=on,file={UEFI}");
    let after = trial.boot("second boot, by UEFI", &["-drive", &firmware])?;
    ensure!(after == boots + 1, "the journal knew {boots} boots, and then {after}");
    println!(
        "\nThe image boots, serves, shuts down in order, and keeps its data; two power cuts did no harm."
    );
    Ok(())
}

/// A disk, and what is written about its boots.
struct Trial {
    directory: PathBuf,
    fulmarctl: PathBuf,
}

impl Trial {
    fn new(image: &Path) -> Result<Self> {
        let directory = image.join("test");
        if directory.exists() {
            fs::remove_dir_all(&directory).context("failed to clear what the last test left")?;
        }
        fs::create_dir_all(&directory).context("failed to make a directory for the test")?;
        let disk = directory.join("disk.img");
        cargo::succeed(Command::new("cp").arg("--sparse=always").arg(image.join("fulmar.img")).arg(&disk))?;
        fs::File::options()
            .write(true)
            .open(&disk)?
            .set_len(DISK)
            .context("failed to make the disk larger")?;
        fs::write(directory.join("password"), PASSWORD).context("failed to write a password")?;
        let fulmarctl = cargo::metadata()?.target_directory.join("release/fulmarctl");
        Ok(Self { directory, fulmarctl })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Starts the box, and takes the power away once it has begun to start a unit.
    fn cut_power_at(&self, unit: &str) -> Result<()> {
        println!("\n== a boot that ends with `{unit}`");
        // A long name is shortened at the console, in its middle.
        let seen = format!("Starting {}", &unit[..12]);
        let mut machine = self.start(&[])?;
        wait(BOOT, || {
            machine.look()?;
            Ok(self.console().replace(COLOUR, "").contains(&seen))
        })
        .with_context(|| self.last_words())
    }

    /// One boot that nothing disturbs; returns how many boots the journal knows.
    fn boot(&self, name: &str, options: &[&str]) -> Result<usize> {
        println!("\n== {name}");
        let started = Instant::now();
        let mut machine = self.start(options)?;
        let report = self.report(&mut machine)?;
        let boots = judge(&report)?;
        println!("  {:>5.1} s  up, and no unit has failed", started.elapsed().as_secs_f64());
        for transport in ["+notcp", "+tcp"] {
            let answer = self.dig(transport)?;
            ensure!(answer == "127.0.0.1", "asked by DNS ({transport}) it answered `{answer}`");
        }
        self.ask_as_a_phone()?;
        let console = self.console();
        for word in ["https://10.0.2.15:9443/", "https://fulmar.local:9443/", "setup   with the password"] {
            ensure!(console.contains(word), "the console does not show `{word}`");
        }
        println!("  {:>5.1} s  two phones have exchanged a message", started.elapsed().as_secs_f64());
        self.press_power_button()?;
        machine.wait_for_end(SHUTDOWN)?;
        println!("  {:>5.1} s  shut down with the power button", started.elapsed().as_secs_f64());
        print_figures(&report);
        Ok(boots)
    }

    fn start(&self, options: &[&str]) -> Result<Service> {
        for written in ["report", "console"] {
            drop(fs::remove_file(self.file(written)));
        }
        let forward = [
            ("udp", DNS, 53),
            ("tcp", DNS, 53),
            ("tcp", HTTPS, 443),
            ("tcp", HTTP, 80),
            ("tcp", CONSOLE, 9443),
        ];
        let forward =
            forward.map(|(protocol, from, to)| format!(",hostfwd={protocol}:127.0.0.1:{from}-:{to}"));
        let shown = |name: &str| self.file(name).display().to_string();
        let mut machine = Command::new("qemu-system-x86_64");
        machine.args(["-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "2", "-m", "512"]);
        machine.args(["-display", "none", "-nodefaults", "-no-user-config"]);
        machine.args(["-drive", &format!("file={},if=none,id=disk,format=raw", shown("disk.img"))]);
        machine.args(["-device", "virtio-blk-pci,drive=disk", "-device", "virtio-rng-pci"]);
        machine.args(["-netdev", &format!("user,id=net{}", forward.concat())]);
        machine.args(["-device", "virtio-net-pci,netdev=net,romfile="]);
        machine.args(["-serial", &format!("file:{}", shown("console"))]);
        machine.args(["-serial", &format!("file:{}", shown("report"))]);
        machine.args(["-qmp", &format!("unix:{},server=on,wait=off", shown("qmp"))]);
        machine.args(options);
        Service::start("qemu", &mut machine, &self.file("qemu.log"), |_| true)
    }

    /// One question to the box.
    fn dig(&self, option: &str) -> Result<String> {
        let question = ["@127.0.0.1", "-p", &DNS.to_string(), "lyncdiscoverinternal.office.test", "+short"]
            .map(str::to_owned);
        let answer =
            cargo::output(Command::new("dig").args(question).args(["+time=2", "+tries=1"]).arg(option))?;
        Ok(answer.trim().to_owned())
    }

    /// Two phones that know addresses and passwords find the box, sign in, and exchange a message.
    fn ask_as_a_phone(&self) -> Result<()> {
        let authority = format!("http://127.0.0.1:{HTTP}/ca.pem");
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--max-time", "20", &authority]);
        cargo::succeed(curl.arg("--output").arg(self.file("ca.pem")))?;
        let mut alive = Command::new("curl");
        alive.args(["--silent", "--show-error", "--fail", "--max-time", "20", "--output", "/dev/null"]);
        alive
            .arg("--cacert")
            .arg(self.file("ca.pem"))
            .args(["--connect-to", &format!("::127.0.0.1:{CONSOLE}")]);
        cargo::succeed(alive.arg(format!("https://web.office.test:{CONSOLE}/readyz")))?;
        let mut selftest = Command::new(&self.fulmarctl);
        selftest.args([
            "selftest",
            "p2p-im",
            "--dns",
            &format!("127.0.0.1:{DNS}"),
            "--port",
            &HTTPS.to_string(),
        ]);
        selftest.arg("--ca").arg(self.file("ca.pem"));
        selftest.args(["--as", "anna@office.test", "--password-file"]).arg(self.file("password"));
        selftest.args(["--with", "ben@office.test", "--with-password-file"]).arg(self.file("password"));
        cargo::succeed(&mut selftest)
    }

    /// What the box writes about its boot when it is over.
    fn report(&self, machine: &mut Service) -> Result<String> {
        let read = || fs::read_to_string(self.file("report")).unwrap_or_default();
        wait(BOOT, || {
            machine.look()?;
            Ok(read().contains("Id=fulmar-test-report.service"))
        })
        .with_context(|| format!("no word about the boot; {}", self.last_words()))?;
        Ok(read())
    }

    fn press_power_button(&self) -> Result<()> {
        let stream = UnixStream::connect(self.file("qmp")).context("failed to reach the emulator")?;
        let mut answers = BufReader::new(&stream).lines();
        for command in ["qmp_capabilities", "system_powerdown"] {
            answers.next().context("the emulator says nothing")??;
            writeln!(&stream, "{{\"execute\":\"{command}\"}}").context("failed to tell the emulator")?;
        }
        answers.next().context("the emulator says nothing")??;
        Ok(())
    }

    /// What the box has said at its console since it was started.
    fn console(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.file("console")).unwrap_or_default()).into_owned()
    }

    /// The end of it.
    fn last_words(&self) -> String {
        let console = self.console();
        let lines: Vec<&str> = console.lines().collect();
        format!("the console ends with\n{}", lines[lines.len().saturating_sub(30)..].join("\n"))
    }
}

/// Waits until something is so.
fn wait(within: Duration, mut so: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + within;
    while !so()? {
        ensure!(Instant::now() < deadline, "not within {} s", within.as_secs());
        thread::sleep(LOOK);
    }
    Ok(())
}

/// Nothing failed, and nothing was complained of but what an emulated machine makes the kernel say; returns how many
/// boots the one journal knows.
fn judge(report: &str) -> Result<usize> {
    ensure!(value(report, "NFailedUnits") == Some("0"), "units have failed:\n{report}");
    ensure!(value(report, "Tainted") == Some(""), "systemd is tainted:\n{report}");
    let complaints: Vec<&str> = report.lines().filter(|line| is_complaint(line)).collect();
    ensure!(complaints.is_empty(), "the log is not clean:\n{}", complaints.join("\n"));
    Ok(report.lines().filter(|line| is_boot(line)).count())
}

/// What a report says of a property of systemd, where it is named first.
fn value<'a>(report: &'a str, property: &str) -> Option<&'a str> {
    report.lines().find_map(|line| line.trim().strip_prefix(property)?.strip_prefix('='))
}

fn print_figures(report: &str) {
    let number = |text: &str| text.trim().parse::<f64>().unwrap_or(f64::NAN);
    let served = value(report, "ActiveEnterTimestampMonotonic").map_or(f64::NAN, number) / 1e6;
    let memory: Vec<f64> =
        report.lines().filter_map(|line| line.trim().strip_prefix("MemoryCurrent=").map(number)).collect();
    if let [daemon, system] = memory[..] {
        let mebibyte = f64::from(1 << 20);
        println!(
            "  served after {served:.1} s of the guest's time; memory: the daemon {:.1} MiB with its files in the \
                  cache, the system {:.1} MiB",
            daemon / mebibyte,
            system / mebibyte
        );
    }
}

/// A line of the list of boots: a number, 0 for this one, and 128 bits in hexadecimal.
fn is_boot(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (number, id) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    number.parse::<i32>().is_ok() && id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A line of the journal at warning or worse that is not the kernel's.
fn is_complaint(line: &str) -> bool {
    line.starts_with('[') && !line.contains(" kernel: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "[    2.5] fulmar kernel: GPT: Use GNU Parted to correct GPT errors.\r\n\
        -1 3f1c0a6a1d7b4e0e8f0d9a4f6a1b2c3d Wed 2026-11-25 19:45:09 UTC\r\n \
         0 4f1c0a6a1d7b4e0e8f0d9a4f6a1b2c3d Wed 2026-11-25 19:49:09 UTC\r\n\
        Tainted=\r\nNFailedUnits=0\r\n";

    #[test]
    fn a_boot_without_complaints_is_a_good_one_and_the_journal_tells_how_many_there_were() {
        assert_eq!(judge(REPORT).unwrap(), 2);
        assert_eq!(value(REPORT, "Failed"), None);
    }

    #[test]
    fn failed_units_and_complaints_are_named() {
        let failed = REPORT.replace("NFailedUnits=0", "NFailedUnits=1");
        assert!(judge(&failed).unwrap_err().to_string().contains("have failed"));
        let complaint = format!("[    9.5] fulmar fulmard[7]: It is broken.\n{REPORT}");
        assert!(judge(&complaint).unwrap_err().to_string().contains("It is broken."));
    }
}
