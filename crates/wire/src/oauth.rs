//! The resource owner password grant (RFC 6749 §4.3) as the web ticket service speaks it.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::{MAX_ANSWER, MAX_BODY, MAX_CREDENTIAL, Secret};

/// What a client sends to be given a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordGrant {
    /// The address of the person: at most [`MAX_CREDENTIAL`] bytes.
    pub username: String,
    /// Their password: at most [`MAX_CREDENTIAL`] bytes.
    pub password: Secret,
}

/// What it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The ticket, without the `cwt=` that stands before it on the wire.
    pub ticket: Secret,
    /// Seconds until the ticket ends.
    pub expires_in: u64,
}

/// Why it is given nothing (RFC 6749 §5.2). The text is the `error` of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OAuthError {
    /// A parameter is missing, doubled or too long, or the body is no form.
    #[error("invalid_request")]
    InvalidRequest,
    /// Wrong name or password; which of the two is not said.
    #[error("invalid_grant")]
    InvalidGrant,
    /// Anything but `password`.
    #[error("unsupported_grant_type")]
    UnsupportedGrantType,
    /// A scope that can not be one (RFC 6749 §3.3). No scope means anything here: others are not looked at.
    #[error("invalid_scope")]
    InvalidScope,
    /// Too many attempts. The name is that of RFC 6749 §4.1.2.1.
    #[error("temporarily_unavailable")]
    TemporarilyUnavailable,
    /// The box failed.
    #[error("server_error")]
    ServerError,
}

/// The body is not the answer of a token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the body is not a bearer token with `access_token` and `expires_in`")]
pub struct InvalidToken;

impl PasswordGrant {
    /// Reads a form.
    ///
    /// # Errors
    /// [`OAuthError::InvalidRequest`], [`OAuthError::UnsupportedGrantType`] or [`OAuthError::InvalidScope`].
    pub fn parse(body: &[u8]) -> Result<Self, OAuthError> {
        if body.len() > MAX_BODY {
            return Err(OAuthError::InvalidRequest);
        }
        let one = |wanted: &str| {
            let mut values =
                form_urlencoded::parse(body).filter(|(key, _)| key == wanted).map(|(_, value)| value);
            // A parameter that comes twice is refused (RFC 6749 §3.2).
            let value = values.next().ok_or(OAuthError::InvalidRequest)?.into_owned();
            if values.next().is_some() { Err(OAuthError::InvalidRequest) } else { Ok(value) }
        };
        if one("grant_type")? != "password" {
            return Err(OAuthError::UnsupportedGrantType);
        }
        if form_urlencoded::parse(body).any(|(key, scope)| key == "scope" && !is_scope(&scope)) {
            return Err(OAuthError::InvalidScope);
        }
        let short = |name| one(name).and_then(|value| bounded(value).ok_or(OAuthError::InvalidRequest));
        Ok(Self { username: short("username")?, password: short("password")?.into() })
    }

    /// The form.
    pub fn to_form(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "password")
            .append_pair("username", &self.username)
            .append_pair("password", self.password.reveal())
            .finish()
    }
}

/// The text, unless it is longer than [`MAX_CREDENTIAL`].
fn bounded(text: String) -> Option<String> {
    (text.len() <= MAX_CREDENTIAL).then_some(text)
}

/// Printable ASCII but for the quotation mark and the backslash; empty is none.
fn is_scope(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\')
}

#[derive(Serialize, Deserialize)]
struct TokenBody {
    access_token: String,
    expires_in: u64,
    #[serde(default)]
    ms_rtc_identityscope: String,
    token_type: String,
}

impl Token {
    /// The JSON body.
    pub fn to_json(&self) -> String {
        let body = TokenBody {
            access_token: format!("cwt={}", self.ticket.reveal()),
            expires_in: self.expires_in,
            ms_rtc_identityscope: "local".into(),
            token_type: "Bearer".into(),
        };
        json(&body)
    }

    /// Reads the JSON body.
    ///
    /// # Errors
    /// [`InvalidToken`]
    pub fn parse(body: &[u8]) -> Result<Self, InvalidToken> {
        let body: TokenBody = read_json(body).ok_or(InvalidToken)?;
        let ticket = body.access_token.strip_prefix("cwt=").ok_or(InvalidToken)?;
        if !body.token_type.eq_ignore_ascii_case("bearer") {
            return Err(InvalidToken);
        }
        Ok(Self { ticket: ticket.into(), expires_in: body.expires_in })
    }
}

#[derive(Serialize, Deserialize)]
struct ErrorBody {
    error: OAuthError,
}

impl OAuthError {
    /// The JSON body.
    pub fn to_json(self) -> String {
        json(&ErrorBody { error: self })
    }

    /// Reads the JSON body; `None` when it is none.
    pub fn parse(body: &[u8]) -> Option<Self> {
        read_json::<ErrorBody>(body).map(|body| body.error)
    }
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    if body.len() > MAX_ANSWER { None } else { serde_json::from_slice(body).ok() }
}

#[expect(clippy::expect_used, reason = "strings and numbers always have a JSON form")]
fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("strings and numbers have a JSON form")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_grant_reads_back(username in "\\PC{0,40}", password in "\\PC{0,40}") {
            let grant = PasswordGrant { username, password: password.into() };
            prop_assert_eq!(PasswordGrant::parse(grant.to_form().as_bytes()), Ok(grant));
        }
    }

    #[test]
    fn a_bad_form_says_what_is_bad() {
        let parse = |body: &str| PasswordGrant::parse(body.as_bytes()).unwrap_err();
        assert_eq!(parse(""), OAuthError::InvalidRequest);
        assert_eq!(parse("grant_type=password&username=a"), OAuthError::InvalidRequest);
        assert_eq!(parse("grant_type=password&username=a&username=b&password=c"), OAuthError::InvalidRequest);
        assert_eq!(parse("grant_type=client_credentials"), OAuthError::UnsupportedGrantType);
        let scoped = |scope: &str| {
            PasswordGrant::parse(
                format!("grant_type=password&username=a&password=b&scope={scope}").as_bytes(),
            )
        };
        assert_eq!(scoped("%22"), Err(OAuthError::InvalidScope));
        assert!(scoped("").is_ok() && scoped("a+b").is_ok());
        let long = "x".repeat(MAX_CREDENTIAL + 1);
        for (username, password) in [(long.as_str(), "p"), ("u", long.as_str())] {
            let form = format!("grant_type=password&username={username}&password={password}");
            assert_eq!(parse(&form), OAuthError::InvalidRequest);
        }
    }

    #[test]
    fn tokens_and_errors_read_back() {
        let token = Token { ticket: "abc".into(), expires_in: 28800 };
        assert!(token.to_json().contains(r#""access_token":"cwt=abc""#), "{}", token.to_json());
        assert_eq!(Token::parse(token.to_json().as_bytes()), Ok(token));
        assert_eq!(OAuthError::InvalidGrant.to_json(), r#"{"error":"invalid_grant"}"#);
        assert_eq!(OAuthError::parse(br#"{"error":"invalid_grant"}"#), Some(OAuthError::InvalidGrant));
        assert_eq!(OAuthError::parse(br#"{"error":"invalid_client"}"#), None);
        let mac = br#"{"access_token":"cwt=a","expires_in":1,"token_type":"mac"}"#;
        assert_eq!(Token::parse(mac), Err(InvalidToken));
        assert!(!format!("{:?}", Token { ticket: "abc".into(), expires_in: 1 }).contains("abc"));
    }
}
