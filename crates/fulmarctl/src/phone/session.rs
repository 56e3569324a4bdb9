//! A signed-in session of the mobility service.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use fulmar_domain::SipUri;
use fulmar_wire::{
    Secret,
    challenge::TICKET_HEADER,
    mcx::{
        self, About, Command, Event, Events, Format, Instant, McxError, Poll, Request, Requests, Response,
        Responses,
    },
};
use http::{Method, StatusCode};
use thiserror::Error;
use tokio::time::{Instant as Clock, timeout_at};

use super::{Network, Reply, SignedIn, sign_in};

/// How long a phone waits for an event that should come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A phone whose person is signed in.
pub struct Phone {
    network: Network,
    signed_in: SignedIn,
    sid: String,
    vapid_key: Option<String>,
    commands: u64,
    ack: u64,
    waiting: VecDeque<Event>,
}

/// The box's refusal of a request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{status}: {code}: {reason}")]
pub struct Refused {
    /// The status.
    pub status: StatusCode,
    /// The word for programs, such as `noSession`.
    pub code: String,
    /// The sentence for people.
    pub reason: String,
}

/// A message as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// In which conversation.
    pub conf_id: String,
    /// SIP URI of the sender.
    pub from: String,
    /// The sender's name for it.
    pub message_id: String,
    /// What was said.
    pub text: Secret,
}

impl Phone {
    /// Finds the box, signs in and begins a session for the device `endpoint`.
    ///
    /// # Errors
    /// Whatever does not lead on.
    pub async fn sign_in(
        network: &Network,
        address: &SipUri,
        password: &Secret,
        endpoint: &str,
        port: u16,
    ) -> Result<Self> {
        Self::begin(network, sign_in(network, address, password, port).await?, endpoint).await
    }

    /// Begins a session for the device `endpoint`.
    ///
    /// # Errors
    /// When the box refuses.
    pub async fn begin(network: &Network, signed_in: SignedIn, endpoint: &str) -> Result<Self> {
        Self::begin_as(network, signed_in, endpoint, "Self-test").await
    }

    /// Begins a session for the device `endpoint`, which its person calls `name`.
    ///
    /// # Errors
    /// When the box refuses.
    pub async fn begin_as(
        network: &Network,
        signed_in: SignedIn,
        endpoint: &str,
        name: &str,
    ) -> Result<Self> {
        let mut phone = Self {
            network: network.clone(),
            signed_in,
            sid: String::new(),
            vapid_key: None,
            commands: 0,
            ack: 0,
            waiting: VecDeque::new(),
        };
        let command = Command::InitiateSession {
            endpoint_id: endpoint.to_owned(),
            device_name: name.to_owned(),
            client_tag: concat!("fulmarctl/", env!("CARGO_PKG_VERSION")).to_owned(),
            availability: None,
        };
        match phone.post(None, command).await? {
            Response::SessionInitiated { sid, vapid_key, .. } => {
                (phone.sid, phone.vapid_key) = (sid, vapid_key);
            }
            other => bail!("`initiateSession` was answered with {other:?}"),
        }
        Ok(phone)
    }

    /// The name of the session.
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// The key to subscribe for at a service of Web Push, where the box wakes phones that way.
    pub fn vapid_key(&self) -> Option<&str> {
        self.vapid_key.as_deref()
    }

    /// Where the mobility service is, and the ticket for it.
    pub fn signed_in(&self) -> &SignedIn {
        &self.signed_in
    }

    /// Gives a command; returns its name once the box has taken it up.
    ///
    /// # Errors
    /// When the box rejects it.
    pub async fn command(&mut self, command: Command) -> Result<String> {
        let sid = self.sid.clone();
        match self.post(Some(sid), command).await? {
            Response::Accepted { rid } => Ok(rid),
            other => bail!("the command was answered with {other:?}"),
        }
    }

    /// Gives a command and waits for its result; the conversation it concerns, if it concerns one.
    ///
    /// # Errors
    /// When the box rejects it, or it comes to nothing.
    pub async fn perform(&mut self, command: Command) -> Result<Option<String>> {
        let name = command.name();
        let given = self.command(command).await?;
        self.until(name, |event| match event {
            Event::RequestSucceeded { rid, conf_id } if *rid == given => Some(Ok(conf_id.clone())),
            Event::RequestFailed { rid, code } if *rid == given => {
                Some(Err(anyhow!("`{name}` failed: {code}")))
            }
            _ => None,
        })
        .await?
    }

    /// Asks somebody for a conversation and says something; the name of the conversation.
    ///
    /// # Errors
    /// As [`Self::perform`].
    pub async fn invite(&mut self, to: &SipUri, message_id: &str, text: &str) -> Result<String> {
        let first =
            Some(Instant { message_id: message_id.to_owned(), format: Format::Plain, text: text.into() });
        let conf_id = self
            .perform(Command::InitiateImSession { to: to.to_string(), about: About::default(), first })
            .await?;
        conf_id.context("the result names no conversation")
    }

