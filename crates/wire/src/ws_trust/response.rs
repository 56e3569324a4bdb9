use super::{ADDRESSING, AUTHENTICATION, POLICY, SOAP, TRUST, TokenType, URI_CLAIM, UTILITY};
use crate::{
    Secret, XmlError, date,
    xml::{self, Writer},
};

const SAML: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
/// What stands before the ticket in the id of an assertion.
pub(crate) const ASSERTION_PREFIX: &str = "SamlSecurityToken-";

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenResponse {
    /// That of the request.
    pub context: Option<String>,
    /// What the ticket looks like.
    pub token_type: TokenType,
    /// The ticket, without what stands before it on the wire.
    pub ticket: Secret,
    /// The SIP URI of the person; an assertion names it, a compact ticket does not.
    pub person: String,
    /// What the links of the box begin with, such as `https://web.office.example`.
    pub origin: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// Milliseconds since 1970.
    pub expires: i64,
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
                        w.leaf("TokenType", self.token_type.as_str());
                        w.element("RequestedSecurityToken", &[], |w| self.write_ticket(w));
                        w.element("AppliesTo", &[("xmlns", POLICY)], |w| {
                            w.element("EndpointReference", &[("xmlns", ADDRESSING)], |w| {
                                w.leaf("Address", &format!("{}/", self.origin));
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

    fn write_ticket(&self, writer: &mut Writer) {
        match self.token_type {
            TokenType::Compact => {
                writer.element("UserToken", &[("xmlns", AUTHENTICATION)], |w| {
                    w.text(&format!("cwt={}", self.ticket.reveal()));
                });
            }
            TokenType::Saml => self.write_assertion(writer),
        }
    }

    /// Clients cut the element out of the text and send it back: it declares its own namespace and has an end tag.
    fn write_assertion(&self, writer: &mut Writer) {
        let id = format!("{ASSERTION_PREFIX}{}", self.ticket.reveal());
        let (created, expires) = (date::write(self.created), date::write(self.expires));
        let issuer = format!("{}/", self.origin);
        let attributes = [
            ("xmlns:saml", SAML),
            ("MajorVersion", "1"),
            ("MinorVersion", "1"),
            ("AssertionID", &id),
            ("Issuer", &issuer),
            ("IssueInstant", &created),
        ];
        writer.element("saml:Assertion", &attributes, |w| {
            w.empty("saml:Conditions", &[("NotBefore", &created), ("NotOnOrAfter", &expires)]);
            let statement = [
                ("AuthenticationMethod", "urn:oasis:names:tc:SAML:1.0:am:password"),
                ("AuthenticationInstant", &created),
            ];
            w.element("saml:AuthenticationStatement", &statement, |w| {
                w.element("saml:Subject", &[], |w| {
                    w.element("saml:NameIdentifier", &[("Format", URI_CLAIM)], |w| w.text(&self.person));
                });
            });
        });
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
            let content = |name| xml::within(response, name).map(xml::text).ok_or_else(|| missing(name));
            let time = |name| content(name).and_then(|text| date::read(&text).ok_or_else(|| missing(name)));
            let token_type = TokenType::of(&content("TokenType")?).ok_or_else(|| missing("TokenType"))?;
            let (ticket, person) = match token_type {
                TokenType::Compact => {
                    let text = content("UserToken")?;
                    (text.trim().strip_prefix("cwt=").map(Secret::from), String::new())
                }
                TokenType::Saml => {
                    let assertion = xml::within(response, "Assertion").ok_or_else(|| missing("Assertion"))?;
                    (ticket_of(assertion), content("NameIdentifier")?)
                }
            };
            let address = content("Address")?;
            Ok(Self {
                context: response.attribute("Context").map(str::to_owned),
                token_type,
                ticket: ticket.ok_or_else(|| missing("the ticket"))?,
                person,
                origin: address.trim().trim_end_matches('/').to_owned(),
                created: time("Created")?,
                expires: time("Expires")?,
            })
        })
    }
}

/// The ticket in the id of an assertion.
pub(crate) fn ticket_of(assertion: roxmltree::Node<'_, '_>) -> Option<Secret> {
    let named = assertion.tag_name().name() == "Assertion";
    let id = assertion.attribute("AssertionID").filter(|_| named)?;
    id.strip_prefix(ASSERTION_PREFIX).map(Secret::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(token_type: TokenType, person: &str) -> TokenResponse {
        TokenResponse {
            context: Some("c-1".into()),
            token_type,
            ticket: "abc-_".into(),
            person: person.into(),
            origin: "https://web.office.test".into(),
            created: 1_700_000_000_000,
            expires: 1_700_000_001_000,
        }
    }

    #[test]
    fn a_response_reads_back() {
        let compact = response(TokenType::Compact, "");
        assert_eq!(TokenResponse::parse(compact.to_xml().as_bytes()), Ok(compact));
        let saml = response(TokenType::Saml, "sip:anna@office.test");
        assert_eq!(TokenResponse::parse(saml.to_xml().as_bytes()), Ok(saml));
    }

    #[test]
    fn an_assertion_stands_on_its_own() {
        let text = response(TokenType::Saml, "sip:a<b@office.test").to_xml();
        let begin = text.find("<saml:Assertion xmlns:saml=").unwrap();
        let end = text.find("</saml:Assertion>").unwrap() + "</saml:Assertion>".len();
        assert!(text[begin..end].contains(r#"AssertionID="SamlSecurityToken-abc-_" Issuer="#), "{text}");
        let ticket = xml::read(&text.as_bytes()[begin..end], |root| Ok(ticket_of(root)));
        assert_eq!(ticket, Ok(Some("abc-_".into())));
    }
}
