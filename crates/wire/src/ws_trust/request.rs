use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use thiserror::Error;

use super::{ADDRESSING, AUTHENTICATION, POLICY, SECEXT, SOAP, TRUST, TokenType, URI_CLAIM};
use crate::{
    MAX_CREDENTIAL, Secret, XmlError,
    xml::{self, Writer},
};

const PASSWORD_TEXT: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";
/// Contexts are echoed; this bounds what is.
const MAX_CONTEXT: usize = 128;

/// A request for a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// Echoed in the answer; what is beyond 128 characters is cut off.
    pub context: Option<String>,
    /// What the ticket is to look like. Whoever asks for nothing gets a compact one.
    pub token_type: TokenType,
    /// The SIP URI that the ticket is to be for, as it was written; none is that of whoever asks.
    pub claim: Option<String>,
    /// Who asks, where that is not said by HTTP.
    pub username_token: Option<UsernameToken>,
}

/// A name and a password within a message (WS-Security UsernameToken Profile 1.0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsernameToken {
    /// The address of the person: at most [`MAX_CREDENTIAL`] bytes, Base64 on the wire.
    pub username: String,
    /// Their password: at most [`MAX_CREDENTIAL`] bytes, Base64 on the wire.
    pub password: Secret,
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
    #[error("tickets of type `{0}` are not issued here: ask for `{compact}`", compact = TokenType::Compact.as_str())]
    TokenType(String),
}

impl TokenRequest {
    /// Reads an envelope with a `RequestSecurityToken`, and with or without a `UsernameToken`.
    ///
    /// # Errors
    /// [`InvalidRequest`] names the first thing that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        xml::read(body, |root| Ok(Self::from_envelope(root)))?
    }

    fn from_envelope(root: roxmltree::Node<'_, '_>) -> Result<Self, InvalidRequest> {
        let missing = || InvalidRequest::Missing("RequestSecurityToken");
        let request = xml::within(root, "RequestSecurityToken").ok_or_else(missing)?;
        let token_type = match xml::child(request, "TokenType").map(xml::text) {
            Some(uri) => TokenType::of(&uri)
                .ok_or_else(|| InvalidRequest::TokenType(uri.trim().chars().take(128).collect()))?,
            None => TokenType::default(),
        };
        let claim = xml::child(request, "Claims").and_then(|claims| xml::within(claims, "Value"));
        let claim = claim.map(|value| xml::text(value).trim().to_owned());
        if claim.as_ref().is_some_and(|claim| claim.len() > MAX_CREDENTIAL) {
            return Err(InvalidRequest::TooLong("Value"));
        }
        let context = request.attribute("Context").map(|c| c.chars().take(MAX_CONTEXT).collect());
        let token = xml::within(root, "UsernameToken");
        let username_token = token.map(UsernameToken::from_element).transpose()?;
        Ok(Self { context, token_type, claim, username_token })
    }

    /// The envelope; `applies_to` is the URL that the ticket is for.
    pub fn to_xml(&self, applies_to: &str) -> String {
        let mut writer = Writer::new();
        writer.element("s:Envelope", &[("xmlns:s", SOAP)], |w| {
            if let Some(token) = &self.username_token {
                w.element("s:Header", &[], |w| {
                    w.element("Security", &[("xmlns", SECEXT)], |w| token.write(w));
                });
            }
            w.element("s:Body", &[], |w| {
                let context = self.context.as_deref().map(|context| ("Context", context));
                let attributes: Vec<_> = [("xmlns", TRUST)].into_iter().chain(context).collect();
                w.element("RequestSecurityToken", &attributes, |w| {
                    w.leaf("TokenType", self.token_type.as_str());
                    w.leaf("RequestType", "http://schemas.xmlsoap.org/ws/2005/02/trust/Issue");
                    w.element("AppliesTo", &[("xmlns", POLICY)], |w| {
                        w.element("EndpointReference", &[("xmlns", ADDRESSING)], |w| {
                            w.leaf("Address", applies_to);
                        });
                    });
                    if let Some(claim) = &self.claim {
                        write_claim(w, claim);
                    }
                });
            });
        });
        writer.finish()
    }
}

