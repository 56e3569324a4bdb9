//! The public authority that issues the certificate and renews it.

use std::collections::BTreeSet;

use axum::{Extension, extract::State, http::StatusCode};
use fulmar_domain::{
    Office,
    certificate::{AcmeSettings, Challenge},
};
use fulmar_http::{Details, PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, parsed, store_failed, unprocessable},
};

#[derive(Serialize)]
pub(crate) struct AcmeBody {
    directory: String,
    contact: String,
    challenge: Option<&'static str>,
    /// What is asked for; the box's own certificate is shown for the others.
    names: BTreeSet<String>,
    /// Why nobody can be asked.
    hindrance: Option<String>,
    /// Whether an order is being carried out.
    ordering: bool,
    /// Failures since the last certificate.
    failures: u32,
    problem: Option<ProblemBody>,
}

#[derive(Serialize)]
struct ProblemBody {
    /// Milliseconds since 1970.
    at: i64,
    text: String,
}

pub(super) async fn state(admin: &Admin, office: Option<&Office>) -> Result<Option<AcmeBody>, Problem> {
    let store = admin.app.store();
    let Some(acme) = store.acme().await.map_err(store_failed)? else { return Ok(None) };
    let plan = office.map(|office| acme.settings.plan(office));
    let (plan, hindrance) = match plan {
        Some(Ok(plan)) => (Some(plan), None),
        Some(Err(error)) => (None, Some(error.to_string())),
        None => (None, Some("the office is not set up yet".to_owned())),
    };
    let hindrance = match hindrance {
        None if admin.app.now() < fulmar_domain::certificate::EARLIEST => {
            Some("the clock of the box is far behind: set it".to_owned())
        }
        hindrance => hindrance,
    };
    Ok(Some(AcmeBody {
        directory: acme.settings.directory,
        contact: acme.settings.contact,
        challenge: plan.as_ref().map(|(challenge, _)| challenge.as_str()),
        names: plan.iter().flat_map(|(_, names)| names.iter().map(ToString::to_string)).collect(),
        hindrance,
        ordering: store.acme_order().await.map_err(store_failed)?.is_some(),
        failures: acme.failures.count,
        problem: acme.failures.last.map(|(at, text)| ProblemBody { at: at.as_millis(), text }),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChoiceBody {
    directory: String,
    contact: String,
    trust_anchors_pem: Option<String>,
    challenge: Option<String>,
    #[serde(default)]
    agree_to_terms: bool,
}

pub(crate) async fn choose(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(body): Json<ChoiceBody>,
) -> Result<StatusCode, Problem> {
    let settings = settings(body)?;
    let store = admin.app.store();
    if let Some((office, _)) = store.office().await.map_err(store_failed)? {
        settings.plan(&office).map_err(unprocessable)?;
    }
    let directory = settings.directory.clone();
    store.set_acme(settings).await.map_err(store_failed)?;
    tracing::info!(user, directory, "A public authority was chosen.");
    Ok(StatusCode::ACCEPTED)
}

fn settings(body: ChoiceBody) -> Result<AcmeSettings, Problem> {
    if !body.agree_to_terms {
        return Err(unprocessable(
            "a public authority asks for agreement with its terms: read them, and agree",
        ));
    }
    let url: axum::http::Uri = parsed(&body.directory)?;
    if url.scheme_str() != Some("https") || url.host().is_none() {
        return Err(unprocessable(format!("`{}` is not the https URL of a directory", body.directory)));
    }
    let mailbox = body.contact.split_once('@');
    if mailbox.is_none_or(|(who, host)| who.is_empty() || host.is_empty())
        || body.contact.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return Err(unprocessable(format!("`{}` is not a mailbox such as it@office.example", body.contact)));
    }
    if let Some(pem) = &body.trust_anchors_pem {
        Details::of_first(pem).map_err(|error| unprocessable(format!("the trust anchors: {error}")))?;
    }
    let challenge: Option<Challenge> = body.challenge.as_deref().map(parsed).transpose()?;
    let ChoiceBody { directory, contact, trust_anchors_pem, .. } = body;
    Ok(AcmeSettings { directory, contact, trust_anchors_pem, challenge })
}

pub(crate) async fn forget(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
) -> Result<StatusCode, Problem> {
    if !admin.app.store().forget_acme().await.map_err(store_failed)? {
        return Err(none_chosen());
    }
    tracing::info!(user, "The public authority was forgotten.");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn renew(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
) -> Result<StatusCode, Problem> {
    if !admin.app.store().ask_for_certificate().await.map_err(store_failed)? {
        return Err(none_chosen());
    }
    tracing::info!(user, "A new certificate was asked for.");
    Ok(StatusCode::ACCEPTED)
}

fn none_chosen() -> Problem {
    Problem::new(StatusCode::CONFLICT, "no public authority is chosen")
}
