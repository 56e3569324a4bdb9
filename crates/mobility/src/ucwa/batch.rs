//! Several requests in one ("Batching requests"): carried out one after the other, answered together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fulmar_domain::AccountId;
use fulmar_http::{BodyError, BoundedBody, MAX_BODY};
use fulmar_wire::ucwa::batch::{self, BatchAnswer, BatchRequest, MAX_PARTS};
use fulmar_wire::ucwa::{Code, Reason, Subcode};
use tower::ServiceExt;

use super::{answer::Refused, asker::Asker};

/// What may not stand in a batch: it would be held, is no text, or is a batch.
const ALONE: [&str; 3] = ["/events", "/photos/", "/batch"];

/// Carries batches out. Clones share the counts.
#[derive(Clone)]
pub(super) struct Batches {
    parts: Router,
    /// How many requests of each person's batches are not answered yet.
    outstanding: Arc<Mutex<HashMap<AccountId, usize>>>,
}

/// The requests of one batch, for as long as they are not answered.
struct Outstanding<'a> {
    batches: &'a Batches,
    account: AccountId,
    requests: usize,
}

impl Batches {
    /// `parts` answers what may stand in a batch.
    pub(super) fn new(parts: Router) -> Self {
        Self { parts, outstanding: Arc::default() }
    }

    /// `POST batch`. With more than a hundred requests of one person at a time nothing is carried out.
    pub(super) async fn run(
        &self,
        asker: Asker,
        headers: HeaderMap,
        body: Result<BoundedBody, BodyError>,
    ) -> Result<Response, Refused> {
        let BoundedBody(body) = body?;
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let requests = batch::parse(content_type, &body).map_err(|error| Refused::Because(error.into()))?;
        let _outstanding = self.begin(asker.account.id, requests.len())?;
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            answers.push(self.answer(request, &headers).await);
        }
        let boundary = asker.app.boundary()?;
        let content_type = HeaderValue::try_from(batch::content_type(&boundary));
        let content_type = content_type.map_err(|error| Refused::failed(&error))?;
        Ok(([(header::CONTENT_TYPE, content_type)], batch::compose(&boundary, &answers)).into_response())
    }

    fn begin(&self, account: AccountId, requests: usize) -> Result<Outstanding<'_>, Refused> {
        let mut outstanding = self.outstanding.lock().unwrap_or_else(PoisonError::into_inner);
        let before = outstanding.entry(account).or_default();
        if *before + requests > MAX_PARTS {
            return Err(Refused::because(Code::TooManyRequests, None, "a hundred requests at a time"));
        }
        *before += requests;
        Ok(Outstanding { batches: self, account, requests })
    }

    async fn answer(&self, request: BatchRequest, outer: &HeaderMap) -> BatchAnswer {
        let path = request.target.split('?').next().unwrap_or_default().to_ascii_lowercase();
        if ALONE.iter().any(|alone| path.contains(alone)) {
            let reason = Reason::new(Code::BadRequest, Subcode::OperationNotSupported, "this stands alone");
            return answer(StatusCode::BAD_REQUEST, Vec::new(), reason.to_json());
        }
        let Some(request) = inner(&request, outer) else {
            let reason = Reason::new(Code::BadRequest, None, "this is no request");
            return answer(StatusCode::BAD_REQUEST, Vec::new(), reason.to_json());
        };
        let Ok(response) = self.parts.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 4 * MAX_BODY).await.unwrap_or_default();
        let headers = parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        answer(parts.status, headers.collect(), String::from_utf8_lossy(&body).into_owned())
    }
}

impl Drop for Outstanding<'_> {
    fn drop(&mut self) {
        let mut outstanding = self.batches.outstanding.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(requests) = outstanding.get_mut(&self.account) {
            *requests -= self.requests;
            if *requests == 0 {
                outstanding.remove(&self.account);
            }
        }
    }
}

fn answer(status: StatusCode, mut headers: Vec<(String, String)>, body: String) -> BatchAnswer {
    let has_type = headers.iter().any(|(name, _)| name == header::CONTENT_TYPE.as_str());
    if !body.is_empty() && !has_type {
        headers.push((header::CONTENT_TYPE.to_string(), "application/json; charset=utf-8".to_owned()));
    }
    let reason = status.canonical_reason().unwrap_or_default().to_owned();
    BatchAnswer { status: status.as_u16(), reason, headers, body }
}

/// The request of a part, on behalf of whoever sent the batch.
fn inner(request: &BatchRequest, outer: &HeaderMap) -> Option<Request> {
    let mut built = Request::builder().method(request.method.as_str()).uri(request.target.as_str());
    for name in [header::HOST, header::AUTHORIZATION] {
        if let Some(value) = outer.get(&name) {
            built = built.header(name, value);
        }
    }
    for ticket in outer.get_all("x-ms-webticket") {
        built = built.header("x-ms-webticket", ticket);
    }
    let own = ["accept", "content-type", "if-match", "if-none-match"];
    let own = request.headers.iter().filter(|(name, _)| own.iter().any(|own| name.eq_ignore_ascii_case(own)));
    for (name, value) in own {
        built = built.header(name.as_str(), value.as_str());
    }
    built.body(Body::from(request.body.clone())).ok()
}
