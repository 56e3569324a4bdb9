use std::collections::BTreeSet;

use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_domain::push::{ApnsAuth, ApnsSettings, WebPushSettings};
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, Parameters, failed, parsed, store_failed, unprocessable},
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
pub(crate) struct WebPushBody {
    contact: String,
    #[serde(default)]
    private_hosts: BTreeSet<String>,
    trust_anchors_pem: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct WebPushKey {
    /// What devices subscribe for: a point of P-256 in base64url.
    public_key: String,
}

pub(crate) async fn set_web_push(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(body): Json<WebPushBody>,
) -> Result<Body<WebPushKey>, Problem> {
    let WebPushBody { contact, private_hosts, trust_anchors_pem } = body;
    let settings = WebPushSettings {
        contact: parsed(&contact)?,
        private_hosts: private_hosts.iter().map(|host| parsed(host)).collect::<Result<_, _>>()?,
        trust_anchors_pem,
    };
    (admin.check_web_push)(&settings).map_err(unprocessable)?;
    let public_key = admin.app.set_web_push(settings).await.map_err(|error| failed(&error))?;
    tracing::info!(user, "The settings for Web Push were changed.");
    Ok(Body(WebPushKey { public_key }))
}

pub(crate) async fn forget_web_push(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
) -> Result<StatusCode, Problem> {
    if !admin.app.forget_web_push().await.map_err(store_failed)? {
        return Err(Problem::new(StatusCode::NOT_FOUND, "nobody is woken by Web Push"));
    }
    tracing::info!(user, "Web Push was switched off.");
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
