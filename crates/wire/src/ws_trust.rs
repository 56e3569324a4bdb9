//! Asking for a web ticket by WS-Trust 1.3 with a UsernameToken ([MS-OCAUTHWS]; OASIS WS-Trust 1.3 §3).
//!
//! [`TokenRequest`] asks, [`TokenResponse`] or [`Fault`] is the answer.

mod fault;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use thiserror::Error;

pub use fault::{Fault, FaultCode};

use crate::{
    MAX_CREDENTIAL, Secret, XmlError, date,
    xml::{self, Writer},
};

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const TRUST: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
const SECEXT: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const PASSWORD_TEXT: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";
const AUTHENTICATION: &str = "urn:component:Microsoft.Rtc.WebAuthentication.2010";
/// The one kind of ticket that is issued here.
const COMPACT_TICKET: &str = "urn:component:Microsoft.Rtc.WebAuthentication.2010:user-cwt-1";
/// Contexts are echoed; this bounds what is.
const MAX_CONTEXT: usize = 128;

/// A request for a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// Echoed in the answer; what is beyond 128 characters is cut off.
    pub context: Option<String>,
    /// The address of the person: at most [`MAX_CREDENTIAL`] bytes, Base64 on the wire.
    pub username: String,
    /// Their password: at most [`MAX_CREDENTIAL`] bytes, Base64 on the wire.
    pub password: Secret,
}

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenResponse {
    /// That of the request.
    pub context: Option<String>,
    /// The ticket, without the `cwt=` that stands before it on the wire.
    pub ticket: Secret,
    /// Milliseconds since 1970.
    pub created: i64,
    /// Milliseconds since 1970.
    pub expires: i64,
}

