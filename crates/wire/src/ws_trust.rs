//! Asking for a web ticket by WS-Trust 1.3 ([MS-OCAUTHWS]; OASIS WS-Trust 1.3 §3).
//!
//! [`description()`] says where, [`TokenRequest`] asks, [`TokenResponse`] or [`Fault`] is the answer.

mod description;
mod fault;
mod request;
mod response;

pub use description::description;
pub use fault::{Fault, FaultCode};
pub use request::{InvalidRequest, TokenRequest, UsernameToken};
pub use response::TokenResponse;
pub(crate) use response::ticket_of;

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const TRUST: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
const SECEXT: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const POLICY: &str = "http://schemas.xmlsoap.org/ws/2004/09/policy";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const AUTHENTICATION: &str = "urn:component:Microsoft.Rtc.WebAuthentication.2010";
/// The format of a claim, and of the name in an assertion, that is a URI.
const URI_CLAIM: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/uri";

/// What a ticket looks like on the wire. It is the same ticket in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenType {
    /// A compact ticket: `cwt=` and the ticket.
    #[default]
    Compact,
    /// An assertion in the shape of SAML 1.1 whose id holds the ticket. Nothing in it is signed or believed.
    Saml,
}

impl TokenType {
    const ALL: [Self; 2] = [Self::Compact, Self::Saml];

    /// The URI on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compact => "urn:component:Microsoft.Rtc.WebAuthentication.2010:user-cwt-1",
            Self::Saml => "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1",
        }
    }

    fn of(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == uri.trim())
    }
}