fn write_claim(writer: &mut Writer, claim: &str) {
    let dialect = format!("{AUTHENTICATION}:authclaims");
    writer.element("Claims", &[("Dialect", &dialect)], |w| {
        let claim_type =
            [("xmlns:auth", "http://schemas.xmlsoap.org/ws/2006/12/authorization"), ("Uri", URI_CLAIM)];
        w.element("auth:ClaimType", &claim_type, |w| {
            w.leaf("auth:Value", claim);
        });
    });
}

impl UsernameToken {
    fn from_element(token: roxmltree::Node<'_, '_>) -> Result<Self, InvalidRequest> {
        let content = |name| {
            let element = xml::child(token, name).ok_or(InvalidRequest::Missing(name))?;
            unwrapped(&xml::text(element), name)
        };
        Ok(Self { username: content("Username")?, password: content("Password")?.into() })
    }

    fn write(&self, writer: &mut Writer) {
        writer.element("UsernameToken", &[], |w| {
            w.leaf("Username", &BASE64.encode(&self.username));
            w.element("Password", &[("Type", PASSWORD_TEXT)], |w| {
                w.text(&BASE64.encode(self.password.reveal()));
            });
        });
    }
}

fn unwrapped(text: &str, what: &'static str) -> Result<String, InvalidRequest> {
    let bytes = BASE64.decode(text.trim()).map_err(|_| InvalidRequest::NotBase64(what))?;
    if bytes.len() > MAX_CREDENTIAL {
        return Err(InvalidRequest::TooLong(what));
    }
    String::from_utf8(bytes).map_err(|_| InvalidRequest::NotBase64(what))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_request_reads_back(
            username in "\\PC{0,40}",
            password in "\\PC{0,40}",
            claim in proptest::option::of("sip:[a-z&<]{1,9}@office\\.test"),
            saml: bool,
            by_http: bool,
        ) {
            let token = UsernameToken { username, password: password.into() };
            let request = TokenRequest {
                context: Some("c&1".into()),
                token_type: if saml { TokenType::Saml } else { TokenType::Compact },
                claim,
                username_token: (!by_http).then_some(token),
            };
            let body = request.to_xml("https://web.office.test/");
            prop_assert_eq!(TokenRequest::parse(body.as_bytes()), Ok(request));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let parse = |body: &str| TokenRequest::parse(body.as_bytes()).unwrap_err();
        assert_eq!(parse("<x/>"), InvalidRequest::Missing("RequestSecurityToken"));
        let nameless = "<a><RequestSecurityToken/><UsernameToken/></a>";
        assert_eq!(parse(nameless), InvalidRequest::Missing("Username"));
        let other = parse("<RequestSecurityToken><TokenType>saml2</TokenType></RequestSecurityToken>");
        assert_eq!(other, InvalidRequest::TokenType("saml2".into()));
        let plain =
            "<a><RequestSecurityToken/><UsernameToken><Username>ä</Username><Password/></UsernameToken></a>";
        assert_eq!(parse(plain), InvalidRequest::NotBase64("Username"));
        assert!(matches!(parse("<a"), InvalidRequest::Xml(_)));
        let username_token = UsernameToken { username: "x".repeat(MAX_CREDENTIAL + 1), password: "p".into() };
        let long = TokenRequest {
            context: None,
            token_type: TokenType::Compact,
            claim: Some(format!("sip:{}", "x".repeat(MAX_CREDENTIAL))),
            username_token: Some(username_token),
        };
        assert_eq!(parse(&long.to_xml("https://w/")), InvalidRequest::TooLong("Value"));
        let long = TokenRequest { claim: None, ..long };
        assert_eq!(parse(&long.to_xml("https://w/")), InvalidRequest::TooLong("Username"));
    }
}
