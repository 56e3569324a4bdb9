//! Identifiers. Row numbers are integers; names that travel to phones are opaque strings.

use std::fmt;

use thiserror::Error;

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

row_id!(
    /// A person of the office.
    AccountId
);
row_id!(
    /// One installation of a client, of one person.
    DeviceId
);
row_id!(
    /// A stored message; grows with the order of commits.
    MessageId
);
row_id!(
    /// A channel of events of an application of UCWA.
    ChannelId
);
row_id!(
    /// A notification in the push outbox.
    PushId
);

/// The text is empty, longer than 64 bytes, or has a character outside `[A-Za-z0-9._:-]`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an identifier of 1 to 64 letters, digits, `.`, `_`, `:` or `-`")]
pub struct InvalidId(String);

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text as it travels.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_opaque_id(text) { Ok(Self(text.to_owned())) } else { Err(invalid_id(text)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

opaque_id!(
    /// A signed-in session of one device; the server makes it.
    SessionId
);
opaque_id!(
    /// A conversation; the server makes it.
    ConversationId
);
opaque_id!(
    /// A planned meeting; the server makes it.
    MeetingId
);
opaque_id!(
    /// An invitation to a conversation; the server makes it.
    InvitationId
);
opaque_id!(
    /// The client's own name for a command, echoed with its result.
    RequestId
);
opaque_id!(
    /// The client's own name for a message. Sending it again is the same message.
    ClientMessageId
);
opaque_id!(
    /// The client's own name for whom it follows for a while.
    SubscriptionId
);
opaque_id!(
    /// The client's own, lasting name for its installation.
    EndpointId
);

fn is_opaque_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'))
}

fn invalid_id(text: &str) -> InvalidId {
    InvalidId(text.chars().take(64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_bounded_and_plain() {
        assert!("a0F.-_:".parse::<SessionId>().is_ok());
        assert!("".parse::<SessionId>().is_err());
        assert!("x".repeat(65).parse::<RequestId>().is_err());
        assert!("a b".parse::<ConversationId>().is_err());
        assert!("a<b".parse::<ClientMessageId>().is_err());
    }
}
