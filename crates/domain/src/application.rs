//! What a client of UCWA says of itself when it makes an application ("UCWA reference, applications").

use std::str::FromStr;

use thiserror::Error;

use crate::session::Session;

/// The most characters of each of its texts.
const MAX_TEXT: usize = 100;

/// How a client is called. Two that are called the same but for their instance are one application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientDescription {
    /// The client's own name for its installation.
    pub endpoint_id: ClientText,
    /// Its language, such as `en-US`.
    pub culture: ClientText,
    /// What program it is.
    pub user_agent: ClientText,
    /// `Browser`, `Phone` and the like.
    pub kind: ClientText,
    /// Tells the windows of one browser apart: each has its own place among the events.
    pub instance_id: Option<ClientText>,
}

/// 1 to 100 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientText(String);

/// The text is empty or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a text that describes a client has 1 to 100 characters and no control characters")]
pub struct InvalidClientText;

impl ClientText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientText {
    type Err = InvalidClientText;

    fn from_str(text: &str) -> Result<Self, InvalidClientText> {
        let fits = (1..=MAX_TEXT).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidClientText) }
    }
}

/// An application: a session, and what its client said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// The session of its device.
    pub session: Session,
    /// How its client is called.
    pub client: ClientDescription,
    /// Whether it has made itself available: before that its person is not seen to be here.
    pub available: bool,
    /// The formats that it takes messages in, such as `Plain`.
    pub formats: Vec<String>,
    /// Up to where this instance has acknowledged its events.
    pub acknowledged: u64,
}
