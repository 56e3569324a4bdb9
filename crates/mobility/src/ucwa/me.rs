//! The person who is signed in: what they say of themselves.

use fulmar_app::Command;
use fulmar_domain::{
    Account,
    application::Application,
    presence::{Arrival, INACTIVE_AFTER, Note, PreferredAvailability, Presence, SelfPresence},
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
    let arrival = Arrival::new(chosen(&given, "signInAs")?, INACTIVE_AFTER);
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
    Ok(Answer::Found(resource.property("availability", presence.availability.as_str())))
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
    asker
        .execute(Command::PublishPresence(SelfPresence { note: Some(note), ..SelfPresence::default() }))
        .await?;
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

pub(super) fn resource(account: &Account, application: &Application, hrefs: &Hrefs) -> Resource {
    let me = Resource::new("me", hrefs.at("me"))
        .property("name", account.display_name.as_str())
        .property("uri", account.uri.to_string())
        .property("emailAddresses", vec![account.uri.address()]);
    if !application.available {
        return me.link("makeMeAvailable", hrefs.at("me/makeMeAvailable"));
    }
    me.link("note", hrefs.at("me/note"))
        .link("presence", hrefs.at("me/presence"))
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
