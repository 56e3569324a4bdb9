//! Firebase Cloud Messaging with the token endpoint of Google ("FCM HTTP v1 API").

use std::{
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use form_urlencoded::parse;
use http::{Method, StatusCode};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair};
use serde_json::{Value, json};

pub use crate::https::{Behaviour, Received};
use crate::{
    access::Issued,
    https::{Desk, Reply, Server},
    jwt::verified,
};

/// The project that messages are taken for.
const PROJECT: &str = "fulmar-standin";
const EMAIL: &str = "push@fulmar-standin.iam.gserviceaccount.com";
const KEY_ID: &str = "0123456789abcdef";
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const MAX_BODY: usize = 4096;

/// A running stand-in. It ends when this is dropped.
pub struct FcmStandin(Server<Service>);

impl FcmStandin {
    /// Listens, and serves until the handle is dropped.
    pub async fn start() -> Result<Self> {
        let key_pem = new_key()?;
        let key = RsaKeyPair::from_pkcs8(&pkcs8(&key_pem)?)
            .map_err(|error| anyhow::anyhow!("the key of the service account is of no use: {error}"))?;
        let public_key = key.public_key().as_ref().to_vec();
        let service = |port| Service {
            token_uri: format!("https://localhost:{port}/token"),
            key_pem,
            public_key,
            issued: Issued::default(),
        };
        Ok(Self(Server::start(service).await?))
    }

    /// Where it is reached.
    pub fn endpoint(&self) -> String {
        self.0.origin()
    }

    /// The authority that vouches for it.
    pub fn ca_pem(&self) -> &str {
        self.0.ca_pem()
    }

    /// The file that the console of Firebase gives to an administrator.
    pub fn service_account(&self) -> String {
        json!({
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": KEY_ID,
            "private_key": self.0.shared.desk.key_pem,
            "client_email": EMAIL,
            "token_uri": self.0.shared.desk.token_uri,
        })
        .to_string()
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

/// A key of nobody. ring makes none for RSA.
fn new_key() -> Result<String> {
    let mut openssl = Command::new("openssl");
    let made =
        openssl.args(["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]).output();
    let made = made.context("`openssl` can not be run")?;
    anyhow::ensure!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
    Ok(String::from_utf8(made.stdout)?)
}

fn pkcs8(pem: &str) -> Result<Vec<u8>> {
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(lines).context("the key of the service account is not PEM")
}

struct Service {
    token_uri: String,
    key_pem: String,
    public_key: Vec<u8>,
    issued: Issued,
}

impl Desk for Service {
    fn judge(&self, request: &Received) -> Reply {
        match request.uri.path() {
            _ if request.method != Method::POST => {
                error(StatusCode::METHOD_NOT_ALLOWED, "INVALID_ARGUMENT", None)
            }
            "/token" if self.asks_rightly(&request.body) => self.issued.issue(),
            "/token" => Reply::says(StatusCode::BAD_REQUEST, json!({ "error": "invalid_grant" }).to_string()),
            path if path == format!("/v1/projects/{PROJECT}/messages:send") => self.take(request),
            _ => error(StatusCode::NOT_FOUND, "NOT_FOUND", None),
        }
    }
}

impl Service {
    /// RFC 7523 §3, with the claims that Google wants.
    fn asks_rightly(&self, body: &[u8]) -> bool {
        let field = |name| parse(body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let assertion = field("assertion").unwrap_or_default();
        let signed = verified(&assertion, &RSA_PKCS1_2048_8192_SHA256, &self.public_key);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        field("grant_type").as_deref() == Some(GRANT)
            && signed.is_some_and(|(header, claims)| {
                let (issued, ends) = (claims["iat"].as_u64(), claims["exp"].as_u64());
                let lasts = issued
                    .zip(ends)
                    .is_some_and(|(issued, ends)| issued <= now + 60 && ends > now && ends <= issued + 3600);
                header["alg"] == "RS256"
                    && header["kid"] == KEY_ID
                    && claims["iss"] == EMAIL
                    && claims["scope"] == SCOPE
                    && claims["aud"] == self.token_uri.as_str()
                    && lasts
            })
    }

    fn take(&self, request: &Received) -> Reply {
        if !self.issued.is_shown(&request.headers) {
            return error(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", None);
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let message = &body["message"];
        let texts = message["data"].as_object().is_none_or(|data| data.values().all(Value::is_string));
        let ttl = message["android"]["ttl"].as_str().is_none_or(|ttl| {
            ttl.strip_suffix('s').is_some_and(|seconds| seconds.parse::<u32>().is_ok_and(|s| s <= 2_419_200))
        });
        if !message["token"].is_string() || !texts || !ttl || request.body.len() > MAX_BODY {
            let argument = "INVALID_ARGUMENT";
            return error(StatusCode::BAD_REQUEST, argument, Some(argument));
        }
        let name = format!("projects/{PROJECT}/messages/1");
        Reply::says(StatusCode::OK, json!({ "name": name }).to_string())
    }
}

/// A refusal as Google writes it, with the code of Firebase among its details.
fn error(status: StatusCode, word: &str, code: Option<&str>) -> Reply {
    Reply::says(status, body(status, word, code))
}

fn body(status: StatusCode, word: &str, code: Option<&str>) -> String {
    let kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
    let details: Vec<_> = code.map(|code| json!({ "@type": kind, "errorCode": code })).into_iter().collect();
    json!({ "error": { "code": status.as_u16(), "status": word, "details": details } }).to_string()
}

/// A behaviour: the refusal that Firebase gives with this code.
pub fn refusal(status: StatusCode, code: &str) -> Behaviour {
    Behaviour::Answer { status, headers: vec![], body: body(status, code, Some(code)) }
}
