use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_app::{Lockout, Subject};
use fulmar_http::{PeerUser, Problem};
use serde::Serialize;

use crate::{
    Admin,
    json::{PathText, parsed},
};

#[derive(Serialize)]
pub(crate) struct LockoutBody {
    /// The address of a person or of a host, or the name of an administrator.
    subject: String,
    /// `inside` or `outside`: only sign-ins from there have to wait.
    side: &'static str,
    failures: u32,
    /// Milliseconds since 1970.
    last_failure: i64,
    /// Milliseconds since 1970; attempts before that are not looked at. May have passed.
    until: i64,
    /// From where the wrong passwords came, or for whom; the latest first, eight at most.
    seen_with: Vec<String>,
}

impl From<Lockout> for LockoutBody {
    fn from(lockout: Lockout) -> Self {
        Self {
            subject: lockout.subject.to_string(),
            side: lockout.side.as_str(),
            failures: lockout.failures,
            last_failure: lockout.last_failure.as_millis(),
            until: lockout.until.as_millis(),
            seen_with: lockout.seen_with,
        }
    }
}

pub(crate) async fn list(State(admin): State<Admin>) -> Body<Vec<LockoutBody>> {
    Body(admin.app.lockouts().into_iter().map(LockoutBody::from).collect())
}

pub(crate) async fn clear(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    PathText(subject): PathText,
) -> Result<StatusCode, Problem> {
    let subject: Subject = parsed(&subject)?;
    if !admin.app.clear_lockout(&subject) {
        let detail = "no wrong passwords are remembered for that person, administrator or address";
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    }
    tracing::info!(user, ?subject, "A lock-out was ended.");
    Ok(StatusCode::NO_CONTENT)
}
