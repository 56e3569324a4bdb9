//! Access tokens (RFC 6749): one for all requests, asked for when the first is sent, renewed before it ends.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fulmar_domain::{Timestamp, push::Outcome};
use http::{Method, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    answer::{Answer, Row, Verdict, retry_after, word},
    error::SendError,
    transport::Transport,
};

/// How long before its end a token is renewed.
const MARGIN: Duration = Duration::from_secs(300);

/// What the answers of token endpoints mean (RFC 6749 §5.2).
const TABLE: [Row; 7] = [
    (400, "invalid_request", Verdict::OursToFix),
    (400, "invalid_grant", Verdict::OursToFix),
    (400, "unauthorized_client", Verdict::OursToFix),
    (400, "unsupported_grant_type", Verdict::OursToFix),
    (400, "invalid_scope", Verdict::OursToFix),
    (401, "invalid_client", Verdict::OursToFix),
    (429, "", Verdict::BackOff),
];

/// The token of an endpoint. Whoever finds none asks for one, and the others wait for it.
pub(crate) struct AccessTokens {
    endpoint: String,
    current: Mutex<Option<Issued>>,
}

struct Issued {
    token: Arc<str>,
    at: Timestamp,
    renewal: Timestamp,
}

/// How a token is got.
pub(crate) struct Grant<'a, F> {
    pub(crate) transport: &'a Transport,
    /// What the endpoint is sent.
    pub(crate) form: F,
    pub(crate) now: Timestamp,
}

impl AccessTokens {
    pub(crate) fn of(endpoint: String) -> Self {
        Self { endpoint, current: Mutex::new(None) }
    }

    /// Sends with a token, and once more with another one where the answer asks for that.
    pub(crate) async fn send_with<F, P, S>(
        &self,
        grant: Grant<'_, F>,
        table: &[Row],
        post: P,
    ) -> Result<Outcome, SendError>
    where
        F: Fn() -> Result<String, SendError>,
        P: Fn(Arc<str>) -> S,
        S: Future<Output = Result<Answer, SendError>>,
    {
        let token = match self.current(&grant, None).await? {
            Ok(token) => token,
            Err(answer) => return Ok(answer.into_outcome(&TABLE)),
        };
        let answer = post(Arc::clone(&token)).await?;
        if answer.verdict(table) != Verdict::AnotherWay {
            return Ok(answer.into_outcome(table));
        }
        match self.current(&grant, Some(&token)).await? {
            Ok(another) => Ok(post(another).await?.into_outcome(table)),
            Err(answer) => Ok(answer.into_outcome(&TABLE)),
        }
    }

    /// The token to send now, which is not the one that was refused; or the answer of the endpoint.
    async fn current<F>(
        &self,
        grant: &Grant<'_, F>,
        refused: Option<&str>,
    ) -> Result<Result<Arc<str>, Answer>, SendError>
    where
        F: Fn() -> Result<String, SendError>,
    {
        let now = grant.now;
        let mut current = self.current.lock().await;
        // A clock that was set back tells nothing of the end.
        let good =
            |issued: &&Issued| refused != Some(&*issued.token) && (issued.at..issued.renewal).contains(&now);
        if let Some(issued) = current.as_ref().filter(good) {
            return Ok(Ok(Arc::clone(&issued.token)));
        }
        let (answer, body) = ask(grant.transport, &self.endpoint, (grant.form)()?, now).await?;
        let (token, lifetime) = (body["access_token"].as_str(), lifetime(&body["expires_in"]));
        let Some(token) = token.filter(|_| answer.status == StatusCode::OK) else { return Ok(Err(answer)) };
        let token = Arc::<str>::from(token);
        let renewal = now + lifetime.saturating_sub(MARGIN).max(lifetime / 2);
        *current = Some(Issued { token: Arc::clone(&token), at: now, renewal });
        Ok(Ok(token))
    }
}

/// In seconds, as a number or as text; an hour where nothing is said.
fn lifetime(value: &Value) -> Duration {
    let seconds = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(3600))
}

async fn ask(
    transport: &Transport,
    endpoint: &str,
    form: String,
    now: Timestamp,
) -> Result<(Answer, Value), SendError> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(endpoint)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::from(Bytes::from(form)))
        .map_err(SendError::Request)?;
    let (head, body) = transport.exchange(request).await?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let reason = body["error"].as_str().map(word);
    let retry_after = retry_after(&head.headers, now);
    Ok((Answer { status: head.status, reason, since: None, retry_after }, body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_refusal_of_a_token_is_ours_to_fix_and_what_passes_is_not() {
        let outcome = |status: u16, word: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            let reason = Some(word.to_owned()).filter(|word| !word.is_empty());
            Answer { status, reason, since: None, retry_after: None }.into_outcome(&TABLE)
        };
        for (status, word) in [
            (400, "invalid_request"),
            (400, "invalid_grant"),
            (400, "unauthorized_client"),
            (400, "unsupported_grant_type"),
            (400, "invalid_scope"),
            (401, "invalid_client"),
            (400, "invalid_moon"),
        ] {
            assert_eq!(outcome(status, word), Outcome::OursToFix { reason: word.into() });
        }
        for status in [500, 503] {
            let reason = format!("HTTP status {status}");
            assert_eq!(outcome(status, ""), Outcome::Unavailable { reason, after: None });
        }
        assert_eq!(outcome(429, ""), Outcome::Retry { reason: "HTTP status 429".into(), after: None });
    }

    #[test]
    fn a_lifetime_is_a_number_or_its_text() {
        assert_eq!(lifetime(&json!(86_400)), Duration::from_secs(86_400));
        assert_eq!(lifetime(&json!("86400")), Duration::from_secs(86_400));
        assert_eq!(lifetime(&json!(null)), Duration::from_secs(3600));
    }
}
