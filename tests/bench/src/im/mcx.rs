//! The box and its phones.

use std::collections::VecDeque;

use anyhow::{Result, bail};
use fulmar_domain::SipUri;
use fulmar_wire::{
    autodiscover::MCX_PATH,
    challenge::{OAUTH_PATH, TICKET_HEADER},
    mcx::{
        About, CONTENT_TYPE, Command, Event, Events, Format, Instant, Poll, Request, Requests, Response,
        Responses,
    },
    oauth::{PasswordGrant, Token},
};
use http::Request as Http;
use tokio::task::JoinHandle;

use super::{
    Listener, PAIRS, Service, Speaker,
    line::{Line, Place},
};
use crate::appliance::{Appliance, PASSWORD};

/// How many of the phones that wait are one person's.
const DEVICES: usize = 5;

pub(crate) struct Office {
    appliance: Appliance,
    place: Place,
    phones: usize,
}

impl Office {
    pub(crate) async fn start(phones: usize) -> Result<Self> {
        // Those who talk have one phone each.
        let people = phones.div_ceil(DEVICES) + 2 * (PAIRS + 1);
        let people: Vec<SipUri> =
            (0..people).map(|number| person(number).parse()).collect::<Result<_, _>>()?;
        let appliance = Appliance::start(&people).await?;
        let place = Place::new(appliance.https, "web.office.test", &appliance.authority()?)?;
        Ok(Self { appliance, place, phones })
    }
}

fn person(number: usize) -> String {
    format!("p{number}@office.test")
}

impl Service for Office {
    type Listener = Phone;
    type Speaker = Talker;

    fn process(&self) -> u32 {
        self.appliance.process()
    }

    fn listener(&self, number: usize) -> impl Future<Output = Result<Phone>> + Send + 'static {
        Phone::sign_in(self.place.clone(), number / DEVICES, number % DEVICES)
    }

    async fn pair(&self, number: usize) -> Result<(Talker, Phone)> {
        let first = self.phones.div_ceil(DEVICES) + 2 * number;
        let listener = Phone::sign_in(self.place.clone(), first + 1, 0).await?;
        let mut phone = Phone::sign_in(self.place.clone(), first, 0).await?;
        let mut line = self.place.line().await?;
        let to = format!("sip:{}", person(first + 1));
        let invite = Command::InitiateImSession { to, about: About::default(), first: None };
        phone.command(&mut line, "invite", invite).await?;
        let conf_id = loop {
            let invited = |event| match event {
                Event::RequestSucceeded { conf_id, .. } => conf_id,
                _ => None,
            };
            if let Some(conf_id) = phone.poll().await?.into_iter().find_map(invited) {
                break conf_id;
            }
        };
        let (sid, ticket) = (phone.sid.clone(), phone.ticket.clone());
        let polls = tokio::spawn(async move { while phone.poll().await.is_ok() {} });
        Ok((Talker { line, sid, ticket, conf_id, polls, said: 0 }, listener))
    }
}

/// A phone that polls.
pub(crate) struct Phone {
    line: Line,
    ticket: String,
    sid: String,
    ack: u64,
    heard: VecDeque<String>,
}

impl Phone {
    async fn sign_in(place: Place, number: usize, device: usize) -> Result<Self> {
        let mut line = place.line().await?;
        let grant = PasswordGrant { username: person(number), password: PASSWORD.into() };
        let form = Http::post(OAUTH_PATH).header("content-type", "application/x-www-form-urlencoded");
        let token = Token::parse(&line.ask(form, grant.to_form()).await?)?;
        let ticket = format!("cwt={}", token.ticket.reveal());
        let command = Command::InitiateSession {
            endpoint_id: format!("phone-{device}"),
            device_name: "Bench".to_owned(),
            client_tag: "FulmarBench".to_owned(),
            availability: None,
        };
        let Response::SessionInitiated { sid, .. } = post(&mut line, &ticket, None, "1", command).await?
        else {
            bail!("a phone was not signed in");
        };
        Ok(Self { line, ticket, sid, ack: 0, heard: VecDeque::new() })
    }

    async fn command(&self, line: &mut Line, rid: &str, command: Command) -> Result<()> {
        post(line, &self.ticket, Some(self.sid.clone()), rid, command).await.map(drop)
    }

    /// Acknowledges what came before and waits for more.
    async fn poll(&mut self) -> Result<Vec<Event>> {
        let poll = Poll { sid: self.sid.clone(), ack_id: self.ack, wait: None };
        let url = format!("{MCX_PATH}?{}", poll.to_query());
        let events = self.line.ask(Http::get(url).header(TICKET_HEADER, &self.ticket), String::new()).await?;
        let events = Events::parse(&events)?;
        self.ack = events.ack_id;
        Ok(events.events.into_iter().map(|numbered| numbered.event).collect())
    }
}

impl Listener for Phone {
    async fn hear(&mut self) -> Result<String> {
        loop {
            if let Some(text) = self.heard.pop_front() {
                return Ok(text);
            }
            let messages = self.poll().await?.into_iter().filter_map(|event| match event {
                Event::MessageReceived { text, .. } => Some(text.reveal().to_owned()),
                _ => None,
            });
            self.heard.extend(messages);
        }
    }
}

/// A phone that says something over another connection than the one on which it polls.
pub(crate) struct Talker {
    line: Line,
    sid: String,
    ticket: String,
    conf_id: String,
    polls: JoinHandle<()>,
    said: u64,
}

impl Speaker for Talker {
    async fn say(&mut self, text: &str) -> Result<()> {
        self.said += 1;
        let rid = format!("say-{}", self.said);
        let message = Instant { message_id: rid.clone(), text: text.into(), format: Format::Plain };
        let command = Command::SendMessage { conf_id: self.conf_id.clone(), message };
        post(&mut self.line, &self.ticket, Some(self.sid.clone()), &rid, command).await.map(drop)
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        self.polls.abort();
    }
}

async fn post(
    line: &mut Line,
    ticket: &str,
    sid: Option<String>,
    rid: &str,
    command: Command,
) -> Result<Response> {
    let body = Requests { sid, commands: vec![Ok(Request { rid: rid.to_owned(), command })] }.to_xml();
    let request = Http::post(MCX_PATH).header("content-type", CONTENT_TYPE).header(TICKET_HEADER, ticket);
    match Responses::parse(&line.ask(request, body).await?)?.responses.pop() {
        Some(Response::Rejected(rejection)) => bail!("a command was rejected: {}", rejection.reason),
        Some(response) => Ok(response),
        None => bail!("a command was not answered"),
    }
}