    /// Says something.
    ///
    /// # Errors
    /// As [`Self::perform`].
    pub async fn say(&mut self, conf_id: &str, message_id: &str, text: &str) -> Result<()> {
        let message = Instant { message_id: message_id.to_owned(), format: Format::Plain, text: text.into() };
        self.perform(Command::SendMessage { conf_id: conf_id.to_owned(), message }).await.map(drop)
    }

    /// Waits for a message, in any conversation.
    ///
    /// # Errors
    /// When none comes.
    pub async fn message(&mut self) -> Result<Received> {
        self.until("a message", received).await
    }

    /// Waits for a message in this conversation.
    ///
    /// # Errors
    /// When none comes.
    pub async fn message_in(&mut self, conf_id: &str) -> Result<Received> {
        self.until("a message", |event| received(event).filter(|received| received.conf_id == conf_id)).await
    }

    /// Waits for an invitation: the conversation, and who asks.
    ///
    /// # Errors
    /// When none comes.
    pub async fn invitation(&mut self) -> Result<(String, String)> {
        self.until("an invitation", |event| match event {
            Event::ImSessionReceived { conf_id, from, .. } => Some((conf_id.clone(), from.clone())),
            _ => None,
        })
        .await
    }

    /// Waits until a message of this person has reached somebody.
    ///
    /// # Errors
    /// When that is not told.
    pub async fn delivered(&mut self, wanted: &str) -> Result<()> {
        self.until("the delivery", |event| match event {
            Event::MessageDelivered { message_id, .. } if message_id == wanted => Some(()),
            _ => None,
        })
        .await
    }

    /// Waits for an event that `pick` takes. Those it does not take stay for the next call.
    ///
    /// # Errors
    /// When no such event comes within 20 seconds.
    pub async fn until<T>(&mut self, what: &str, pick: impl Fn(&Event) -> Option<T>) -> Result<T> {
        let deadline = Clock::now() + PATIENCE;
        let mut seen = 0;
        loop {
            while let Some(event) = self.waiting.get(seen) {
                if let Some(picked) = pick(event) {
                    self.waiting.remove(seen);
                    return Ok(picked);
                }
                seen += 1;
            }
            let polled = timeout_at(deadline, self.fetch(PATIENCE)).await;
            polled.map_err(|_| anyhow!("{what} did not come within {} s", PATIENCE.as_secs()))??;
        }
    }

    /// The oldest event that was fetched and not looked at.
    pub fn next_waiting(&mut self) -> Option<Event> {
        self.waiting.pop_front()
    }

    /// Acknowledges what was fetched before and fetches what is newer, waiting no longer than `wait`.
    ///
    /// # Errors
    /// When the box refuses.
    pub async fn fetch(&mut self, wait: Duration) -> Result<()> {
        let wait = u64::try_from(wait.as_millis()).ok();
        let poll = Poll { sid: self.sid.clone(), ack_id: self.ack, wait };
        let url = format!("{}?{}", self.signed_in.mcx_url, poll.to_query());
        let ticket = format!("cwt={}", self.signed_in.ticket.reveal());
        let reply = self.network.request(Method::GET, &url, &[(TICKET_HEADER, &ticket)], "").await?;
        check(&reply)?;
        let events = Events::parse(&reply.body)?;
        self.ack = events.ack_id;
        self.waiting.extend(events.events.into_iter().map(|numbered| numbered.event));
        Ok(())
    }

    async fn post(&mut self, sid: Option<String>, command: Command) -> Result<Response> {
        self.commands += 1;
        let rid = self.commands.to_string();
        let body = Requests { sid, commands: vec![Ok(Request { rid, command })] }.to_xml();
        let ticket = format!("cwt={}", self.signed_in.ticket.reveal());
        let headers = [("content-type", mcx::CONTENT_TYPE), (TICKET_HEADER, &ticket)];
        let reply = self.network.request(Method::POST, &self.signed_in.mcx_url, &headers, body).await?;
        check(&reply)?;
        match Responses::parse(&reply.body)?.responses.into_iter().next() {
            Some(Response::Rejected(rejection)) => bail!("{}: {}", rejection.code.as_str(), rejection.reason),
            Some(response) => Ok(response),
            None => bail!("the answer holds nothing"),
        }
    }
}

fn received(event: &Event) -> Option<Received> {
    let Event::MessageReceived { conf_id, from, message_id, text, .. } = event else { return None };
    Some(Received {
        conf_id: conf_id.clone(),
        from: from.clone(),
        message_id: message_id.clone(),
        text: text.clone(),
    })
}

fn check(reply: &Reply) -> Result<()> {
    let status = reply.status;
    if status.is_success() {
        return Ok(());
    }
    match McxError::parse(&reply.body) {
        Ok(McxError { code, reason }) => Err(Refused { status, code, reason }.into()),
        Err(_) => bail!("the mobility service answers {status}"),
    }
}
