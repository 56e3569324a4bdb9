//! Phones of ntfy: a stream of JSON lines from a topic, and posts to it.

use anyhow::{Context, Result};
use http::Request as Http;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use super::{
    Listener, Service, Speaker,
    line::{Line, Place},
    peer::Peer,
};

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
