//! The pages. They need no script.

use std::time::Duration;

use askama::Template;
use axum::{
    Extension,
    body::Body,
    extract::{Form, FromRequest, Request, State},
    http::{HeaderName, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use fulmar_app::{Lockout, SignInError, Subject};
use fulmar_domain::Timestamp;
use fulmar_http::{BoundedBody, PeerAddr, Problem};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Console,
    guard::{self, SignedIn},
};
use crate::json::{failed, parsed, store_failed};

#[derive(Template)]
#[template(path = "sign-in.html")]
struct SignInPage<'a> {
    /// What was typed before.
    name: &'a str,
    problem: Option<String>,
    /// Nobody can sign in yet.
    deserted: bool,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    administrator: &'a str,
    lockouts: Vec<Row>,
}

/// A lock-out in words.
struct Row {
    subject: String,
    is_address: bool,
    side: &'static str,
    failures: u32,
    last: String,
    /// How long the next attempt has to wait; `None` when the wait is over.
    wait: Option<String>,
    seen_with: String,
}

impl Row {
    fn new(lockout: &Lockout, now: Timestamp) -> Self {
        let wait = lockout.until.since(now);
        Self {
            subject: lockout.subject.to_string(),
            is_address: matches!(lockout.subject, Subject::Address(_)),
            side: lockout.side.as_str(),
            failures: lockout.failures,
            last: in_words(now.since(lockout.last_failure)),
            wait: (!wait.is_zero()).then(|| in_words(wait)),
            seen_with: lockout.seen_with.join(", "),
        }
    }
}

/// `45 s`, `3 min`: never less than there is.
fn in_words(time: Duration) -> String {
    match time.as_millis().div_ceil(1000) {
        seconds @ ..=99 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

pub(super) async fn home(
    State(console): State<Console>,
    signed_in: Option<SignedIn>,
) -> Result<Response, Problem> {
    let Some(SignedIn { name, .. }) = signed_in else {
        let deserted = console.app.store().administrators().await.map_err(store_failed)?.is_empty();
        return page(StatusCode::OK, &SignInPage { name: "", problem: None, deserted });
    };
    let now = console.app.now();
    let lockouts = console.app.lockouts().iter().map(|lockout| Row::new(lockout, now)).collect();
    page(StatusCode::OK, &Overview { administrator: name.as_str(), lockouts })
}

#[derive(Deserialize)]
pub(super) struct NameAndPassword {
    name: String,
    password: String,
}

pub(super) async fn sign_in(
    State(console): State<Console>,
    Extension(PeerAddr(peer)): Extension<PeerAddr>,
    Fields(NameAndPassword { name, password }): Fields<NameAndPassword>,
) -> Result<Response, Problem> {
    let name = name.trim();
    let again =
        |status, problem: String| page(status, &SignInPage { name, problem: Some(problem), deserted: false });
    match console.app.sign_in_administrator(name, password, peer.ip()).await {
        Ok(secret) => {
            tracing::info!(administrator = name, address = %peer.ip(), "An administrator signed in.");
            Ok(home_with([(header::SET_COOKIE, guard::cookie(&secret))]))
        }
        Err(SignInError::Refused) => {
            again(StatusCode::FORBIDDEN, "The name or the password is wrong.".to_owned())
        }
        Err(SignInError::TooManyAttempts { retry_after }) => {
            let wait = in_words(retry_after);
            let problem = format!("There were too many wrong passwords. Try again in {wait}.");
            let seconds = retry_after.as_millis().div_ceil(1000).to_string();
            let page = again(StatusCode::TOO_MANY_REQUESTS, problem)?;
            Ok(([(header::RETRY_AFTER, seconds)], page).into_response())
        }
        Err(error) => Err(failed(&error)),
    }
}

pub(super) async fn sign_out(
    State(console): State<Console>,
    signed_in: SignedIn,
) -> Result<Response, Problem> {
    console.app.sign_out_administrator(&signed_in.secret).await.map_err(store_failed)?;
    tracing::info!(administrator = %signed_in.name, "An administrator signed out.");
    Ok(home_with([(header::SET_COOKIE, guard::no_cookie())]))
}

#[derive(Deserialize)]
pub(super) struct Forgotten {
    subject: String,
}

/// Somebody else may have been faster: that nothing was remembered is no error.
pub(super) async fn forget(
    State(console): State<Console>,
    SignedIn { name, .. }: SignedIn,
    Fields(Forgotten { subject }): Fields<Forgotten>,
) -> Result<Response, Problem> {
    let subject: Subject = parsed(&subject)?;
    if console.app.clear_lockout(&subject) {
        tracing::info!(administrator = %name, %subject, "A lock-out was ended.");
    }
    Ok(home_with([]))
}

fn home_with<const N: usize>(headers: [(HeaderName, String); N]) -> Response {
    (headers, Redirect::to("/")).into_response()
}

fn page(status: StatusCode, page: &impl Template) -> Result<Response, Problem> {
    let html = page.render().map_err(|error| failed(&error))?;
    Ok((status, Html(html)).into_response())
}

/// The fields of a form.
pub(super) struct Fields<T>(T);

impl<T: DeserializeOwned> FromRequest<Console> for Fields<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = BoundedBody::from_request(Request::new(body), console).await;
        let BoundedBody(body) = body.map_err(|error| Problem::new(error.status(), error.to_string()))?;
        let form = Form::from_request(Request::from_parts(parts, Body::from(body)), console).await;
        let Form(fields) = form.map_err(|error| Problem::new(error.status(), error.body_text()))?;
        Ok(Self(fields))
    }
}
