use std::{collections::VecDeque, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use fulmar_domain::SipUri;
use fulmar_wire::Secret;
use fulmarctl::phone::{Network, Reply, ticket};
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::{Event, Led, Resource, events};

const JSON: &str = "application/json";
/// How long a client waits for an event that should come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody's application.
pub struct Application {
    network: Network,
    /// Scheme, host and port of everything in it.
    origin: String,
    ticket: Secret,
    place: String,
    next: String,
    waiting: VecDeque<Event>,
}

/// What the box answers, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The answer as it came.
    pub reply: Reply,
    /// The body, where it is JSON.
    pub body: Resource,
}

/// An answer that is an error, in the words of UCWA.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{status}: {code}/{subcode}: {message}")]
pub struct Refused {
    /// The status.
    pub status: StatusCode,
    /// The code, such as `Conflict`.
    pub code: String,
    /// The subcode, such as `AlreadyExists`; empty when there is none.
    pub subcode: String,
    /// The sentence for people.
    pub message: String,
}

impl Answer {
    fn new(reply: Reply) -> Self {
        let body = serde_json::from_slice(&reply.body).unwrap_or_default();
        Self { reply, body: Resource(body) }
    }

    /// The status as a number.
    pub fn status(&self) -> u16 {
        self.reply.status.as_u16()
    }

    /// Where what was made is.
    ///
    /// # Errors
    /// When it is not said.
    pub fn location(&self) -> Result<&str> {
        self.reply.header("location").context("the answer has no `Location`")
    }

    /// The answer, unless it is an error.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn success(self) -> Result<Self> {
        let status = self.reply.status;
        if status.is_success() {
            return Ok(self);
        }
        let text = |name| self.body.text(name).to_owned();
        let (code, subcode, message) = (text("code"), text("subcode"), text("message"));
        Err(Refused { status, code, subcode, message }.into())
    }
}

