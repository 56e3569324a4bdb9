//! Thousands of pushes while everything goes wrong that may: the services answer in every way but the right one, the
//! clock of the box jumps, certificates change, devices die, and the box loses its power. In the end each
//! notification is accounted for, and each phone shows each message once.
//!
//! `FULMAR_SOAK_PUSHES` says how many (`cargo xtask soak push`), and `FULMAR_SOAK_SEED` repeats the dice of an earlier run.
#![expect(clippy::print_stdout, reason = "whoever has it run for long wants to know what happened")]

mod accounts;
mod clock;
mod full_outbox;
mod moods;
mod people;

use std::{
    env,
    time::{Duration, Instant},
};

use fulmar_standins::web_push::WebPushStandin;
use fulmar_suite::Office;
use tokio::time::sleep;

use super::web_push::switch_on;
use accounts::Accounts;
use clock::Clock;
use moods::Moods;
use people::{PHONES, Sender};

const SLEEPERS: usize = 16;
const DEVICES: usize = SLEEPERS * PHONES;
/// How many there are where nobody says how many.
const PUSHES: usize = 3000;
/// How long what waits may stay as it is before time has to pass.
const STILL: Duration = Duration::from_secs(8);
const HOUR: i64 = 3660;

/// What happens around the messages, one after the other.
#[derive(Clone, Copy, Debug)]
enum Incident {
    PowerCut,
    /// Forty minutes later, for all.
    TimePasses,
    NewCertificates,
    /// The box is a quarter of an hour late.
    ClockIsLate,
    ClockIsRight,
    /// Nobody is served for some seconds.
    Outage,
    /// The box is hours ahead: what it signs is of the future.
    ClockIsAhead,
    ClockIsSetBack,
    /// Apps were removed from some devices.
    Deaths,
}

const INCIDENTS: [Incident; 10] = [
    Incident::PowerCut,
    Incident::TimePasses,
    Incident::NewCertificates,
    Incident::ClockIsLate,
    Incident::PowerCut,
    Incident::ClockIsRight,
    Incident::Outage,
    Incident::Deaths,
    Incident::ClockIsAhead,
    Incident::ClockIsSetBack,
];
const LATE: i64 = -15 * 60;
const AHEAD: i64 = 3 * 3600;

struct Soak {
    office: Office,
    web: WebPushStandin,
    moods: Moods,
    clock: Clock,
    devices: Vec<String>,
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|value| value.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_no_push_is_lost_or_doubled_and_the_ledger_adds_up() {
    let pushes = number("FULMAR_SOAK_PUSHES").map_or(PUSHES, |pushes| pushes as usize);
    let seed = number("FULMAR_SOAK_SEED").unwrap_or_else(|| super::power_cut::random(1 << 32) as u64);
    // A tenth more: devices die.
    let messages = (pushes + pushes / 10).div_ceil(DEVICES);
    println!(
        "{messages} messages to {DEVICES} devices; FULMAR_SOAK_SEED={seed} has the dice fall like this again."
    );
    let begun = Instant::now();
    let (mut soak, mut sender) = Soak::new(seed).await;
    let set_up = begun.elapsed();
    let rounds = INCIDENTS.len() * (1 + pushes / 25_000);
    let mut said = 0;
    for round in 0..rounds {
        let until = messages * (round + 1) / rounds;
        let saying = tokio::spawn(sender.say(said..until));
        soak.happen(INCIDENTS[round % INCIDENTS.len()]).await;
        sender = saying.await.unwrap();
        said = until;
        soak.catch_up(2 * DEVICES * messages / rounds).await;
    }
    soak.settle().await;
    let accounts = Accounts::read(&soak.office.database());
    println!(
        "After {:.0} s, {:.0} s of which to set up: {}; the services did {:?}.",
        begun.elapsed().as_secs_f64(),
        set_up.as_secs_f64(),
        accounts.summary(soak.arrived()),
        soak.moods.done(),
    );
    assert!(accounts.count() >= pushes, "there were {} notifications", accounts.count());
    accounts.check(messages, &soak.devices, &soak.moods.dead(), &soak.shown());
}

impl Soak {
    async fn new(seed: u64) -> (Self, Sender) {
        let clock_dir = tempfile::tempdir().unwrap();
        let clock = Clock::new(clock_dir);
        let office = Office::quiet(clock.environment()).await.unwrap();
        let web = WebPushStandin::start().await.unwrap();
        switch_on(&office, &web, &["localhost"]).await;
        let (devices, sender) = people::gather(&office, &web, SLEEPERS).await;
        let moods = Moods::new(seed);
        let (apple, other) = (moods.clone(), moods.clone());
        office.apns.decide(move |device| apple.apple(device));
        web.decide(move |path| other.web(path));
        (Self { office, web, moods, clock, devices }, sender)
    }

    async fn happen(&mut self, incident: Incident) {
        sleep(Duration::from_millis(super::power_cut::random(300) as u64)).await;
        match incident {
            Incident::PowerCut => self.office.power_cut().await.unwrap(),
            Incident::TimePasses => self.pass(40 * 60),
            Incident::NewCertificates => {
                self.office.apns.swap_certificate().unwrap();
                self.web.swap_certificate().unwrap();
            }
            Incident::ClockIsLate => self.clock.jump(LATE),
            Incident::ClockIsRight => self.clock.jump(-LATE),
            Incident::ClockIsAhead => {
                self.clock.jump(AHEAD);
                // So that it signs anew.
                self.office.power_cut().await.unwrap();
            }
            Incident::ClockIsSetBack => self.clock.jump(-AHEAD),
            Incident::Outage => {
                self.moods.set_outage(true);
                sleep(Duration::from_secs(2)).await;
                self.moods.set_outage(false);
            }
            Incident::Deaths => self.moods.kill(&self.devices),
        }
    }

    /// Time passes for the box and for Apple.
    fn pass(&mut self, seconds: i64) {
        self.clock.jump(seconds);
        self.office.apns.advance_clock(Duration::from_secs(seconds.unsigned_abs()));
    }

    /// Gives the box some time to have no more than this before it.
    async fn catch_up(&self, waiting: usize) {
        let begun = Instant::now();
        while Accounts::waiting(&self.office.database()) > waiting && begun.elapsed() < STILL {
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Everybody behaves, and as much time passes as is needed.
    async fn settle(&mut self) {
        self.moods.calm();
        for _ in 0..8 {
            let mut last = (usize::MAX, Instant::now());
            while last.1.elapsed() < STILL {
                let waiting = Accounts::waiting(&self.office.database());
                if waiting == 0 {
                    return;
                }
                if waiting != last.0 {
                    last = (waiting, Instant::now());
                }
                sleep(Duration::from_millis(200)).await;
            }
            self.pass(HOUR);
        }
        panic!("{} notifications are still waiting", Accounts::waiting(&self.office.database()));
    }

    /// How many requests the services had.
    fn arrived(&self) -> usize {
        self.office.apns.counts().0 + self.web.counts().0
    }

    /// What each device shows, by the collapse ids.
    fn shown(&self) -> Vec<(String, String)> {
        let apple = self.office.apns.shown().into_iter().map(|one| (one.device, one.collapse_id.unwrap()));
        let web = self.web.shown().into_iter().map(|one| (one.endpoint, one.topic.unwrap()));
        apple.chain(web).collect()
    }
}
