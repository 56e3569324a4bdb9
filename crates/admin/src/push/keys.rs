//! What the box proves itself with to push services. It comes in and is never shown again.

use std::collections::BTreeSet;

use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_domain::push::{ApnsAuth, ApnsSettings, Entered, FcmSettings, WebPushSettings, WnsSettings};
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, failed, parsed, store_failed, unprocessable},
};

#[derive(Serialize)]
pub(crate) struct KeysBody {
    /// `null` where the box has none, as the others.
    apns: Option<ApnsShown>,
    web: Option<WebShown>,
    fcm: Option<FcmShown>,
    wns: Option<WnsShown>,
}

#[derive(Serialize)]
struct ApnsShown {
    endpoint: String,
    topic: String,
    /// With `key_id`; both are `null` where a client certificate takes the place of a signing key.
    team_id: Option<String>,
    key_id: Option<String>,
}

#[derive(Serialize)]
struct WebShown {
    contact: String,
    private_hosts: Vec<String>,
    public_key: String,
}

#[derive(Serialize)]
struct FcmShown {
    endpoint: String,
    project: String,
}

#[derive(Serialize)]
struct WnsShown {
    package_sid: String,
    token_endpoint: String,
    channel_domain: String,
}

/// What is set, and nothing that is secret.
pub(crate) async fn show(State(admin): State<Admin>) -> Result<Body<KeysBody>, Problem> {
    let store = admin.app.store();
    let apns = store.apns_settings().await.map_err(store_failed)?;
    let web = store.web_push_settings().await.map_err(store_failed)?;
    let fcm = store.fcm_settings().await.map_err(store_failed)?;
    let wns = store.wns_settings().await.map_err(store_failed)?;
    Ok(Body(KeysBody {
        apns: apns.map(|ApnsSettings { endpoint, topic, auth, .. }| {
            let (team_id, key_id) = match auth {
                ApnsAuth::Token { team_id, key_id, .. } => (Some(team_id), Some(key_id)),
                ApnsAuth::Certificate { .. } => (None, None),
            };
            ApnsShown { endpoint, topic, team_id, key_id }
        }),
        web: web.map(|(settings, key)| WebShown {
            contact: settings.contact.as_str().to_owned(),
            private_hosts: settings.private_hosts.iter().map(ToString::to_string).collect(),
            public_key: key.public,
        }),
        fcm: fcm.map(|settings| FcmShown {
            project: project(&settings.service_account),
            endpoint: settings.endpoint,
        }),
        wns: wns.map(|settings| WnsShown {
            package_sid: settings.package_sid,
            token_endpoint: settings.token_endpoint,
            channel_domain: settings.channel_domain.to_string(),
        }),
    }))
}

/// The one that the service account is for. It was looked at when it came in.
fn project(service_account: &str) -> String {
    #[derive(Deserialize)]
    struct Account {
        project_id: String,
    }
    serde_json::from_str(service_account)
        .map_or_else(|_| String::new(), |account: Account| account.project_id)
}

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
    (admin.check_push)(Entered::Apns(&settings)).map_err(unprocessable)?;
    admin.app.store().set_apns_settings(settings, admin.app.now()).await.map_err(store_failed)?;
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
    (admin.check_push)(Entered::WebPush(&settings)).map_err(unprocessable)?;
    let public_key = admin.app.set_web_push(settings).await.map_err(|error| failed(&error))?;
    tracing::info!(user, "The settings for Web Push were changed.");
    Ok(Body(WebPushKey { public_key }))
}

pub(crate) async fn forget_apns(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
) -> Result<StatusCode, Problem> {
    let was_on = admin.app.store().forget_apns_settings(admin.app.now()).await.map_err(store_failed)?;
    switched_off("Apple", user, was_on)
}

pub(crate) async fn forget_web_push(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
) -> Result<StatusCode, Problem> {
    let was_on = admin.app.forget_web_push().await.map_err(store_failed)?;
    switched_off("Web Push", user, was_on)
}

fn switched_off(service: &str, user: u32, was_on: bool) -> Result<StatusCode, Problem> {
    if !was_on {
        return Err(Problem::new(StatusCode::NOT_FOUND, format!("nobody is woken by {service}")));
    }
    tracing::info!(user, service, "A push service was switched off.");
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub(crate) struct FcmBody {
    /// Firebase's own when left out.
    endpoint: Option<String>,
    service_account: String,
    trust_anchors_pem: Option<String>,
}

pub(crate) async fn set_fcm(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(body): Json<FcmBody>,
) -> Result<StatusCode, Problem> {
    let FcmBody { endpoint, service_account, trust_anchors_pem } = body;
    let endpoint = endpoint.unwrap_or_else(|| FcmSettings::ENDPOINT.to_owned());
    let settings = FcmSettings { endpoint, service_account, trust_anchors_pem };
    (admin.check_push)(Entered::Fcm(&settings)).map_err(unprocessable)?;
    admin.app.store().set_fcm_settings(settings, admin.app.now()).await.map_err(store_failed)?;
    tracing::info!(user, "The settings for Firebase were changed.");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn forget_fcm(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
) -> Result<StatusCode, Problem> {
    let was_on = admin.app.store().forget_fcm_settings(admin.app.now()).await.map_err(store_failed)?;
    switched_off("Firebase", user, was_on)
}

#[derive(Deserialize)]
pub(crate) struct WnsBody {
    package_sid: String,
    secret: String,
    /// Microsoft's own when left out, as the next.
    token_endpoint: Option<String>,
    channel_domain: Option<String>,
    trust_anchors_pem: Option<String>,
}

pub(crate) async fn set_wns(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(body): Json<WnsBody>,
) -> Result<StatusCode, Problem> {
    let WnsBody { package_sid, secret, token_endpoint, channel_domain, trust_anchors_pem } = body;
    let settings = WnsSettings {
        package_sid,
        secret,
        token_endpoint: token_endpoint.unwrap_or_else(|| WnsSettings::TOKEN_ENDPOINT.to_owned()),
        channel_domain: parsed(channel_domain.as_deref().unwrap_or(WnsSettings::CHANNEL_DOMAIN))?,
        trust_anchors_pem,
    };
    (admin.check_push)(Entered::Wns(&settings)).map_err(unprocessable)?;
    admin.app.store().set_wns_settings(settings, admin.app.now()).await.map_err(store_failed)?;
    tracing::info!(user, "The settings for WNS were changed.");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn forget_wns(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
) -> Result<StatusCode, Problem> {
    let was_on = admin.app.store().forget_wns_settings(admin.app.now()).await.map_err(store_failed)?;
    switched_off("WNS", user, was_on)
}
