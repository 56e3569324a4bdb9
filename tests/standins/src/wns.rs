//! Windows Push Notification Services with the token endpoint of Microsoft ("Push notification service request and response
//! headers").

use std::collections::HashMap;

use anyhow::Result;
use form_urlencoded::parse;
use http::{Method, StatusCode};
use serde_json::json;

pub use crate::https::{Behaviour, Received};
use crate::{
    access::Issued,
    https::{Desk, Reply, Server},
};

/// The app whose pushes are taken.
pub const PACKAGE_SID: &str = "ms-app://s-1-15-2-1234567890";
/// Its secret.
pub const SECRET: &str = "the-secret-of-the-app";
const MAX_BODY: usize = 5000;

/// A running stand-in. It ends when this is dropped.
pub struct WnsStandin(Server<Service>);

impl WnsStandin {
    /// Listens, and serves until the handle is dropped.
    pub async fn start() -> Result<Self> {
        Ok(Self(Server::start(|_| Service { issued: Issued::default() }).await?))
    }

    /// Where tokens come from.
    pub fn token_endpoint(&self) -> String {
        format!("{}/accesstoken.srf", self.0.origin())
    }

    /// The channel of a device.
    pub fn channel(&self) -> String {
        format!("{}/?token=AgYAAADCM0ruyKK0", self.0.origin())
    }

    /// The authority that vouches for it.
    pub fn ca_pem(&self) -> &str {
        self.0.ca_pem()
    }

    /// Has no token that was issued be good any more.
    pub fn revoke_tokens(&self) {
        self.0.shared.desk.issued.revoke();
    }

    /// Says what to do with the next requests, in the order of their arrival; those after them are judged.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.0.script(behaviours);
    }

    /// Every request so far, refused ones and those for tokens too.
    pub fn received(&self) -> Vec<Received> {
        self.0.received()
    }
}

struct Service {
    issued: Issued,
}

impl Desk for Service {
    fn judge(&self, request: &Received) -> Reply {
        match request.uri.path() {
            _ if request.method != Method::POST => refused(StatusCode::METHOD_NOT_ALLOWED, "only POST"),
            "/accesstoken.srf" => self.grant(&request.body),
            "/" if request.uri.query() == Some("token=AgYAAADCM0ruyKK0") => self.take(request),
            _ => refused(StatusCode::NOT_FOUND, "no such channel"),
        }
    }
}

impl Service {
    fn grant(&self, body: &[u8]) -> Reply {
        let form: HashMap<_, _> = parse(body).into_owned().collect();
        let is = |name, value: &str| form.get(name).is_some_and(|given| given == value);
        let asks = is("grant_type", "client_credentials") && is("scope", "notify.windows.com");
        if asks && is("client_id", PACKAGE_SID) && is("client_secret", SECRET) {
            return self.issued.issue();
        }
        Reply::says(StatusCode::UNAUTHORIZED, json!({ "error": "invalid_client" }).to_string())
    }

    fn take(&self, request: &Received) -> Reply {
        if !self.issued.is_shown(&request.headers) {
            return refused(StatusCode::UNAUTHORIZED, "the token is not good");
        }
        let field = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
        let tag = field("x-wns-tag").is_none_or(|tag| {
            (1..=16).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        let ttl = field("x-wns-ttl").is_none_or(|ttl| ttl.parse::<u32>().is_ok());
        if field("x-wns-type") != Some("wns/toast")
            || field("content-type") != Some("text/xml")
            || !tag
            || !ttl
        {
            return refused(StatusCode::BAD_REQUEST, "a header is wrong");
        }
        // A chunked body is refused.
        if field("content-length").is_none() {
            return refused(StatusCode::BAD_REQUEST, "there is no length");
        }
        if request.body.len() > MAX_BODY {
            return refused(StatusCode::PAYLOAD_TOO_LARGE, "more than 5000 bytes");
        }
        Reply(StatusCode::OK, status("received"), String::new())
    }
}

fn refused(status: StatusCode, description: &str) -> Reply {
    Reply(status, vec![("x-wns-error-description", description.to_owned())], String::new())
}

fn status(word: &str) -> Vec<(&'static str, String)> {
    vec![("x-wns-status", word.to_owned()), ("x-wns-deviceconnectionstatus", "connected".to_owned())]
}

/// A behaviour: the request is taken, and this is said of it.
pub fn taken(word: &str) -> Behaviour {
    Behaviour::Answer { status: StatusCode::OK, headers: status(word), body: String::new() }
}
