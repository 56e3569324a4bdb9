//! A store with an outbox full of notifications, as messages fill it: everybody but the sender sleeps.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fulmar_domain::{
    AccountId, ConversationId, Office, RequestId, SipUri, Timestamp,
    conversation::Step,
    device::{PushRegistration, Subscription},
    dnssec::Pkcs8,
    invitation::About,
    office::OfficeIntent,
    presence::{Arrival, DeviceType},
    push::{ApnsAuth, ApnsSettings, VapidKey, WebPushSettings},
    session::Activity,
};
use fulmar_store::{
    Actor, Executed, Joining, NewAccount, NewSession, Opening, Said, StartedSession, Store, TicketDigest,
};
use rcgen::{KeyPair, PublicKeyData};

use super::Kind;

/// As many as there may be in a conversation.
pub(crate) const PEOPLE: usize = 250;
/// Of each of them.
pub(crate) const DEVICES: usize = 4;

/// Makes a store in a directory that is not there yet.
pub(super) async fn fill(
    dir: &Path,
    kind: Kind,
    port: u16,
    certificates: &Path,
    pushes: usize,
) -> Result<()> {
    fs::create_dir(dir)?;
    let store = Store::open(dir)?;
    let inside = BTreeSet::from([[127, 0, 0, 1].into()]);
    let intent = OfficeIntent::office_only(vec!["office.test".parse()?], inside);
    store.set_office(Office::new(intent, now())?).await?;
    switch_on(&store, kind, port, fs::read_to_string(certificates.join("leaf.crt"))?).await?;
    let mut people = Vec::with_capacity(PEOPLE);
    for number in 0..PEOPLE {
        people.push(sign_in(&store, number).await?);
    }
    let conversation = converse(&store, &people).await?;
    let Some((sender, others)) = people.split_first() else { return Ok(()) };
    let mut asleep = 0;
    for person in others {
        for device in 0..DEVICES {
            let device = if device == 0 { person.clone() } else { another(&store, person, device).await? };
            let registration = registration(kind, port, asleep)?;
            done(store.register_push(&device, rid("push"), registration, now()).await?)?;
            done(store.set_activity(&device, rid("sleep"), Activity::Background, now()).await?)?;
            asleep += 1;
        }
    }
    for number in 0..pushes.div_ceil(asleep) {
        let text = format!("What is said for the {number}th time, as long as such things are.");
        let said = Said { client_id: format!("m-{number}").parse()?, text: text.parse()?, html: None };
        done(store.say(sender, rid(&format!("say-{number}")), conversation.clone(), said, now()).await?)?;
    }
    Ok(())
}

async fn switch_on(store: &Store, kind: Kind, port: u16, trusted: String) -> Result<()> {
    let key = KeyPair::generate()?;
    match kind {
        Kind::Apple => {
            let (team_id, key_id) = ("TEAM000001".to_owned(), "KEY0000001".to_owned());
            let settings = ApnsSettings {
                endpoint: format!("https://localhost:{port}"),
                topic: "org.example.fulmar".to_owned(),
                auth: ApnsAuth::Token { team_id, key_id, key_pem: key.serialize_pem() },
                trust_anchors_pem: Some(trusted),
            };
            store.set_apns_settings(settings, now()).await?;
        }
        Kind::Web => {
            let settings = WebPushSettings {
                contact: "mailto:admin@office.example".parse()?,
                private_hosts: BTreeSet::from(["localhost".parse()?]),
                trust_anchors_pem: Some(trusted),
            };
            let public = URL_SAFE_NO_PAD.encode(key.der_bytes());
            let key = VapidKey { pkcs8: Pkcs8(key.serialize_der()), public };
            store.set_web_push_settings(settings, key, now()).await?;
        }
    }
    Ok(())
}

fn registration(kind: Kind, port: u16, number: usize) -> Result<PushRegistration> {
    Ok(match kind {
        Kind::Apple => PushRegistration::Apns(format!("{number:064x}").parse()?),
        Kind::Web => PushRegistration::WebPush(Subscription {
            endpoint: format!("https://localhost:{port}/push/{number}").parse()?,
            key: URL_SAFE_NO_PAD.encode(KeyPair::generate()?.der_bytes()).parse()?,
            auth: URL_SAFE_NO_PAD.encode([7; 16]).parse()?,
        }),
    })
}

fn address(number: usize) -> Result<SipUri> {
    Ok(format!("p{number}@office.test").parse()?)
}

async fn sign_in(store: &Store, number: usize) -> Result<Actor> {
    let name = format!("p{number}");
    let made = store.create_account(address(number)?, name.parse()?, "hash".into(), now()).await?;
    let NewAccount::Created(account) = made else { anyhow::bail!("an account was not made") };
    session(store, account.id, &address(number)?, &name).await
}

/// A further device of a person.
async fn another(store: &Store, person: &Actor, device: usize) -> Result<Actor> {
    let name = person.session.as_str();
    let number = name.trim_start_matches('p').parse()?;
    session(store, person.account, &address(number)?, &format!("{name}-{device}")).await
}

async fn session(store: &Store, account: AccountId, person: &SipUri, name: &str) -> Result<Actor> {
    let ticket = TicketDigest::of(name.as_bytes());
    let proved = store.credentials(person).await?.context("there is nobody of that address")?;
    store.keep_ticket(ticket, proved, now() + Duration::from_secs(3600)).await?;
    let session = NewSession {
        id: name.parse()?,
        account,
        endpoint: name.parse()?,
        device_name: "phone".into(),
        device_type: DeviceType::Mobile,
        arrival: Some(Arrival::default()),
    };
    let started = store.start_session(session, ticket, now()).await?;
    ensure!(matches!(started, StartedSession::Started(_)), "somebody was not signed in");
    Ok(Actor { account, session: name.parse()? })
}

/// All of them in one conversation.
async fn converse(store: &Store, people: &[Actor]) -> Result<ConversationId> {
    let id: ConversationId = "all".parse()?;
    let Some((first, others)) = people.split_first() else { return Ok(id) };
    for (number, person) in others.iter().enumerate() {
        let (invitation, whom) = (format!("i-{number}").parse()?, address(number + 1)?);
        if number == 0 {
            let about = About::default();
            let opening = Opening { id: id.clone(), invitation, with: whom, about, first: None };
            done(store.open_conversation(first, rid("open"), opening, now()).await?)?;
        } else {
            let joining = Joining { conversation: id.clone(), invitation, whom, operation: None };
            let request = rid(&format!("invite-{number}"));
            done(store.invite_into_conversation(first, request, joining, now()).await?)?;
        }
        done(store.step_conversation(person, rid("accept"), id.clone(), Step::Accept, now()).await?)?;
    }
    Ok(id)
}

fn done(executed: Executed) -> Result<()> {
    match executed {
        Executed::Done(Ok(_)) => Ok(()),
        other => anyhow::bail!("what was asked of the store was not done: {other:?}"),
    }
}

fn rid(text: &str) -> Option<RequestId> {
    text.parse().ok()
}

fn now() -> Timestamp {
    Timestamp::from_millis(0) + SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}
