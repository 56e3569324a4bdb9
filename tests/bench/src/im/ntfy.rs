//! Phones of ntfy: a stream of JSON lines from a topic, and posts to it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http::Request as Http;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::task::JoinSet;

use super::{
    Listener, Service, Speaker,
    line::{Line, Place},
    peer::Peer,
};
use crate::push::{Turn, Usage};

pub(crate) struct Server(pub(crate) Peer);

impl Service for Server {
    type Listener = Subscriber;
    type Speaker = Publisher;

    fn process(&self) -> u32 {
        self.0.process()
    }

    fn listener(&self, number: usize) -> impl Future<Output = Result<Subscriber>> + Send + 'static {
        Subscriber::new(self.0.place.clone(), format!("phone{number}"))
    }

    async fn pair(&self, number: usize) -> Result<(Publisher, Subscriber)> {
        let topic = format!("pair{number}");
        let subscriber = Subscriber::new(self.0.place.clone(), topic.clone()).await?;
        Ok((Publisher { line: self.0.place.line().await?, topic }, subscriber))
    }
}

pub(crate) struct Subscriber {
    _line: Line,
    stream: Incoming,
    read: Vec<u8>,
}

impl Subscriber {
    async fn new(place: Place, topic: String) -> Result<Self> {
        let mut line = place.line().await?;
        let stream = line.begin(Http::get(format!("/{topic}/json")), String::new()).await?.into_body();
        Ok(Self { _line: line, stream, read: Vec::new() })
    }
}

impl Listener for Subscriber {
    async fn hear(&mut self) -> Result<String> {
        loop {
            while let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                let event: Value = serde_json::from_slice(&line)?;
                if let Some(text) = event["message"].as_str() {
                    return Ok(text.to_owned());
                }
            }
            let frame = self.stream.frame().await.context("the stream has ended")??;
            self.read.extend_from_slice(&frame.into_data().unwrap_or_default());
        }
    }
}

pub(crate) struct Publisher {
    line: Line,
    topic: String,
}

impl Speaker for Publisher {
    async fn say(&mut self, text: &str) -> Result<()> {
        self.line.ask(Http::post(format!("/{}", self.topic)), text.to_owned()).await.map(drop)
    }
}

/// How many publish at a time where nobody listens, and for how long.
pub(crate) const CONNECTIONS: usize = 64;
const PUBLISH: Duration = Duration::from_secs(5);

/// How many messages it keeps a second.
pub(crate) async fn publish(peer: &Peer) -> Result<Turn> {
    let (before, begun) = (Usage::of(peer.process())?, Instant::now());
    let mut publishing = JoinSet::new();
    for number in 0..CONNECTIONS {
        let mut line = peer.place.line().await?;
        publishing.spawn(async move {
            let mut published = 0;
            while begun.elapsed() < PUBLISH {
                line.ask(Http::post(format!("/topic{number}")), "m".repeat(100)).await?;
                published += 1;
            }
            anyhow::Ok(published)
        });
    }
    let mut published = 0;
    while let Some(connection) = publishing.join_next().await {
        published += connection??;
    }
    let (seconds, after) = (begun.elapsed().as_secs_f64(), Usage::of(peer.process())?);
    Ok(Turn { pushes: f64::from(published), seconds, cpu: after.cpu - before.cpu, mib: after.mib })
}
