//! Sign-ins a second while 1,000 polls are held.
//!
//! The limit is Argon2 alone on all cores: every sign-in costs one. In turn, round after round: sign-ins by the
//! password grant, each over a connection and a handshake of its own, sixteen at a time; then nothing but
//! verifications. The phones go on polling all the while. Of the polls that are due while people sign in, each
//! one that is answered later than it asked for is noted; while this program verifies by itself it takes all
//! cores, and what is late then is not the box's doing.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use fulmar_domain::SipUri;
use fulmar_wire::{
    Secret,
    challenge::{OAUTH_PATH, TICKET_HEADER},
    oauth::{PasswordGrant, Token},
};
use fulmarctl::phone::{Network, Phone, SignedIn};
use http::{Method, StatusCode};
use tokio::task::JoinSet;

use crate::{
    appliance::{Appliance, PASSWORD},
    report::{Table, median},
};

const PEOPLE: usize = 200;
const PHONES: usize = 1000;
/// Sign-ins under way at a time.
const AT_A_TIME: usize = 16;
/// How long each half of a round takes.
const TURN: Duration = Duration::from_secs(5);
/// How long a phone asks to be held; what is beyond it is late.
const HELD: Duration = Duration::from_secs(10);

pub(crate) async fn measure(rounds: usize) -> Result<Table> {
    let people: Vec<SipUri> =
        (0..PEOPLE).map(|i| format!("p{i}@office.test").parse()).collect::<Result<_, _>>()?;
    let appliance = Appliance::start(&people).await?;
    let office = Arc::new(Office {
        network: appliance.network()?,
        origin: format!("https://web.office.test:{}", appliance.https.port()),
        people,
    });
    println!("Signing {PHONES} phones in.");
    let polls = Arc::new(Polls::default());
    let mut phones = JoinSet::new();
    for phone in office.phones().await? {
        phones.spawn(Arc::clone(&polls).hold(Arc::clone(&office), phone));
    }
    let (mut signed_in, mut verified) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let begin = Instant::now();
        signed_in.push(office.sign_ins_a_second().await?);
        polls.turn(begin..Instant::now());
        verified.push(verifications_a_second().await?);
        println!(
            "round {round}: {:.1} sign-ins/s, {:.1} verifications/s",
            signed_in[round - 1],
            verified[round - 1]
        );
    }
    // The last polls under way are waited for: the late ones are among them.
    polls.stop.store(true, Ordering::Relaxed);
    while let Some(ended) = phones.join_next().await {
        ended??;
    }
    Ok(table(median(&mut signed_in), median(&mut verified), &polls))
}

fn table(signed_in: f64, verified: f64, polls: &Polls) -> Table {
    let (answered, late, latest) = polls.figures();
    let rows = [
        vec!["what".into(), "a second".into(), "ratio".into()],
        vec!["Argon2id alone, default cost, all cores".into(), format!("{verified:.1}"), "1.00".into()],
        vec!["sign-ins to the box".into(), format!("{signed_in:.1}"), format!("{:.2}", signed_in / verified)],
    ];
    let met = |met| if met { "reached" } else { "NOT reached" };
    Table {
        title: "Sign-ins while 1,000 polls are held",
        about: format!(
            "The password grant over a new TLS connection each, {AT_A_TIME} at a time, with the generator on the \
             same cores, while {PHONES} phones poll. {answered} polls were due meanwhile; the latest answer came \
             {} ms after its time, {late} came more than a second late.",
            latest.as_millis()
        ),
        rows: rows.to_vec(),
        verdict: format!(
            "Target of 50 sign-ins/s: {}. Target of no poll late by more than a second: {}.",
            met(signed_in >= 50.0),
            met(late == 0)
        ),
    }
}

struct Office {
    network: Network,
    origin: String,
    people: Vec<SipUri>,
}

impl Office {
    fn person(&self, number: usize) -> &SipUri {
        &self.people[number % self.people.len()]
    }