impl Application {
    /// Finds the box from an address, signs in with a password, and makes the application of `endpoint`.
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
        let url = format!("https://lyncdiscoverinternal.{}:{port}/", address.domain());
        let root = ask(network, Method::GET, &url, &[], "").await?.success()?;
        let user_url = root.body.link("user")?;
        let ticket = ticket(network, user_url, address, password).await?;
        let bearer = bearer(&ticket);
        let user = ask(network, Method::GET, user_url, &[("authorization", &bearer)], "").await?.success()?;
        Self::make(network, user.body.link("applications")?, ticket, endpoint).await
    }

    /// Makes the application of `endpoint`, or finds the one that it has.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn make(network: &Network, applications: &str, ticket: Secret, endpoint: &str) -> Result<Self> {
        let url: Uri = applications.parse().with_context(|| format!("`{applications}` is no URL"))?;
        let host = url.authority().with_context(|| format!("`{applications}` has no host"))?;
        let mut application = Self {
            network: network.clone(),
            origin: format!("https://{host}"),
            ticket,
            place: url.path().to_owned(),
            next: String::new(),
            waiting: VecDeque::new(),
        };
        let wanted = json!({ "userAgent": "Suite/1", "endpointId": endpoint, "culture": "en-US" });
        let made = application.post(url.path(), &wanted).await?.body;
        application.next = made.link("events")?.to_owned();
        application.place = made.href()?.to_owned();
        Ok(application)
    }

    /// Asks, whatever comes of it. `href` is as a link has it.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(
        &self,
        method: Method,
        href: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer> {
        let url = if href.starts_with('/') { format!("{}{href}", self.origin) } else { href.to_owned() };
        let bearer = bearer(&self.ticket);
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        ask(&self.network, method, &url, &headers, body).await
    }

    /// A resource.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn get(&self, href: &str) -> Result<Resource> {
        Ok(self.ask(Method::GET, href, &[], "").await?.success()?.body)
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn post(&self, href: &str, body: &Value) -> Result<Answer> {
        let answer = self.ask(Method::POST, href, &[("content-type", JSON)], &body.to_string()).await?;
        answer.success()
    }

    /// Posts nothing.
    ///
    /// # Errors
    /// [`Refused`], and when the answer is not 204.
    pub async fn act(&self, href: &str) -> Result<()> {
        let answer = self.ask(Method::POST, href, &[], "").await?.success()?;
        ensure!(answer.status() == 204, "`{href}` answers {}", answer.reply.status);
        Ok(())
    }

    /// Puts a resource back, changed, on condition that nobody else has changed it since.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn put(&self, resource: &Resource) -> Result<Resource> {
        let etag = format!("\"{}\"", resource.text("etag"));
        let headers = [("content-type", JSON), ("if-match", etag.as_str())];
        let answer = self.ask(Method::PUT, resource.href()?, &headers, &resource.0.to_string()).await?;
        Ok(answer.success()?.body)
    }

    /// Deletes.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn delete(&self, href: &str) -> Result<()> {
        self.ask(Method::DELETE, href, &[], "").await?.success().map(drop)
    }

    /// Where the application is.
    pub fn href(&self) -> &str {
        &self.place
    }

    /// What is reached from the application by these rels, each embedded or behind a link.
    ///
    /// # Errors
    /// [`Refused`], and when there is no such link.
    pub async fn follow(&self, rels: &[&str]) -> Result<Resource> {
        let mut reached = self.get(&self.place).await?;
        for rel in rels {
            reached = match reached.embedded(rel) {
                Some(embedded) => embedded,
                None => self.get(reached.link(rel)?).await?,
            };
        }
        Ok(reached)
    }

    /// Lets others see that its person is here.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn make_available(&self, sign_in_as: &str) -> Result<()> {
        let me = self.follow(&["me"]).await?;
        let wanted = json!({
            "signInAs": sign_in_as,
            "supportedModalities": ["Messaging"],
            "supportedMessageFormats": ["Plain", "Html"],
        });
        self.post(me.link("makeMeAvailable")?, &wanted).await.map(drop)
    }

    /// Acknowledges what was fetched before and waits for what is newer; where the channel leads from there.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn fetch(&mut self) -> Result<Led> {
        let (events, led, next) = events::read(&self.get(&self.next).await?)?;
        self.waiting.extend(events);
        self.next = next;
        Ok(led)
    }

    /// Where the next events are.
    pub fn next(&self) -> &str {
        &self.next
    }

    /// Events that were fetched and not looked at, in their order.
    pub fn waiting(&mut self) -> impl Iterator<Item = Event> {
        self.waiting.drain(..)
    }

    /// Waits for an event that `pick` takes. Those it does not take stay for the next call.
    ///
    /// # Errors
    /// When no such event comes within 20 seconds.
    pub async fn until<T>(&mut self, what: &str, pick: impl Fn(&Event) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = 0;
        loop {
            while let Some(event) = self.waiting.get(seen) {
                if let Some(picked) = pick(event) {
                    self.waiting.remove(seen);
                    return Ok(picked);
                }
                seen += 1;
            }
            let fetched = timeout_at(deadline, self.fetch()).await;
            fetched.map_err(|_| anyhow!("{what} did not come within {} s", PATIENCE.as_secs()))??;
        }
    }

    /// Waits for an event of that kind about that sort of resource.
    ///
    /// # Errors
    /// As [`Self::until`].
    pub async fn event(&mut self, kind: &str, rel: &str) -> Result<Event> {
        let what = format!("`{rel}` {kind}");
        self.until(&what, |event| event.is(kind, rel).then(|| event.clone())).await
    }
}

fn bearer(ticket: &Secret) -> String {
    format!("Bearer cwt={}", ticket.reveal())
}

async fn ask(
    network: &Network,
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answer> {
    let accept = headers.iter().all(|(name, _)| *name != "accept").then_some(("accept", JSON));
    let headers: Vec<_> = headers.iter().copied().chain(accept).collect();
    let reply = network.request(method, url, &headers, body.to_owned()).await?;
    Ok(Answer::new(reply))
}
