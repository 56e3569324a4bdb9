//! The page at the `joinUrl` of a meeting, for people to whom somebody gave it: whose it is, who may come, how long and
//! how. What it is about and who is invited is told to nobody who has not signed in.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use fulmar_domain::{
    Office,
    meeting::{AccessLevel, Meeting, MeetingUri},
};
use fulmar_http::Problem;
use fulmar_wire::date;

use crate::{
    Phones,
    challenge::domain_of_request,
    discovery::{failed, office},
};

/// The routes: who organizes the meeting, and its name.
pub(crate) const PATH: &str = "/meet/{organizer}/{meeting}";

#[derive(Template)]
#[template(path = "meeting.html")]
struct Page<'a> {
    domain: &'a str,
    meeting: Option<Described>,
}

struct Described {
    organizer: String,
    who: &'static str,
    until: String,
    uri: String,
}

impl Described {
    fn new(meeting: &Meeting) -> Self {
        let until = date::write(meeting.plan.expires_at.as_millis());
        let (day, time) = until.split_once('T').unwrap_or((&until, ""));
        Self {
            organizer: meeting.organizer.address(),
            who: match meeting.plan.access {
                AccessLevel::Everyone | AccessLevel::SameEnterprise => "Everybody of the office may come.",
                AccessLevel::Invited => "Those who are invited may come.",
                AccessLevel::Locked => "Only those who lead it may come.",
            },
            until: format!("{day}, {} UTC", time.get(..5).unwrap_or(time)),
            uri: meeting.uri().to_string(),
        }
    }
}

/// Where the page of a meeting is.
pub(crate) fn url(office: &Office, meeting: &Meeting) -> String {
    let MeetingUri { organizer, id } = meeting.uri();
    format!("{}/meet/{}/{id}", office.web_origin(organizer.domain()), organizer.user())
}

pub(crate) async fn page(
    State(phones): State<Phones>,
    Path((organizer, meeting)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let office = office(&phones).await?;
    let domain = domain_of_request(&office, &headers);
    let organizer = format!("{organizer}@{domain}").parse().ok();
    let meeting = match meeting.parse() {
        Ok(id) => phones.app.store().meeting(id, phones.app.now()).await.map_err(|error| failed(&error))?,
        Err(_) => None,
    };
    let meeting = meeting.filter(|meeting| organizer.as_ref() == Some(&meeting.organizer));
    let status = if meeting.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let page = Page { domain: domain.as_str(), meeting: meeting.as_ref().map(Described::new) };
    let html = page.render().map_err(|error| failed(&error))?;
    Ok((status, [(header::CACHE_CONTROL, "no-store")], Html(html)).into_response())
}
