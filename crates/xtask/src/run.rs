//! `cargo xtask run`: the box for a made-up office, on loopback, as an ordinary user.
//!
//! Everything it keeps lies in one directory, which git ignores; removing that directory forgets the office. A
//! second start finds it and goes on. The ports are above 1024, so nothing here needs a privilege.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

use crate::{
    cargo, hints,
    office::Office,
    places::Places,
    ports::{self, Port},
    service::{LOOK, Service, everything, trouble},
    tools,
};

/// Where the box answers DNS.
pub(crate) const DNS: u16 = 1053;
/// Where phones sign in.
pub(crate) const PHONES_HTTPS: u16 = 8443;
/// Where phones that ask without TLS are sent on.
pub(crate) const PHONES_HTTP: u16 = 8080;
/// Where the console listens.
pub(crate) const CONSOLE: u16 = 9443;
/// Where the stand-in for Apple's push service listens.
const APNS: u16 = 2197;
/// Where the stand-in for a push service of the Web listens.
const WEB_PUSH: u16 = 2198;

/// How long `fulmard` may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where the office is kept; relative to the top of the workspace.
    #[arg(long, default_value = "var")]
    dir: PathBuf,
    /// Build with optimisation: slower to build, as fast as the product.
    #[arg(long)]
    release: bool,
}

/// Builds, starts and follows the box until a signal or a failure ends it.
pub(crate) fn run(options: &Options) -> Result<()> {
    tools::require_c_compiler()?;
    ports::require_free(&[
        Port::Udp(DNS),
        Port::Tcp(DNS),
        Port::Tcp(PHONES_HTTPS),
        Port::Tcp(PHONES_HTTP),
        Port::Tcp(CONSOLE),
        Port::Tcp(APNS),
        Port::Tcp(WEB_PUSH),
    ])?;
    let programs = build(options.release)?;
    let places = Places::make(&options.dir)?;
    let stop = stop_on_signals()?;
    // Dropped in reverse order: the daemon ends before the push services it talks to.
    let mut apns = start_apns(&programs, &places, &stop)?;
    let mut web_push = start_web_push(&programs, &places, &stop)?;
    let mut fulmard = start_fulmard(&programs, &places, &stop)?;
    let office = Office::make(&programs.fulmarctl, &places)?;
    hints::print(&places, &office, &programs.fulmarctl);
    while !stop.load(Ordering::Relaxed) {
        apns.look()?;
        web_push.look()?;
        fulmard.look()?;
        thread::sleep(LOOK);
    }
    println!("\nStopping.");
    drop(fulmard);
    drop(web_push);
    drop(apns);
    println!("Stopped. `{}` keeps the office for the next start.", places.dir.display());
    Ok(())
}

/// What was built.
struct Programs {
    fulmard: PathBuf,
    fulmarctl: PathBuf,
    apns_standin: PathBuf,
    web_push_standin: PathBuf,
}

fn build(release: bool) -> Result<Programs> {
    println!("Building the box; the first time takes some minutes.");
    let packages = ["--package", "fulmard", "--package", "fulmarctl", "--package", "fulmar-standins"];
    let mut build = cargo::command();
    build.args(["build", "--bins"]).args(packages);
    if release {
        build.arg("--release");
    }
    cargo::succeed(&mut build)?;
    let built = cargo::metadata()?.target_directory.join(if release { "release" } else { "debug" });
    Ok(Programs {
        fulmard: built.join("fulmard"),
        fulmarctl: built.join("fulmarctl"),
        apns_standin: built.join("apns-standin"),
        web_push_standin: built.join("web-push-standin"),
    })
}

/// A flag that the signals raise with which people and terminals end programs.
fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register(signal, Arc::clone(&stop)).context("failed to listen for signals")?;
    }
    Ok(stop)
}

fn start_apns(programs: &Programs, places: &Places, stop: &AtomicBool) -> Result<Service> {
    // Written anew once the stand-in listens.
    drop(fs::remove_file(places.apns_description()));
    let mut program = Command::new(&programs.apns_standin);
    program.args(["--listen", &format!("127.0.0.1:{APNS}")]).arg("--dir").arg(places.apns());
    let mut apns = Service::start("apns-standin", &mut program, &places.apns_log(), everything)?;
    wait_until(&mut apns, stop, || places.apns_description().exists())?;
    Ok(apns)
}

fn start_web_push(programs: &Programs, places: &Places, stop: &AtomicBool) -> Result<Service> {
    // Written anew once the stand-in listens.
    drop(fs::remove_file(places.web_push_subscription()));
    let mut program = Command::new(&programs.web_push_standin);
    program.args(["--listen", &format!("127.0.0.1:{WEB_PUSH}")]).arg("--dir").arg(places.web_push());
    let mut service = Service::start("web-push-standin", &mut program, &places.web_push_log(), everything)?;
    wait_until(&mut service, stop, || places.web_push_subscription().exists())?;
    Ok(service)
}

fn start_fulmard(programs: &Programs, places: &Places, stop: &AtomicBool) -> Result<Service> {
    let mut program = Command::new(&programs.fulmard);
    program.arg("--config").arg(places.config());
    let mut fulmard = Service::start("fulmard", &mut program, &places.log(), trouble)?;
    let socket = places.socket();
    let ready =
        || cargo::answers(Command::new(&programs.fulmarctl).arg("--socket").arg(&socket).arg("status"));
    wait_until(&mut fulmard, stop, ready)?;
    Ok(fulmard)
}

/// Looks at a service until it is ready, and no longer than [`READY_WITHIN`].
fn wait_until(service: &mut Service, stop: &AtomicBool, ready: impl Fn() -> bool) -> Result<()> {
    let deadline = Instant::now() + READY_WITHIN;
    while !ready() {
        service.look()?;
        if stop.load(Ordering::Relaxed) {
            bail!("stopped before the box was ready");
        }
        if Instant::now() > deadline {
            bail!("not ready after {} s; {}", READY_WITHIN.as_secs(), service.last_words());
        }
        thread::sleep(LOOK);
    }
    Ok(())
}