    async fn phones(self: &Arc<Self>) -> Result<Vec<Phone>> {
        let mut begun = JoinSet::new();
        let mut phones = Vec::with_capacity(PHONES);
        for number in 0..PHONES {
            if begun.len() >= AT_A_TIME {
                phones.push(begun.join_next().await.context("nobody signs in")???);
            }
            let office = Arc::clone(self);
            begun.spawn(async move {
                let ticket = office.sign_in(office.person(number)).await?;
                let mcx_url = format!("{}{}", office.origin, fulmar_wire::autodiscover::MCX_PATH);
                Phone::begin(&office.network, SignedIn { mcx_url, ticket }, &format!("phone-{number}")).await
            });
        }
        while let Some(phone) = begun.join_next().await {
            phones.push(phone??);
        }
        Ok(phones)
    }

    async fn sign_in(&self, person: &SipUri) -> Result<Secret> {
        let grant = PasswordGrant { username: person.address(), password: PASSWORD.into() };
        let url = format!("{}{OAUTH_PATH}", self.origin);
        let form = ("content-type", "application/x-www-form-urlencoded");
        let reply = self.network.request(Method::POST, &url, &[form], grant.to_form()).await?;
        ensure!(reply.status == StatusCode::OK, "a sign-in was answered with {}", reply.status);
        Ok(Token::parse(&reply.body)?.ticket)
    }

    async fn sign_ins_a_second(self: &Arc<Self>) -> Result<f64> {
        let (begin, done) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let mut clients = JoinSet::new();
        for client in 0..AT_A_TIME {
            let (office, done) = (Arc::clone(self), Arc::clone(&done));
            clients.spawn(async move {
                for number in (client..).step_by(AT_A_TIME) {
                    if begin.elapsed() >= TURN {
                        break;
                    }
                    office.sign_in(office.person(number)).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
        }
        while let Some(client) = clients.join_next().await {
            client??;
        }
        Ok(done.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64())
    }
}

async fn verifications_a_second() -> Result<f64> {
    let hash = Argon2::default().hash_password(PASSWORD.as_bytes()).context("can not hash")?.to_string();
    let begin = Instant::now();
    let verify = move || {
        let parsed = PasswordHash::new(&hash).ok()?;
        let mut done = 0_u64;
        while begin.elapsed() < TURN {
            Argon2::default().verify_password(PASSWORD.as_bytes(), &parsed).ok()?;
            done += 1;
        }
        Some(done)
    };
    let cores = std::thread::available_parallelism()?.get();
    let threads: Vec<_> = (0..cores).map(|_| tokio::task::spawn_blocking(verify.clone())).collect();
    let mut done = 0;
    for thread in threads {
        done += thread.await?.context("a hash does not verify")?;
    }
    Ok(done as f64 / begin.elapsed().as_secs_f64())
}

/// What became of the polls.
#[derive(Default)]
struct Polls {
    stop: AtomicBool,
    /// When each was due, and how long after that it was answered.
    answered: Mutex<Vec<(Instant, Duration)>>,
    turns: Mutex<Vec<Range<Instant>>>,
}

impl Polls {
    /// Polls for one phone until told to stop.
    async fn hold(self: Arc<Self>, office: Arc<Office>, phone: Phone) -> Result<()> {
        let SignedIn { mcx_url, ticket } = phone.signed_in();
        let ticket = format!("cwt={}", ticket.reveal());
        let url = format!("{mcx_url}?sid={}&ackId=0&wait={}", phone.sid(), HELD.as_millis());
        while !self.stop.load(Ordering::Relaxed) {
            let due = Instant::now() + HELD;
            let reply = office.network.request(Method::GET, &url, &[(TICKET_HEADER, &ticket)], "").await?;
            ensure!(reply.status == StatusCode::OK, "a poll was answered with {}", reply.status);
            locked(&self.answered).push((due, due.elapsed()));
        }
        Ok(())
    }

    /// People signed in during this time.
    fn turn(&self, turn: Range<Instant>) {
        locked(&self.turns).push(turn);
    }

    /// How many were due while people signed in, how many of them late by more than a second, and the longest
    /// delay.
    fn figures(&self) -> (usize, usize, Duration) {
        let turns = locked(&self.turns);
        let answered = locked(&self.answered);
        let due = answered.iter().filter(|(due, _)| turns.iter().any(|turn| turn.contains(due)));
        let delays: Vec<Duration> = due.map(|(_, delay)| *delay).collect();
        let late = delays.iter().filter(|delay| **delay > Duration::from_secs(1)).count();
        (delays.len(), late, delays.into_iter().max().unwrap_or_default())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
