//! Carrying out a body of commands, one after the other.

use fulmar_app::{App, Caller, CommandError, InitiateSessionError};
use fulmar_domain::{
    RequestId,
    session::{POLL_WAIT, Session},
};
use fulmar_wire::mcx::{Command, Rejection, RejectionCode, Request, Requests, Response, Responses};

use crate::mcx::{convert, millis};

/// The answers, in the order of the commands.
pub(super) async fn run(app: &App, caller: Caller, requests: Requests) -> Responses {
    let mut turn = Turn { app, session: session_of(app, &caller, requests.sid.as_deref()).await, caller };
    let mut responses = Vec::with_capacity(requests.commands.len());
    for command in requests.commands {
        let response = match command {
            Ok(request) => turn.take(request).await,
            Err(rejection) => Response::Rejected(rejection),
        };
        let outcome = if matches!(response, Response::Rejected(_)) { "rejected" } else { "accepted" };
        metrics::counter!("fulmar_mcx_commands_total", "outcome" => outcome).increment(1);
        responses.push(response);
    }
    Responses { responses }
}

/// Whether the first command found the box too busy: nothing happened then.
pub(super) fn is_too_busy(Responses { responses }: &Responses) -> bool {
    matches!(responses.first(), Some(Response::Rejected(Rejection { code: RejectionCode::Busy, .. })))
}

struct Turn<'a> {
    app: &'a App,
    caller: Caller,
    /// The session of the body, or why there is none.
    session: Result<Session, Why>,
}

/// Why a command is rejected: the kind and a sentence.
pub(super) type Why = (RejectionCode, String);

impl Turn<'_> {
    async fn take(&mut self, Request { rid, command }: Request) -> Response {
        match self.carry_out(&rid, command).await {
            Ok(response) => response,
            Err((code, reason)) => Response::Rejected(Rejection { rid: Some(rid), code, reason }),
        }
    }

    async fn carry_out(&mut self, rid: &str, command: Command) -> Result<Response, Why> {
        let request: RequestId = convert::value(rid)?;
        let accepted = Response::Accepted { rid: rid.to_owned() };
        let command = match command {
            command @ Command::InitiateSession { .. } => return self.initiate(rid, command).await,
            Command::TerminateSession => {
                let session = self.session.as_ref().map_err(Clone::clone)?;
                self.app.terminate_session(session).await.map_err(|error| why(&error))?;
                return Ok(accepted);
            }
            command => convert::command(command)?,
        };
        let session = self.session.as_ref().map_err(Clone::clone)?;
        // What came of it is an event.
        let _outcome = self.app.execute(session, request, command).await.map_err(|error| why(&error))?;
        Ok(accepted)
    }

    async fn initiate(&mut self, rid: &str, command: Command) -> Result<Response, Why> {
        let device = convert::device(command)?;
        let session = self.app.initiate_session(&self.caller, device).await.map_err(|error| match error {
            InitiateSessionError::ForeignTicket => (RejectionCode::NotAllowed, error.to_string()),
            InitiateSessionError::TooManySessions => (RejectionCode::TooManySessions, error.to_string()),
            InitiateSessionError::Busy(busy) => (RejectionCode::Busy, busy.to_string()),
            InitiateSessionError::Random(_) | InitiateSessionError::Store(_) => failure(&error),
        })?;
        metrics::counter!("fulmar_mcx_sessions_initiated_total").increment(1);
        tracing::info!(person = %self.caller.account.uri, device = %session.device, "A device signed in.");
        let response = Response::SessionInitiated {
            rid: rid.to_owned(),
            sid: session.id.to_string(),
            poll_wait_time: millis(POLL_WAIT),
            session_timeout: millis(session.lifetime()),
            vapid_key: self.app.vapid_key().await.map_err(|error| failure(&error))?,
        };
        self.session = Ok(session);
        Ok(response)
    }
}

async fn session_of(app: &App, caller: &Caller, sid: Option<&str>) -> Result<Session, Why> {
    let none = || (RejectionCode::NoSession, "the session has ended: sign in again".to_owned());
    let sid = sid.ok_or_else(none)?.parse().map_err(|_| none())?;
    app.session_of(caller, &sid).await.map_err(|error| why(&error))
}

fn why(error: &CommandError) -> Why {
    match error {
        CommandError::SessionEnded => {
            (RejectionCode::NoSession, "the session has ended: sign in again".to_owned())
        }
        CommandError::ForeignSession => (RejectionCode::NotAllowed, error.to_string()),
        CommandError::Busy(busy) => (RejectionCode::Busy, busy.to_string()),
        CommandError::Random(_) | CommandError::Store(_) => failure(error),
    }
}

fn failure(error: &(dyn std::error::Error + 'static)) -> Why {
    tracing::error!(error, "A command of a phone failed.");
    (RejectionCode::ServiceFailure, "the box failed: give the same command again".to_owned())
}
