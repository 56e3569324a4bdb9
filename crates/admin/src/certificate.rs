//! What the box shows, and where it comes from.

pub(crate) mod acme;
pub(crate) mod upload;

use std::{
    collections::BTreeSet,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_domain::{Office, certificate::Source};
use fulmar_http::{Details, PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, parsed, store_failed},
};

#[derive(Serialize)]
pub(crate) struct CertificateBody {
    source: &'static str,
    /// What stands in front of the box's own certificate; absent when nothing does.
    front: Option<DetailsBody>,
    /// The names of the office, with the issuer of the certificate that is shown for each.
    shown: Vec<ShownBody>,
    acme: Option<acme::AcmeBody>,
    authority: AuthorityBody,
}

#[derive(Serialize)]
struct ShownBody {
    name: String,
    issuer: String,
    /// Milliseconds since 1970.
    not_after: i64,
}

#[derive(Serialize)]
struct AuthorityBody {
    /// SHA-256, in the form in which phones print it.
    fingerprint: String,
    certificate_pem: String,
    /// Where phones find the page that says what to do.
    page: Option<String>,
    /// The same for a phone that does not trust the box yet.
    page_without_tls: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct DetailsBody {
    subject: String,
    issuer: String,
    names: BTreeSet<String>,
    key: String,
    /// Milliseconds since 1970.
    not_before: i64,
    /// Milliseconds since 1970.
    not_after: i64,
}

impl From<&Details> for DetailsBody {
    fn from(details: &Details) -> Self {
        Self {
            subject: details.subject.clone(),
            issuer: details.issuer.clone(),
            names: details.names.clone(),
            key: details.key.to_string(),
            not_before: millis(details.not_before),
            not_after: millis(details.not_after),
        }
    }
}

pub(crate) async fn show(State(admin): State<Admin>) -> Result<Body<CertificateBody>, Problem> {
    let store = admin.app.store();
    let office = store.office().await.map_err(store_failed)?.map(|(office, _)| office);
    let source = store.certificate_source().await.map_err(store_failed)?;
    let front = match source {
        Source::Own => None,
        source => store.certificate(source).await.map_err(store_failed)?,
    };
    let front = front.and_then(|kept| Details::of_first(&kept.chain_pem).ok());
    let shown = names(office.as_ref()).into_iter().filter_map(|name| {
        let details = admin.trust.live().details_for(&name).ok()?;
        Some(ShownBody { name, issuer: details.issuer, not_after: millis(details.not_after) })
    });
    Ok(Body(CertificateBody {
        source: source.as_str(),
        front: front.as_ref().map(DetailsBody::from),
        shown: shown.collect(),
        acme: acme::state(&admin, office.as_ref()).await?,
        authority: AuthorityBody {
            fingerprint: admin.trust.fingerprint(),
            certificate_pem: admin.trust.authority_pem().to_owned(),
            page: office.as_ref().map(|office| format!("{}/trust", office.web_origin(&office.domains()[0]))),
            page_without_tls: office.and_then(|office| page_without_tls(&office, admin.http_port?)),
        },
    }))
}

fn page_without_tls(office: &Office, port: u16) -> Option<String> {
    let host = office.hosts(office.domains().first()?).web;
    Some(if port == 80 { format!("http://{host}/trust") } else { format!("http://{host}:{port}/trust") })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceBody {
    source: String,
}

pub(crate) async fn change_source(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(SourceBody { source }): Json<SourceBody>,
) -> Result<StatusCode, Problem> {
    let source: Source = parsed(&source)?;
    if !admin.app.store().use_certificate(source).await.map_err(store_failed)? {
        let detail = match source {
            Source::Acme => "no public authority is chosen: choose one first",
            Source::Own | Source::Uploaded => "no certificate was uploaded: upload one first",
        };
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    tracing::info!(user, source = source.as_str(), "The source of the certificate was changed.");
    Ok(StatusCode::NO_CONTENT)
}

/// The names that a certificate must cover.
fn names(office: Option<&Office>) -> BTreeSet<String> {
    let names = office.map(Office::certificate_names).unwrap_or_default();
    names.iter().map(ToString::to_string).collect()
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
