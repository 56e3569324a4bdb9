//! Access tokens that a stand-in has issued.

use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use serde_json::json;

use crate::https::Reply;

/// The newest is good; those before it are not.
#[derive(Default)]
pub(crate) struct Issued(Mutex<u32>);

impl Issued {
    /// Issues a token.
    pub(crate) fn issue(&self) -> Reply {
        let mut issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *issued += 1;
        let token = json!({ "access_token": token(*issued), "token_type": "bearer", "expires_in": 3600 });
        Reply::says(StatusCode::OK, token.to_string())
    }

    /// Has no token that was issued be good any more.
    pub(crate) fn revoke(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    /// Whether a request shows the good one.
    pub(crate) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let wanted = format!("Bearer {}", token(*self.0.lock().unwrap_or_else(PoisonError::into_inner)));
        headers.get(AUTHORIZATION).is_some_and(|value| value.as_bytes() == wanted.as_bytes())
    }
}

fn token(number: u32) -> String {
    format!("access-token-{number}")
}
