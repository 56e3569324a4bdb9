//! The Autodiscover documents ([MS-OCDISCWS]) in the forms that clients ask for.
//!
//! Root leads to Domain and User; User names the registrar and the services. A document is the same object in
//! each form; what a form has no word for is left out of it.

mod json;
mod negotiation;
mod xml;

use thiserror::Error;

pub use negotiation::Format;

use crate::XmlError;

/// The path of the Root document.
pub const ROOT_PATH: &str = "/Autodiscover/AutodiscoverService.svc/root";
/// The path of the Domain document.
pub const DOMAIN_PATH: &str = "/Autodiscover/AutodiscoverService.svc/root/domain";
/// The path of the User document for clients that present a web ticket.
pub const USER_PATH: &str = "/Autodiscover/AutodiscoverService.svc/root/user";
/// The path of the User document for clients that present a bearer token.
pub const OAUTH_USER_PATH: &str = "/Autodiscover/AutodiscoverService.svc/root/oauth/user";
/// The path of the page through which web pages of other origins ask.
pub const XFRAME_PATH: &str = "/Autodiscover/XFrame/XFrame.html";
/// The path of the mobility service.
pub const MCX_PATH: &str = "/Mcx/McxService.svc";
/// Photos of people, beside the mobility service.
pub const MCX_PHOTO_PATH: &str = "/Mcx/Photo";

/// The path of UCWA's applications for clients that present a web ticket.
pub const UCWA_PATH: &str = "/ucwa/v1/applications";
/// The path of UCWA's applications for clients that present a bearer token.
pub const OAUTH_UCWA_PATH: &str = "/ucwa/oauth/v1/applications";

/// The token of [`UCWA_PATH`].
const UCWA: &str = "Ucwa";

/// From which side of the office the request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLocation {
    /// The office network.
    Internal,
    /// Everywhere else.
    External,
}

impl AccessLocation {
    /// The word in the documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "Internal",
            Self::External => "External",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Internal, Self::External]
            .into_iter()
            .find(|location| location.as_str().eq_ignore_ascii_case(text))
    }
}

/// An Autodiscover document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Where the request came in.
    pub access_location: AccessLocation,
    /// What it says.
    pub body: Body,
}

/// What a document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Where to go on. Either a single `Redirect`, or at least `Domain` and `User`.
    Root {
        /// Token and absolute URL.
        links: Vec<Link>,
    },
    /// What holds for a whole SIP domain; nothing about a person.
    Domain {
        /// Token and absolute URL.
        links: Vec<Link>,
    },
    /// What holds for the person who asked.
    User {
        /// The registrar from inside.
        sip_internal: SipAccess,
        /// The registrar from outside.
        sip_external: SipAccess,
        /// Token and absolute URL.
        links: Vec<Link>,
    },
    /// Where the person who asked is at home instead.
    UserElsewhere {
        /// A single `Redirect` to a Root document: clients do not answer the 401 of a User document they are sent to.
        links: Vec<Link>,
    },
}

/// A named URL. The URL is absolute and has a path: clients hang without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Such as `User` or `External/Mcx`.
    pub token: String,
    /// The URL.
    pub href: String,
}

/// A registrar: TLS to this host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipAccess {
    /// Host name.
    pub fqdn: String,
    /// TCP port.
    pub port: u16,
}

/// What a person is told of beside Autodiscover itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserServices<'a> {
    /// The registrar from inside.
    pub sip_internal: SipAccess,
    /// The registrar from outside.
    pub sip_external: SipAccess,
    /// Scheme, host and port of the mobility service and of UCWA; `None` where they are not for this person to use.
    pub mobility_origin: Option<&'a str>,
}

/// Why a body is no Autodiscover document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidDocument {
    /// Not XML that is looked at.
    #[error("the document is not readable XML")]
    Xml(#[from] XmlError),
    /// Not JSON of these documents, or longer than [`crate::MAX_ANSWER`].
    #[error("the document is not readable JSON")]
    Json,
    /// Neither Root nor Domain nor User.
    #[error("the document is not an Autodiscover document")]
    Unknown,
}

impl Document {
    /// The Root document of a box whose links begin with `origin`, such as `https://web.office.example`.
    pub fn root(access_location: AccessLocation, origin: &str) -> Self {
        let links = vec![
            Link::new("Domain", origin, DOMAIN_PATH),
            Link::new("User", origin, USER_PATH),
            Link::new("Self", origin, ROOT_PATH),
            Link::new("OAuth", origin, OAUTH_USER_PATH),
        ];
        Self { access_location, body: Body::Root { links } }
    }

    /// The only thing said over plain HTTP: go on at the Root document of `origin`.
    pub fn redirect(access_location: AccessLocation, origin: &str) -> Self {
        let links = vec![Link::new("Redirect", origin, ROOT_PATH)];
        Self { access_location, body: Body::Root { links } }
    }

