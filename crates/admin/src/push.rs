pub(crate) mod keys;

use axum::{
    Extension, Json as Body,
    extract::{FromRequestParts, Path, State, rejection::PathRejection},
    http::{StatusCode, request::Parts},
};
use fulmar_app::TestDeviceError;
use fulmar_domain::{
    DeviceId, MessageId, Timestamp,
    push::{DeviceStory, PersonStory, Step, StepName},
};
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, Parameters, failed, store_failed},
};

#[derive(Deserialize)]
pub(crate) struct Page {
    #[serde(default = "default_limit")]
    limit: u32,
}

fn default_limit() -> u32 {
    100
}

#[derive(Serialize)]
pub(crate) struct StepBody {
    /// Milliseconds since 1970.
    at: i64,
    person: String,
    /// What the notification is about, such as `message-42`.
    about: String,
    /// The number of the message, where it is about one.
    message: Option<i64>,
    /// A provider, or where a service of Web Push is.
    service: String,
    step: &'static str,
    detail: String,
}

pub(crate) async fn ledger(
    State(admin): State<Admin>,
    Parameters(Page { limit }): Parameters<Page>,
) -> Result<Body<Vec<StepBody>>, Problem> {
    let steps = admin.app.store().push_ledger(limit.min(1000)).await.map_err(store_failed)?;
    let steps = steps.into_iter().map(|step| StepBody {
        at: step.at.as_millis(),
        person: step.person.address(),
        about: step.about,
        message: step.message.map(|message| message.0),
        service: step.service,
        step: step.step.as_str(),
        detail: step.detail,
    });
    Ok(Body(steps.collect()))
}

#[derive(Serialize)]
pub(crate) struct StoryBody {
    from: String,
    /// Milliseconds since 1970, as all times.
    sent_at: i64,
    people: Vec<PersonBody>,
}

#[derive(Serialize)]
struct PersonBody {
    person: String,
    /// When the first of their devices had it.
    fetched_at: Option<i64>,
    fetched_by: Option<FetchedBy>,
    devices: Vec<DeviceBody>,
}

#[derive(Serialize)]
struct FetchedBy {
    id: i64,
    name: String,
}

#[derive(Serialize)]
struct DeviceBody {
    id: i64,
    name: String,
    /// What happened, in its order.
    story: Vec<LineBody>,
}

#[derive(Serialize)]
struct LineBody {
    /// `null` where nothing was noted, and the detail says why.
    at: Option<i64>,
    /// A step of the ledger, or `not-woken`.
    step: &'static str,
    detail: String,
}

/// What stands in the place of a step for a device that was not woken.
const NOT_WOKEN: &str = "not-woken";

impl From<Step> for LineBody {
    fn from(step: Step) -> Self {
        Self { at: Some(step.at.as_millis()), step: step.step.as_str(), detail: step.detail }
    }
}

/// What became of a message.
pub(crate) async fn why(
    State(admin): State<Admin>,
    Number(message): Number,
) -> Result<Body<StoryBody>, Problem> {
    let story = admin.app.store().story(MessageId(message)).await.map_err(store_failed)?;
    let story = story.ok_or_else(|| {
        let unknown = format!("there is no message {message}, or not any more");
        Problem::new(StatusCode::NOT_FOUND, unknown)
    })?;
    let sent_at = story.sent_at;
    let people = story.people.into_iter().map(|person| of_person(person, sent_at)).collect();
    Ok(Body(StoryBody { from: story.from.address(), sent_at: sent_at.as_millis(), people }))
}

fn of_person(story: PersonStory, sent_at: Timestamp) -> PersonBody {
    let PersonStory { person, fetched_at, fetched_by, devices } = story;
    PersonBody {
        person: person.address(),
        fetched_at: fetched_at.map(Timestamp::as_millis),
        fetched_by: fetched_by.map(|(id, name)| FetchedBy { id: id.0, name }),
        devices: devices.into_iter().map(|device| of_device(device, sent_at)).collect(),
    }
}

fn of_device(device: DeviceStory, sent_at: Timestamp) -> DeviceBody {
    let silence = device.silence(sent_at);
    let why_not = device.not_woken.map(|(at, why)| LineBody {
        at: Some(at.as_millis()),
        step: NOT_WOKEN,
        detail: why.to_string(),
    });
    let silence = silence.map(|why| LineBody { at: None, step: NOT_WOKEN, detail: why.to_string() });
    let mut story: Vec<_> =
        device.steps.into_iter().map(LineBody::from).chain(why_not).chain(silence).collect();
    story.sort_by_key(|line| line.at);
    DeviceBody { id: device.device.0, name: device.name, story }
}

#[derive(Deserialize)]
pub(crate) struct TestBody {
    device: i64,
}

#[derive(Serialize)]
pub(crate) struct TestedBody {
    accepted: bool,
    step: &'static str,
    /// The service's word; empty where it took the notification.
    detail: String,
}

/// Sends a test notification, and answers when its service has.
pub(crate) async fn test(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(TestBody { device }): Json<TestBody>,
) -> Result<Body<TestedBody>, Problem> {
    let Step { step, detail, .. } = admin.app.test_device(DeviceId(device)).await.map_err(refused)?;
    tracing::info!(user, device, step = step.as_str(), "A test notification was sent.");
    Ok(Body(TestedBody { accepted: step == StepName::Accepted, step: step.as_str(), detail }))
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn refused(error: TestDeviceError) -> Problem {
    let status = match &error {
        TestDeviceError::NoSuchDevice(_) => StatusCode::NOT_FOUND,
        TestDeviceError::NotWoken(..) => StatusCode::CONFLICT,
        TestDeviceError::NoAnswer => StatusCode::GATEWAY_TIMEOUT,
        TestDeviceError::Store(_) => return failed(&error),
    };
    Problem::new(status, error.to_string())
}

/// The number that the path ends with.
pub(crate) struct Number(i64);

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<Path<i64>, PathRejection> = Path::from_request_parts(parts, state).await;
        let Path(number) = path.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
        Ok(Self(number))
    }
}
