use axum::{
    Extension, Json as Body,
    extract::{FromRequestParts, Path, State, rejection::PathRejection},
    http::{StatusCode, request::Parts},
};
use fulmar_app::DeviceSummary;
use fulmar_domain::{DeviceId, SipUri};
use fulmar_http::{PeerUser, Problem};
use serde::Serialize;

use crate::{
    Admin,
    json::{Person, parsed},
    people::refused,
};

#[derive(Serialize)]
pub(crate) struct DeviceBody {
    id: i64,
    /// What the person calls it.
    name: String,
    /// `foreground` or `background`; absent where it holds a ticket and has no session.
    state: Option<&'static str>,
    push: bool,
    /// Milliseconds since 1970, to the minute; absent without a session.
    last_seen: Option<i64>,
}

impl From<DeviceSummary> for DeviceBody {
    fn from(device: DeviceSummary) -> Self {
        Self {
            id: device.id.0,
            name: device.name,
            state: device.session.map(|(activity, _)| activity.as_str()),
            push: device.has_push,
            last_seen: device.session.map(|(_, seen)| seen.as_millis()),
        }
    }
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    Person(person): Person,
) -> Result<Body<Vec<DeviceBody>>, Problem> {
    let devices = admin.app.devices(person).await.map_err(refused)?;
    Ok(Body(devices.into_iter().map(DeviceBody::from).collect()))
}

pub(crate) async fn revoke(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Of(person, device): Of,
) -> Result<StatusCode, Problem> {
    admin.app.revoke_device(person.clone(), device).await.map_err(refused)?;
    tracing::info!(user, %person, %device, "A device was revoked.");
    Ok(StatusCode::NO_CONTENT)
}

/// The person and the device that the path names.
pub(crate) struct Of(SipUri, DeviceId);

impl<S: Send + Sync> FromRequestParts<S> for Of {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<Path<(String, i64)>, PathRejection> = Path::from_request_parts(parts, state).await;
        let Path((address, device)) =
            path.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
        Ok(Self(parsed(&address)?, DeviceId(device)))
    }
}
