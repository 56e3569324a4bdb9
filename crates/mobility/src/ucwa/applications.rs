//! Making, showing and ending an application.

use axum::{
    extract::State,
    http::{HeaderMap, header},
};
use fulmar_domain::{
    Account,
    application::{Application, ClientDescription, ClientText},
};
use fulmar_wire::ucwa::Resource;

use super::{
    answer::{Answer, Refused},
    asker::{Asker, Given, Person},
    communication,
    hrefs::Hrefs,
    me, meetings, people, photos,
};
use crate::Phones;

/// What an application is taken for that does not say.
const KIND: &str = "Browser";

/// `POST applications`: 201 for a new one, 200 for the one that the client has.
pub(super) async fn make(
    State(phones): State<Phones>,
    Person(caller): Person,
    headers: HeaderMap,
    given: Given,
) -> Result<(HeaderMap, Answer), Refused> {
    let client = ClientDescription {
        endpoint_id: given.parsed("endpointId")?,
        culture: given.parsed("culture")?,
        user_agent: given.parsed("userAgent")?,
        kind: match given.optional("type")? {
            Some(kind) => kind,
            None => KIND.parse().map_err(|error| Refused::parameter("type", error))?,
        },
        instance_id: given.optional("instanceId")?,
    };
    let made = phones.app.make_application(&caller, client).await?;
    let session = &made.application.session;
    if made.created {
        tracing::info!(person = %caller.account.uri, device = %session.device, "A device signed in.");
    }
    let hrefs = Hrefs::new(session.device, made.application.client.instance_id.as_ref());
    let cookie = photos::cookie(&headers, &hrefs).map(|cookie| (header::SET_COOKIE, cookie));
    let resource = resource(&caller.account, &made.application, &hrefs);
    let answer = if made.created { Answer::Created(resource) } else { Answer::Found(resource) };
    Ok((cookie.into_iter().collect(), answer))
}

pub(super) async fn show(asker: Asker) -> Answer {
    Answer::Found(resource(&asker.account, &asker.application, &asker.hrefs))
}

/// `DELETE`: signs the device out, or closes one of its windows.
pub(super) async fn end(asker: Asker) -> Result<Answer, Refused> {
    asker.app.end_application(&asker.application).await?;
    Ok(Answer::Done)
}

fn resource(account: &Account, application: &Application, hrefs: &Hrefs) -> Resource {
    let client = &application.client;
    Resource::new("application", hrefs.application())
        .property("culture", client.culture.as_str())
        .property("endpointId", client.endpoint_id.as_str())
        .property("id", application.session.device.to_string())
        .optional("instanceId", client.instance_id.as_ref().map(ClientText::as_str))
        .property("type", client.kind.as_str())
        .property("userAgent", client.user_agent.as_str())
        .link("policies", hrefs.at("policies"))
        .link("batch", hrefs.at("batch"))
        .link("events", hrefs.events(application.acknowledged + 1))
        .etagged()
        .embed(me::resource(account, application, hrefs))
        .embed(people::resource(hrefs))
        .embed(meetings::resource(hrefs))
        .embed(communication::resource(application, hrefs))
}