    /// The Domain document.
    pub fn domain(access_location: AccessLocation, origin: &str) -> Self {
        let links = vec![
            Link::new("Internal/Autodiscover", origin, ROOT_PATH),
            Link::new("External/Autodiscover", origin, ROOT_PATH),
        ];
        Self { access_location, body: Body::Domain { links } }
    }

    /// The User document. Inside and outside get the same host, so that a phone that roams keeps it.
    pub fn user(access_location: AccessLocation, origin: &str, services: UserServices<'_>) -> Self {
        let UserServices { sip_internal, sip_external, mobility_origin } = services;
        let mut links = vec![
            Link::new("Internal/Autodiscover", origin, ROOT_PATH),
            Link::new("External/Autodiscover", origin, ROOT_PATH),
        ];
        if let Some(origin) = mobility_origin {
            links.push(Link::new("Internal/Mcx", origin, MCX_PATH));
            links.push(Link::new("External/Mcx", origin, MCX_PATH));
            for token in ["Internal/Ucwa", "External/Ucwa", UCWA] {
                links.push(Link::new(token, origin, UCWA_PATH));
            }
        }
        links.push(Link::new("Self", origin, USER_PATH));
        Self { access_location, body: Body::User { sip_internal, sip_external, links } }
    }

    /// The User document of somebody who is at home at another pool, whose Root document is at `root`.
    pub fn user_elsewhere(access_location: AccessLocation, root: String) -> Self {
        let links = vec![Link { token: "Redirect".into(), href: root }];
        Self { access_location, body: Body::UserElsewhere { links } }
    }

    /// The document, which leads web pages to the frame through which they may ask.
    #[must_use]
    pub fn with_xframe(self, origin: &str) -> Self {
        let tokens: &[&str] = match self.body {
            Body::User { .. } => &["Internal/XFrame", "External/XFrame", "XFrame"],
            Body::Root { .. } | Body::Domain { .. } | Body::UserElsewhere { .. } => &["XFrame"],
        };
        self.with_links(tokens.iter().map(|token| Link::new(token, origin, XFRAME_PATH)))
    }

    /// The document with further links behind its own.
    #[must_use]
    pub fn with_links(mut self, further: impl IntoIterator<Item = Link>) -> Self {
        let (Body::Root { links }
        | Body::Domain { links }
        | Body::User { links, .. }
        | Body::UserElsewhere { links }) = &mut self.body;
        links.extend(further);
        self
    }

    /// The body in one form.
    pub fn write(&self, format: Format) -> String {
        match format {
            Format::Xml => xml::write(self),
            Format::TokenJson => json::tokens(self),
            Format::BothJson => json::both(self),
            Format::UcwaJson => json::relations(self),
            Format::UcwaXml | Format::UcwaVendorXml => xml::relations(self),
        }
    }

    /// Reads the XML or the token JSON form, whichever `content_type` says.
    ///
    /// # Errors
    /// [`InvalidDocument`]
    pub fn parse(content_type: &str, body: &[u8]) -> Result<Self, InvalidDocument> {
        if content_type.contains("json") { json::parse(body) } else { xml::parse(body) }
    }

    /// The URL of the link with that token, compared without case.
    pub fn link(&self, token: &str) -> Option<&str> {
        let (Body::Root { links }
        | Body::Domain { links }
        | Body::User { links, .. }
        | Body::UserElsewhere { links }) = &self.body;
        links.iter().find(|link| link.token.eq_ignore_ascii_case(token)).map(|link| link.href.as_str())
    }
}

