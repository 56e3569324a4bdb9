use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::MAX_ANSWER;

use super::{AccessLocation, Body, Document, InvalidDocument, Link, SipAccess, xml::ucwa_links};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    access_location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<Links>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<Links>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User>,
    #[serde(flatten, skip_deserializing)]
    relations: Option<Relations>,
}

#[derive(Serialize)]
struct Relations {
    #[serde(rename = "_links")]
    links: Map<String, Value>,
    rel: &'static str,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Links {
    links: Vec<TokenLink>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct User {
    links: Vec<TokenLink>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sip_client_internal_access: Option<Access>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sip_client_external_access: Option<Access>,
}

#[derive(Serialize, Deserialize)]
struct TokenLink {
    href: String,
    token: String,
}

/// No sample of the original shows whether `port` is a string; it is one in the XML, so it is one here.
#[derive(Serialize, Deserialize)]
struct Access {
    fqdn: String,
    port: String,
}

pub(super) fn tokens(document: &Document) -> String {
    write(&response(document))
}

pub(super) fn both(document: &Document) -> String {
    write(&Response { relations: Some(related(document)), ..response(document) })
}

pub(super) fn relations(document: &Document) -> String {
    write(&related(document))
}

#[expect(clippy::expect_used, reason = "strings always have a JSON form")]
fn write(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("strings have a JSON form")
}

fn response(document: &Document) -> Response {
    let links = |links: &[Link]| {
        links.iter().map(|link| TokenLink { href: link.href.clone(), token: link.token.clone() }).collect()
    };
    let access = |access: &SipAccess| Access { fqdn: access.fqdn.clone(), port: access.port.to_string() };
    let access_location = document.access_location.as_str().to_owned();
    let mut response = Response { access_location, root: None, domain: None, user: None, relations: None };
    match &document.body {
        Body::Root { links: all } => response.root = Some(Links { links: links(all) }),
        Body::Domain { links: all } => response.domain = Some(Links { links: links(all) }),
        Body::User { sip_internal, sip_external, links: all } => {
            response.user = Some(User {
                links: links(all),
                sip_client_internal_access: Some(access(sip_internal)),
                sip_client_external_access: Some(access(sip_external)),
            });
        }
        Body::UserElsewhere { links: all } => {
            response.user = Some(User {
                links: links(all),
                sip_client_internal_access: None,
                sip_client_external_access: None,
            });
        }
    }
    response
}

pub(super) fn parse(body: &[u8]) -> Result<Document, InvalidDocument> {
    if body.len() > MAX_ANSWER {
        return Err(InvalidDocument::Json);
    }
    let response: Response = serde_json::from_slice(body).map_err(|_| InvalidDocument::Json)?;
    let access_location = AccessLocation::read(&response.access_location).ok_or(InvalidDocument::Unknown)?;
    let links = |links: Vec<TokenLink>| {
        links.into_iter().map(|link| Link { token: link.token, href: link.href }).collect()
    };
    let access = |access: Option<Access>| {
        let access = access.ok_or(InvalidDocument::Unknown)?;
        let port = access.port.parse().map_err(|_| InvalidDocument::Unknown)?;
        Ok::<_, InvalidDocument>(SipAccess { fqdn: access.fqdn, port })
    };
    let body = match (response.root, response.domain, response.user) {
        (Some(root), None, None) => Body::Root { links: links(root.links) },
        (None, Some(domain), None) => Body::Domain { links: links(domain.links) },
        (None, None, Some(user)) if user.links.iter().any(|link| link.token == "Redirect") => {
            Body::UserElsewhere { links: links(user.links) }
        }
        (None, None, Some(user)) => Body::User {
            sip_internal: access(user.sip_client_internal_access)?,
            sip_external: access(user.sip_client_external_access)?,
            links: links(user.links),
        },
        _ => return Err(InvalidDocument::Unknown),
    };
    Ok(Document { access_location, body })
}

fn related(document: &Document) -> Relations {
    let (rel, links) = ucwa_links(document);
    let links = links.into_iter().map(|(rel, href)| (rel.to_owned(), json!({ "href": href }))).collect();
    Relations { links, rel }
}
