use roxmltree::Node;

use super::{
    AccessLocation, Body, Document, InvalidDocument, Link, OAUTH_UCWA_PATH, OAUTH_USER_PATH, SipAccess, UCWA,
    UCWA_PATH, USER_PATH,
};
use crate::{
    ucwa,
    xml::{self, Writer},
};

const INTERNAL: &str = "SipClientInternalAccess";
const EXTERNAL: &str = "SipClientExternalAccess";

pub(super) fn write(document: &Document) -> String {
    let mut writer = Writer::new();
    let location = document.access_location.as_str();
    writer.element("AutodiscoverResponse", &[("AccessLocation", location)], |w| match &document.body {
        Body::Root { links } => {
            w.element("Root", &[], |w| write_links(w, links));
        }
        Body::Domain { links } => {
            w.element("Domain", &[], |w| write_links(w, links));
        }
        Body::User { sip_internal, sip_external, links } => {
            w.element("User", &[], |w| {
                for (name, access) in [
                    ("SipServerInternalAccess", sip_internal),
                    ("SipServerExternalAccess", sip_external),
                    (INTERNAL, sip_internal),
                    (EXTERNAL, sip_external),
                ] {
                    w.empty(name, &[("fqdn", &access.fqdn), ("port", &access.port.to_string())]);
                }
                write_links(w, links);
            });
        }
        Body::UserElsewhere { links } => {
            w.element("User", &[], |w| write_links(w, links));
        }
    });
    writer.finish()
}

fn write_links(writer: &mut Writer, links: &[Link]) {
    for link in links {
        writer.empty("Link", &[("token", &link.token), ("href", &link.href)]);
    }
}

pub(super) fn parse(body: &[u8]) -> Result<Document, InvalidDocument> {
    let document = xml::read_answer(body, |root| Ok(from_root(root)))?;
    document.ok_or(InvalidDocument::Unknown)
}

fn from_root(root: Node<'_, '_>) -> Option<Document> {
    if !root.has_tag_name("AutodiscoverResponse") {
        return None;
    }
    let access_location = AccessLocation::read(root.attribute("AccessLocation")?)?;
    let body = root.children().find(Node::is_element)?;
    let links = body.children().filter(|node| node.has_tag_name("Link"));
    let links = links
        .map(|node| {
            Some(Link { token: node.attribute("token")?.into(), href: node.attribute("href")?.into() })
        })
        .collect::<Option<Vec<_>>>()?;
    let access = |name| {
        let node = xml::child(body, name)?;
        Some(SipAccess { fqdn: node.attribute("fqdn")?.into(), port: node.attribute("port")?.parse().ok()? })
    };
    let body = match body.tag_name().name() {
        "Root" => Body::Root { links },
        "Domain" => Body::Domain { links },
        "User" if links.iter().any(|link| link.token == "Redirect") => Body::UserElsewhere { links },
        "User" => Body::User { sip_internal: access(INTERNAL)?, sip_external: access(EXTERNAL)?, links },
        _ => return None,
    };
    Some(Document { access_location, body })
}

/// The links that the UCWA forms have a word for, as `rel` and URL.
pub(super) fn ucwa_links(document: &Document) -> (&'static str, Vec<(&'static str, String)>) {
    let rel = match &document.body {
        Body::Root { .. } => "root",
        Body::Domain { .. } => "domain",
        Body::User { .. } | Body::UserElsewhere { .. } => "user",
    };
    if let Some(redirect) = document.link("Redirect") {
        return (rel, vec![("redirect", redirect.to_owned())]);
    }
    let this = document.link("Self").unwrap_or_default();
    let mut links = match &document.body {
        Body::Root { .. } => {
            let user = document.link("OAuth").unwrap_or_default();
            vec![("self", this.to_owned()), ("user", user.to_owned())]
        }
        Body::Domain { .. } | Body::UserElsewhere { .. } => Vec::new(),
        Body::User { .. } => {
            let this = ("self", this.replace(USER_PATH, OAUTH_USER_PATH));
            let applications = document.link(UCWA).map(|href| href.replace(UCWA_PATH, OAUTH_UCWA_PATH));
            [this].into_iter().chain(applications.map(|href| ("applications", href))).collect()
        }
    };
    links.extend(document.link("XFrame").map(|xframe| ("xframe", xframe.to_owned())));
    (rel, links)
}

pub(super) fn relations(document: &Document) -> String {
    let (rel, links) = ucwa_links(document);
    let this = links.iter().find(|(rel, _)| *rel == "self").map(|(_, href)| ("href", href.as_str()));
    let attributes: Vec<_> =
        [("rel", rel)].into_iter().chain(this).chain([("xmlns", ucwa::NAMESPACE)]).collect();
    let mut writer = Writer::new();
    writer.element("resource", &attributes, |w| {
        for (rel, href) in links.iter().filter(|(rel, _)| *rel != "self") {
            w.empty("link", &[("rel", rel), ("href", href)]);
        }
    });
    writer.finish()
}