impl Link {
    fn new(token: &str, origin: &str, path: &str) -> Self {
        Self { token: token.into(), href: format!("{origin}{path}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "https://web.office.test";

    fn documents() -> [Document; 5] {
        let registrar = SipAccess { fqdn: "sip.office.test".into(), port: 5061 };
        let services = UserServices {
            sip_internal: registrar.clone(),
            sip_external: registrar,
            mobility_origin: Some(ORIGIN),
        };
        [
            Document::root(AccessLocation::External, ORIGIN),
            Document::redirect(AccessLocation::Internal, ORIGIN),
            Document::domain(AccessLocation::Internal, ORIGIN),
            Document::user_elsewhere(AccessLocation::External, "https://pool2.office.test/root".into()),
            Document::user(AccessLocation::External, ORIGIN, services),
        ]
    }

    #[test]
    fn every_document_reads_back_from_xml_and_token_json() {
        for document in documents() {
            for format in [Format::Xml, Format::TokenJson, Format::BothJson] {
                let written = document.write(format);
                let read = Document::parse(format.content_type(), written.as_bytes());
                assert_eq!(read.as_ref(), Ok(&document), "{written}");
            }
        }
    }

    #[test]
    fn the_root_document_is_what_the_specification_prints() {
        let [root, ..] = documents();
        assert_eq!(
            root.write(Format::Xml),
            concat!(
                r#"<?xml version="1.0" encoding="utf-8"?><AutodiscoverResponse AccessLocation="External"><Root>"#,
                r#"<Link token="Domain" href="https://web.office.test/Autodiscover/AutodiscoverService.svc/root/domain"/>"#,
                r#"<Link token="User" href="https://web.office.test/Autodiscover/AutodiscoverService.svc/root/user"/>"#,
                r#"<Link token="Self" href="https://web.office.test/Autodiscover/AutodiscoverService.svc/root"/>"#,
                r#"<Link token="OAuth" href="https://web.office.test/Autodiscover/AutodiscoverService.svc/root/oauth/user"/>"#,
                r"</Root></AutodiscoverResponse>",
            )
        );
    }

    #[test]
    fn the_user_document_names_the_registrar_in_all_four_elements() {
        let [.., user] = documents();
        let written = user.write(Format::Xml);
        for name in ["SipServerInternal", "SipServerExternal", "SipClientInternal", "SipClientExternal"] {
            let element = format!(r#"<{name}Access fqdn="sip.office.test" port="5061"/>"#);
            assert!(written.contains(&element), "{written}");
        }
    }

    #[test]
    fn the_ucwa_forms_lead_to_the_oauth_flavour_of_the_user() {
        let [root, redirect, ..] = documents();
        let json: serde_json::Value = serde_json::from_str(&root.write(Format::UcwaJson)).unwrap();
        assert_eq!(json["_links"]["user"]["href"], format!("{ORIGIN}{OAUTH_USER_PATH}"));
        assert_eq!(json["_links"]["self"]["href"], format!("{ORIGIN}{ROOT_PATH}"));
        let json: serde_json::Value = serde_json::from_str(&redirect.write(Format::UcwaJson)).unwrap();
        assert_eq!(json["_links"]["redirect"]["href"], format!("{ORIGIN}{ROOT_PATH}"));
        assert!(root.write(Format::UcwaXml).contains(r#"<link rel="user" href="https://web.office.test/"#));
        let both: serde_json::Value = serde_json::from_str(&root.write(Format::BothJson)).unwrap();
        let alone: serde_json::Value = serde_json::from_str(&root.write(Format::UcwaJson)).unwrap();
        assert_eq!((&both["_links"], &both["rel"]), (&alone["_links"], &alone["rel"]));
        assert!(!root.write(Format::TokenJson).contains("_links"));
        assert!(!root.write(Format::UcwaJson).contains("xframe"));
        let json: serde_json::Value =
            serde_json::from_str(&root.with_xframe(ORIGIN).write(Format::UcwaJson)).unwrap();
        assert_eq!(json["_links"]["xframe"]["href"], format!("{ORIGIN}{XFRAME_PATH}"));
    }

    #[test]
    fn who_may_use_ucwa_is_led_to_the_flavour_that_fits_the_ticket() {
        let [.., user] = documents();
        for token in ["Internal/Ucwa", "External/Ucwa", "Ucwa"] {
            assert_eq!(user.link(token), Some(format!("{ORIGIN}{UCWA_PATH}").as_str()));
        }
        let links = |document: &Document| {
            let json: serde_json::Value = serde_json::from_str(&document.write(Format::UcwaJson)).unwrap();
            json["_links"].clone()
        };
        assert_eq!(links(&user)["applications"]["href"], format!("{ORIGIN}{OAUTH_UCWA_PATH}"));
        let registrar = || SipAccess { fqdn: "sip.office.test".into(), port: 5061 };
        let services =
            UserServices { sip_internal: registrar(), sip_external: registrar(), mobility_origin: None };
        let other = Document::user(AccessLocation::External, ORIGIN, services);
        assert_eq!((other.link("Ucwa"), links(&other).get("applications")), (None, None));
    }

    #[test]
    fn a_person_at_home_elsewhere_is_told_nothing_but_where() {
        let [.., elsewhere, _] = documents();
        let xml = elsewhere.write(Format::Xml);
        let only = r#"<User><Link token="Redirect" href="https://pool2.office.test/root"/></User>"#;
        assert!(xml.ends_with(&format!("{only}</AutodiscoverResponse>")), "{xml}");
        let json: serde_json::Value = serde_json::from_str(&elsewhere.write(Format::UcwaJson)).unwrap();
        let href = serde_json::json!({ "href": "https://pool2.office.test/root" });
        assert_eq!(json, serde_json::json!({ "rel": "user", "_links": { "redirect": href } }));
    }

    #[test]
    fn rubbish_is_no_document() {
        assert_eq!(Document::parse("application/json", b"[]"), Err(InvalidDocument::Json));
        assert_eq!(Document::parse("text/xml", b"<a/>"), Err(InvalidDocument::Unknown));
        let foreign = br#"<a AccessLocation="External"><Root/></a>"#;
        assert_eq!(Document::parse("text/xml", foreign), Err(InvalidDocument::Unknown));
        let long = " ".repeat(crate::MAX_ANSWER + 1);
        assert_eq!(Document::parse("application/json", long.as_bytes()), Err(InvalidDocument::Json));
        assert!(matches!(Document::parse("text/xml", b"<a"), Err(InvalidDocument::Xml(_))));
    }
}
