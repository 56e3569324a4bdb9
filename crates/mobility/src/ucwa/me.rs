//! The person who is signed in: what they say of themselves.

use std::time::Duration;

use fulmar_app::Command;
use fulmar_domain::{
    Account,
    application::Application,
    presence::{
        ActivityToken, Arrival, INACTIVE_AFTER, Location, Note, PreferredAvailability, Presence, SelfPresence,
    },
};
use fulmar_wire::ucwa::{Code, Resource, Subcode, data_uri::MessageFormat};

use super::{
    answer::{Answer, Refused},
    asker::{Asker, Given},
    hrefs::Hrefs,
};

pub(super) async fn show(asker: Asker) -> Answer {
    Answer::Found(resource(&asker.account, &asker.application, &asker.hrefs))
}

/// `POST makeMeAvailable`: from now on the person is seen to be here.
pub(super) async fn make_available(asker: Asker, given: Given) -> Result<Answer, Refused> {
    if asker.application.available {
        return Err(Refused::new(Code::Conflict, Subcode::AlreadyExists));
    }
    let inactive = given.0.text("inactiveTimeout")?.map(|text| span(text).ok_or(text));
    let inactive =
        inactive.transpose().map_err(|_| Refused::parameter("inactiveTimeout", "this is no time"))?;
    let arrival = Arrival::new(chosen(&given, "signInAs")?, inactive.unwrap_or(INACTIVE_AFTER));
    let wanted = given.0.list("supportedMessageFormats")?.unwrap_or_default();
    // Everybody reads plain text.
    let html = wanted.iter().any(|word| MessageFormat::read(word) == Some(MessageFormat::Html));
    let formats = [Some(MessageFormat::Plain), html.then_some(MessageFormat::Html)];
    let formats = formats.into_iter().flatten().map(|format| format.as_str().to_owned()).collect();
    asker.app.make_available(&asker.application.session, arrival, formats).await??;
    Ok(Answer::Done)
}

/// `POST reportMyActivity`.
pub(super) async fn report_activity(asker: Asker) -> Result<Answer, Refused> {
    asker.available()?;
    asker.execute(Command::ReportActivity).await?;
    Ok(Answer::Done)
}

pub(super) async fn show_presence(asker: Asker) -> Result<Answer, Refused> {
    asker.available()?;
    let presence = own_presence(&asker).await?;
    let resource = Resource::new("presence", asker.hrefs.at("me/presence"));
    Ok(Answer::Found(with_availability(resource, &presence)))
}

/// Availability, and the word for what somebody does where there is one.
pub(super) fn with_availability(resource: Resource, presence: &Presence) -> Resource {
    resource
        .property("availability", presence.availability.as_str())
        .optional("activity", presence.activity.map(ActivityToken::as_str))
}

pub(super) async fn set_presence(asker: Asker, given: Given) -> Result<Answer, Refused> {
    asker.available()?;
    let presence = SelfPresence { chosen: Some(chosen(&given, "availability")?), ..SelfPresence::default() };
    asker.execute(Command::PublishPresence(presence)).await?;
    Ok(Answer::Done)
}

pub(super) async fn show_note(asker: Asker) -> Result<Answer, Refused> {
    asker.available()?;
    let presence = own_presence(&asker).await?;
    Ok(Answer::Found(note("note", asker.hrefs.at("me/note"), &presence.note)))
}

pub(super) async fn set_note(asker: Asker, given: Given) -> Result<Answer, Refused> {
    asker.available()?;
    let said = given.0.text("message")?.unwrap_or_default();
    let note: Note = said.parse().map_err(|error| Refused::parameter("message", error))?;
    let presence = SelfPresence { note: Some(note), ..SelfPresence::default() };
    asker.execute(Command::PublishPresence(presence)).await?;
    Ok(Answer::Done)
}

pub(super) async fn show_location(asker: Asker) -> Result<Answer, Refused> {
    asker.available()?;
    let presence = own_presence(&asker).await?;
    Ok(Answer::Found(location("location", asker.hrefs.at("me/location"), &presence.location)))
}

pub(super) async fn set_location(asker: Asker, given: Given) -> Result<Answer, Refused> {
    asker.available()?;
    let said = given.0.text("location")?.unwrap_or_default();
    let location: Location = said.parse().map_err(|error| Refused::parameter("location", error))?;
    let presence = SelfPresence { location: Some(location), ..SelfPresence::default() };
    asker.execute(Command::PublishPresence(presence)).await?;
    Ok(Answer::Done)
}

async fn own_presence(asker: &Asker) -> Result<Presence, Refused> {
    let presence = asker.app.store().presence(&asker.account.uri, asker.app.now()).await?;
    presence.ok_or_else(|| Refused::new(Code::NotFound, Subcode::ResourceNotFound))
}

/// A note, of oneself or of a contact.
pub(super) fn note(rel: &str, href: String, note: &Note) -> Resource {
    Resource::new(rel, href).property("message", note.as_str()).property("type", "Personal")
}

/// A place, of oneself or of a contact.
pub(super) fn location(rel: &str, href: String, location: &Location) -> Resource {
    Resource::new(rel, href).property("location", location.as_str())
}

pub(super) fn resource(account: &Account, application: &Application, hrefs: &Hrefs) -> Resource {
    let me = Resource::new("me", hrefs.at("me"))
        .property("name", account.display_name.as_str())
        .property("uri", account.uri.to_string())
        .property("emailAddresses", vec![account.uri.address()])
        .link("photo", hrefs.photo(&account.uri));
    if !application.available {
        return me.link("makeMeAvailable", hrefs.at("me/makeMeAvailable"));
    }
    me.link("note", hrefs.at("me/note"))
        .link("presence", hrefs.at("me/presence"))
        .link("location", hrefs.at("me/location"))
        .link("reportMyActivity", hrefs.at("me/reportMyActivity"))
}

/// What a person may say of themselves ("PreferredAvailability").
fn chosen(given: &Given, name: &'static str) -> Result<Option<PreferredAvailability>, Refused> {
    let Some(said) = given.0.text(name)? else { return Ok(None) };
    let known =
        PreferredAvailability::ALL.into_iter().filter(|choice| *choice != PreferredAvailability::Offline);
    let found = known.into_iter().find(|choice| choice.as_str().eq_ignore_ascii_case(said));
    found.map(Some).ok_or_else(|| Refused::parameter(name, "this is not an availability to choose"))
}

/// A time as clients write it: a number of minutes ("makeMeAvailable"), or hours, minutes and seconds (`00:05:00`,
/// `PT5M`).
fn span(text: &str) -> Option<Duration> {
    let period = text.to_ascii_uppercase();
    if let Some(minutes) = period.strip_prefix("PT").and_then(|rest| rest.strip_suffix('M')) {
        return minutes.parse().ok().map(|minutes: u32| Duration::from_secs(60 * u64::from(minutes)));
    }
    let parts: Vec<u64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts.as_slice() {
        [minutes] => Some(Duration::from_secs(minutes.checked_mul(60)?)),
        [hours, minutes, seconds] => {
            let hours = hours.checked_mul(3600)?;
            Some(Duration::from_secs(hours.checked_add(minutes.checked_mul(60)?)?.checked_add(*seconds)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_several_ways() {
        let seconds = |text| span(text).map(|time| time.as_secs());
        assert_eq!(seconds("5"), Some(300));
        assert_eq!(seconds("00:05:00"), Some(300));
        assert_eq!(seconds("PT5M"), Some(300));
        for bad in ["", "soon", "1:2", "PT", "-5", "18446744073709551615:0:0"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
