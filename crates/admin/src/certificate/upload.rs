//! A certificate that somebody has from elsewhere.

use std::{collections::BTreeSet, time::SystemTime};

use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_domain::certificate::Kept;
use fulmar_http::{Examination, PeerUser, Problem, examine};
use serde::{Deserialize, Serialize};

use super::{DetailsBody, names};
use crate::{
    Admin,
    json::{Json, store_failed, unprocessable},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadBody {
    chain_pem: String,
    key_pem: String,
    #[serde(default)]
    accept_missing: bool,
}

#[derive(Serialize)]
pub(crate) struct PreviewBody {
    certificate: Option<DetailsBody>,
    /// The subjects from the certificate upwards, as they would be shown.
    chain: Vec<String>,
    /// Names of the office that it covers.
    covered: BTreeSet<String>,
    /// Names of the office that it does not cover.
    missing: BTreeSet<String>,
    /// Names that are none of the office's.
    superfluous: BTreeSet<String>,
    findings: Vec<FindingBody>,
    /// Whether it can be kept.
    usable: bool,
}

#[derive(Serialize)]
struct FindingBody {
    severity: &'static str,
    finding: String,
    advice: &'static str,
}

pub(crate) async fn preview(
    State(admin): State<Admin>,
    Json(body): Json<UploadBody>,
) -> Result<Body<PreviewBody>, Problem> {
    Ok(Body(PreviewBody::from(&examined(&admin, &body).await?)))
}

pub(crate) async fn upload(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(body): Json<UploadBody>,
) -> Result<Body<PreviewBody>, Problem> {
    let examination = examined(&admin, &body).await?;
    let answer = PreviewBody::from(&examination);
    let fatal: Vec<&str> = examination.fatal().collect();
    let Some(leaf) = examination.usable else { return Err(unprocessable(fatal.join("; "))) };
    if !answer.missing.is_empty() && !body.accept_missing {
        let missing: Vec<&str> = answer.missing.iter().map(String::as_str).collect();
        let detail = format!(
            "it does not cover {}: get one that does, or accept that phones see the box's own certificate there",
            missing.join(", ")
        );
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    let kept = Kept { chain_pem: leaf.chain_pem, key_pem: leaf.key_pem, at: admin.app.now() };
    admin.app.store().keep_uploaded_certificate(kept).await.map_err(store_failed)?;
    tracing::info!(user, missing = answer.missing.len(), "A certificate was uploaded and is shown.");
    Ok(Body(answer))
}

async fn examined(admin: &Admin, body: &UploadBody) -> Result<Examination, Problem> {
    let office = admin.app.store().office().await.map_err(store_failed)?;
    let Some((office, _)) = office else {
        let detail = "the office is not set up yet, so nobody knows which names a certificate must cover";
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    };
    Ok(examine(&body.chain_pem, &body.key_pem, &names(Some(&office)), SystemTime::now()))
}

impl From<&Examination> for PreviewBody {
    fn from(examination: &Examination) -> Self {
        let findings = examination.findings.iter().map(|finding| FindingBody {
            severity: finding.severity.as_str(),
            finding: finding.text.clone(),
            advice: finding.advice,
        });
        Self {
            certificate: examination.details.as_ref().map(DetailsBody::from),
            chain: examination.chain.clone(),
            covered: examination.covered.clone(),
            missing: examination.missing.clone(),
            superfluous: examination.superfluous.clone(),
            findings: findings.collect(),
            usable: examination.usable.is_some(),
        }
    }
}
