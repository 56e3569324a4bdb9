use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_domain::push::{ApnsAuth, ApnsSettings};
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, Parameters, store_failed, unprocessable},
};

#[derive(Deserialize)]
pub(crate) struct ApnsBody {
    endpoint: String,
    topic: String,
    #[serde(flatten)]
    auth: AuthBody,
    trust_anchors_pem: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AuthBody {
    Token { team_id: String, key_id: String, key_pem: String },
    Certificate { chain_pem: String, key_pem: String },
}

pub(crate) async fn set_apns(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(body): Json<ApnsBody>,
) -> Result<StatusCode, Problem> {
    let auth = match body.auth {
        AuthBody::Token { team_id, key_id, key_pem } => ApnsAuth::Token { team_id, key_id, key_pem },
        AuthBody::Certificate { chain_pem, key_pem } => ApnsAuth::Certificate { chain_pem, key_pem },
    };
    let ApnsBody { endpoint, topic, trust_anchors_pem, .. } = body;
    let settings = ApnsSettings { endpoint, topic, auth, trust_anchors_pem };
    (admin.check_apns)(&settings).map_err(unprocessable)?;
    admin.app.store().set_apns_settings(settings).await.map_err(store_failed)?;
    tracing::info!(user, "The settings for Apple were changed.");
    Ok(StatusCode::NO_CONTENT)
}

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
        step: step.step.as_str(),
        detail: step.detail,
    });
    Ok(Body(steps.collect()))
}
