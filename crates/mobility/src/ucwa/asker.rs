//! Who asks: a person with a ticket, and the application that the path names.

use std::collections::HashMap;

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{header, request::Parts},
    response::Response,
};
use fulmar_app::{App, Caller, Command, Made, NotAuthenticated};
use fulmar_domain::{
    Account, ConversationId, DeviceId, Office, SipUri,
    application::{Application, ClientText},
    event::Failure,
};
use fulmar_http::BoundedBody;
use fulmar_wire::ucwa::{Code, Input, InputError, Subcode};

use super::{
    answer::{Refused, kept_out},
    hrefs::Hrefs,
};
use crate::{
    Phones,
    challenge::{caller, challenge},
    discovery::office,
};

/// Somebody who may use the mobility service.
pub(super) struct Person(pub(super) Caller);

impl FromRequestParts<Phones> for Person {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, phones: &Phones) -> Result<Self, Refused> {
        let caller = match caller(phones, &parts.headers).await {
            Ok(caller) => caller,
            Err(error @ (NotAuthenticated::NoTicket | NotAuthenticated::Expired)) => {
                return Err(Refused::Challenge(Box::new(challenged(phones, parts, &error).await)));
            }
            Err(error) => return Err(kept_out(&error)),
        };
        if caller.account.homed_at.is_some() {
            let elsewhere = "this person is at home at another pool: Autodiscover says where";
            return Err(Refused::because(Code::Forbidden, None, elsewhere));
        }
        if !phones.app.mobility_policy(&caller.account.uri).await?.enable_mobility {
            return Err(Refused::new(Code::Forbidden, Subcode::MobileApplicationNoLongerAllowed));
        }
        Ok(Self(caller))
    }
}

async fn challenged(phones: &Phones, parts: &Parts, error: &NotAuthenticated) -> Response {
    use axum::response::IntoResponse;
    match office(phones).await {
        Ok(office) => challenge(&office, &parts.headers, &error.to_string()),
        Err(problem) => problem.into_response(),
    }
}

/// A person's application.
pub(super) struct Asker {
    pub(super) app: App,
    pub(super) account: Account,
    pub(super) application: Application,
    pub(super) hrefs: Hrefs,
    /// What else the path names.
    path: HashMap<String, String>,
}

impl FromRequestParts<Phones> for Asker {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, phones: &Phones) -> Result<Self, Refused> {
        let Person(caller) = Person::from_request_parts(parts, phones).await?;
        let path: Result<Path<HashMap<String, String>>, _> = Path::from_request_parts(parts, phones).await;
        let Path(path) = path.map_err(|_| Refused::no_application())?;
        let device = path.get("application").and_then(|number| number.parse().ok()).map(DeviceId);
        let device = device.ok_or_else(Refused::no_application)?;
        let instance = instance(parts)?;
        let Some(application) = phones.app.application(&caller, device, instance.as_ref()).await? else {
            return Err(Refused::ended(phones.app.application_end(&caller, device).await?));
        };
        Ok(Self {
            app: phones.app.clone(),
            account: caller.account,
            application,
            hrefs: Hrefs::new(device, instance.as_ref()),
            path,
        })
    }
}

/// The instance of the client that asks, where it says so ("Multi-Tab Support").
fn instance(parts: &Parts) -> Result<Option<ClientText>, Refused> {
    let Ok(query) = Input::parse(None, parts.uri.query(), b"") else { return Ok(None) };
    let name = query.text("instanceId")?.filter(|name| !name.is_empty());
    name.map(|name| name.parse().map_err(|_| Refused::no_application())).transpose()
}

impl Asker {
    /// The conversation that the path names.
    pub(super) fn conversation(&self) -> Result<ConversationId, Refused> {
        self.named("conversation", Subcode::ConversationNotFound)
    }

    /// The person that the path names.
    pub(super) fn person(&self) -> Result<SipUri, Refused> {
        self.named("person", Subcode::ResourceNotFound)
    }

    /// Something that the path names; what can not be one is not there.
    pub(super) fn named<T: std::str::FromStr>(&self, name: &str, missing: Subcode) -> Result<T, Refused> {
        let text = self.path.get(name).and_then(|text| text.parse().ok());
        text.ok_or_else(|| Refused::new(Code::NotFound, missing))
    }

    /// Carries a command out; what comes of it is the answer.
    pub(super) async fn execute(&self, command: Command) -> Result<Made, Refused> {
        Ok(self.app.execute(&self.application.session, None, command).await??)
    }

    /// The same for one that may make a meeting.
    pub(super) async fn execute_meeting(&self, command: Command) -> Result<Made, Refused> {
        match self.app.execute(&self.application.session, None, command).await? {
            Err(Failure::LimitExceeded) => Err(Refused::new(Code::Conflict, Subcode::TooManyOnlineMeetings)),
            outcome => Ok(outcome?),
        }
    }

    /// The office of the person.
    pub(super) async fn office(&self) -> Result<Office, Refused> {
        let office = self.app.store().office().await?;
        office.map(|(office, _)| office).ok_or_else(Refused::no_application)
    }

    /// Before an application is available there is nothing to say of its person.
    pub(super) fn available(&self) -> Result<(), Refused> {
        if self.application.available {
            return Ok(());
        }
        let message = "makeMeAvailable comes first";
        Err(Refused::because(Code::Conflict, Subcode::MakeMeAvailableRequired, message))
    }
}

/// What a request holds, in whichever form: body or query.
pub(super) struct Given(pub(super) Input);

impl FromRequest<Phones> for Given {
    type Rejection = Refused;

    async fn from_request(request: Request, phones: &Phones) -> Result<Self, Refused> {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let query = request.uri().query().map(str::to_owned);
        let BoundedBody(body) = BoundedBody::from_request(request, phones).await?;
        let input = Input::parse(content_type.as_deref(), query.as_deref(), &body);
        input.map(Self).map_err(|error| match error {
            InputError::UnsupportedMediaType => {
                Refused::because(Code::UnsupportedMediaType, None, &error.to_string())
            }
            InputError::TooLong => Refused::because(Code::EntityTooLarge, None, &error.to_string()),
            InputError::Malformed(_) => {
                Refused::because(Code::BadRequest, Subcode::DeserializationFailure, &error.to_string())
            }
        })
    }
}

impl Given {
    /// A text that has to be there and be something.
    pub(super) fn parsed<T>(&self, name: &'static str) -> Result<T, Refused>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        self.0.required(name)?.parse().map_err(|error| Refused::parameter(name, error))
    }

    /// The same where it is not missing.
    pub(super) fn optional<T>(&self, name: &'static str) -> Result<Option<T>, Refused>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        let text = self.0.text(name)?.filter(|text| !text.is_empty());
        text.map(|text| text.parse().map_err(|error| Refused::parameter(name, error))).transpose()
    }
}
