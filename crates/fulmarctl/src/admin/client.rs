use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Method, Request, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::net::UnixStream;

const JSON: &str = "application/json";

/// The admin API behind a Unix socket.
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// The box that listens on this socket.
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Reads something.
    ///
    /// # Errors
    /// What went wrong, in the words of the box where it has any.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let body = self.send(Method::GET, path, JSON, Bytes::new()).await?;
        serde_json::from_slice(&body).with_context(|| format!("the answer to `{path}` is not understood"))
    }

    /// Changes something; returns what is answered, or `null`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn change(&self, method: Method, path: &str, body: &impl Serialize) -> Result<Value> {
        let body = self.send(method, path, JSON, serde_json::to_vec(body)?.into()).await?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).with_context(|| format!("the answer to `{path}` is not understood"))
    }

    /// Puts a text somewhere; returns what is answered.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn put_text(&self, path: &str, text: String) -> Result<Value> {
        let body = self.send(Method::PUT, path, "text/plain; charset=utf-8", text.into()).await?;
        serde_json::from_slice(&body).with_context(|| format!("the answer to `{path}` is not understood"))
    }

    /// Puts bytes somewhere.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn put_bytes(&self, path: &str, bytes: Vec<u8>) -> Result<()> {
        self.send(Method::PUT, path, "application/octet-stream", bytes.into()).await.map(drop)
    }

    async fn send(&self, method: Method, path: &str, content_type: &str, body: Bytes) -> Result<Bytes> {
        let shown = self.socket.display();
        let stream = UnixStream::connect(&self.socket).await.with_context(|| {
            format!("can not reach the box at `{shown}`: is `fulmard` running, and may you open its socket?")
        })?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header(CONTENT_TYPE, content_type)
            .body(Full::<Bytes>::from(body))?;
        let response = sender.send_request(request).await.context("the box broke the connection")?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
            bail!("{}", problem["detail"].as_str().unwrap_or(status.as_str()));
        }
        Ok(body)
    }
}