/// Why a body is no request for a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidRequest {
    /// Not a document that is looked at.
    #[error("the request is not readable")]
    Xml(#[from] XmlError),
    /// An element is missing.
    #[error("the request has no `{0}`")]
    Missing(&'static str),
    /// The text is not Base64 of UTF-8.
    #[error("the content of `{0}` is not Base64 of a text")]
    NotBase64(&'static str),
    /// Longer than [`MAX_CREDENTIAL`].
    #[error("the content of `{0}` has more than {MAX_CREDENTIAL} bytes")]
    TooLong(&'static str),
    /// A kind of ticket that is not issued here.
    #[error("tickets of type `{0}` are not issued here: ask for `{COMPACT_TICKET}`")]
    TokenType(String),
}

impl TokenRequest {
    /// Reads an envelope with a `RequestSecurityToken` and a `UsernameToken`.
    ///
    /// # Errors
    /// [`InvalidRequest`] names the first thing that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        let mut problem = None;
        let read = xml::read(body, |root| {
            Ok(Self::from_envelope(root).map_err(|error| problem = Some(error)).ok())
        })?;
        read.ok_or_else(|| problem.unwrap_or(InvalidRequest::Missing("RequestSecurityToken")))
    }

    fn from_envelope(root: roxmltree::Node<'_, '_>) -> Result<Self, InvalidRequest> {
        use InvalidRequest::{Missing, TokenType};
        let request = xml::within(root, "RequestSecurityToken").ok_or(Missing("RequestSecurityToken"))?;
        let wanted = xml::child(request, "TokenType").map(xml::text);
        if let Some(other) = wanted.filter(|wanted| wanted.trim() != COMPACT_TICKET) {
            return Err(TokenType(other.trim().chars().take(128).collect()));
        }
        let token = xml::within(root, "UsernameToken").ok_or(Missing("UsernameToken"))?;
        let username = xml::child(token, "Username").ok_or(Missing("Username"))?;
        let password = xml::child(token, "Password").ok_or(Missing("Password"))?;
        let context = request.attribute("Context").map(|c| c.chars().take(MAX_CONTEXT).collect());
        let username = unwrapped(&xml::text(username), "Username")?;
        Ok(Self { context, username, password: unwrapped(&xml::text(password), "Password")?.into() })
    }

    /// The envelope; `applies_to` is the URL that the ticket is for.
    pub fn to_xml(&self, applies_to: &str) -> String {
        let mut writer = Writer::new();
        writer.element("s:Envelope", &[("xmlns:s", SOAP)], |w| {
            w.element("s:Header", &[], |w| {
                w.element("Security", &[("xmlns", SECEXT)], |w| {
                    w.element("UsernameToken", &[], |w| {
                        w.leaf("Username", &BASE64.encode(&self.username));
                        w.element("Password", &[("Type", PASSWORD_TEXT)], |w| {
                            w.text(&BASE64.encode(self.password.reveal()));
                        });
                    });
                });
            });
            w.element("s:Body", &[], |w| {
                let context = self.context.as_deref().map(|context| ("Context", context));
                let attributes: Vec<_> = [("xmlns", TRUST)].into_iter().chain(context).collect();
                w.element("RequestSecurityToken", &attributes, |w| {
                    w.leaf("TokenType", COMPACT_TICKET);
                    w.leaf("RequestType", "http://schemas.xmlsoap.org/ws/2005/02/trust/Issue");
                    w.element(
                        "AppliesTo",
                        &[("xmlns", "http://schemas.xmlsoap.org/ws/2004/09/policy")],
                        |w| {
                            let addressing = [("xmlns", "http://www.w3.org/2005/08/addressing")];
                            w.element("EndpointReference", &addressing, |w| {
                                w.leaf("Address", applies_to);
                            });
                        },
                    );
                });
            });
        });
        writer.finish()
    }
}

fn unwrapped(text: &str, what: &'static str) -> Result<String, InvalidRequest> {
    let bytes = BASE64.decode(text.trim()).map_err(|_| InvalidRequest::NotBase64(what))?;
    if bytes.len() > MAX_CREDENTIAL {
        return Err(InvalidRequest::TooLong(what));
    }
    String::from_utf8(bytes).map_err(|_| InvalidRequest::NotBase64(what))
}

impl TokenResponse {
    /// The envelope with a `RequestSecurityTokenResponseCollection`.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new();
        writer.element("s:Envelope", &[("xmlns:s", SOAP)], |w| {
            w.element("s:Body", &[], |w| {
                w.element("RequestSecurityTokenResponseCollection", &[("xmlns", TRUST)], |w| {
                    let context = self.context.as_deref().map(|context| ("Context", context));
                    w.element("RequestSecurityTokenResponse", &Vec::from_iter(context), |w| {
                        w.leaf("TokenType", COMPACT_TICKET);
                        w.element("RequestedSecurityToken", &[], |w| {
                            w.element("UserToken", &[("xmlns", AUTHENTICATION)], |w| {
                                w.text(&format!("cwt={}", self.ticket.reveal()));
                            });
                        });
                        w.element("Lifetime", &[], |w| {
                            for (name, time) in [("Created", self.created), ("Expires", self.expires)] {
                                w.element(name, &[("xmlns", UTILITY)], |w| w.text(&date::write(time)));
                            }
                        });
                    });
                });
            });
        });
        writer.finish()
    }

    /// Reads the envelope.
    ///
    /// # Errors
    /// [`XmlError`] when it is not one.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        let missing = |what: &str| XmlError::Unexpected(format!("the answer has no `{what}`"));
        xml::read_answer(body, |root| {
            let response =
                xml::within(root, "RequestSecurityTokenResponse").ok_or_else(|| missing("the response"))?;
            let token =
                xml::within(response, "UserToken").map(xml::text).ok_or_else(|| missing("UserToken"))?;
            let time = |name| {
                xml::within(response, name)
                    .and_then(|node| date::read(&xml::text(node)))
                    .ok_or_else(|| missing(name))
            };
            Ok(Self {
                context: response.attribute("Context").map(str::to_owned),
                ticket: token.trim().strip_prefix("cwt=").ok_or_else(|| missing("cwt="))?.into(),
                created: time("Created")?,
                expires: time("Expires")?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_request_reads_back(username in "\\PC{0,40}", password in "\\PC{0,40}") {
            let request = TokenRequest { context: Some("c&1".into()), username, password: password.into() };
            let body = request.to_xml("https://web.office.test/");
            prop_assert_eq!(TokenRequest::parse(body.as_bytes()), Ok(request));
        }
    }

    #[test]
    fn a_response_reads_back() {
        let response = TokenResponse {
            context: None,
            ticket: "abc".into(),
            created: 1_700_000_000_000,
            expires: 1_700_000_001_000,
        };
        assert_eq!(TokenResponse::parse(response.to_xml().as_bytes()), Ok(response));
    }

    #[test]
    fn what_is_missing_is_named() {
        let parse = |body: &str| TokenRequest::parse(body.as_bytes()).unwrap_err();
        assert_eq!(parse("<x/>"), InvalidRequest::Missing("RequestSecurityToken"));
        assert_eq!(parse("<RequestSecurityToken/>"), InvalidRequest::Missing("UsernameToken"));
        let saml = parse("<RequestSecurityToken><TokenType>saml</TokenType></RequestSecurityToken>");
        assert_eq!(saml, InvalidRequest::TokenType("saml".into()));
        let plain =
            "<a><RequestSecurityToken/><UsernameToken><Username>ä</Username><Password/></UsernameToken></a>";
        assert_eq!(parse(plain), InvalidRequest::NotBase64("Username"));
        assert!(matches!(parse("<a"), InvalidRequest::Xml(_)));
        let long =
            TokenRequest { context: None, username: "x".repeat(MAX_CREDENTIAL + 1), password: "p".into() };
        assert_eq!(parse(&long.to_xml("https://web.office.test/")), InvalidRequest::TooLong("Username"));
    }
}
