//! What nobody reads of a request is read to its end all the same.
//!
//! Over HTTP/2 an answer may overtake the body it does not depend on, such as a 401. If the body is dropped then,
//! the stream is reset once the answer is out (NO_ERROR, RFC 9113 §8.1); curl before 8.0 takes that for an error
//! and shows no answer.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Frame, SizeHint};
use tokio::{runtime::Handle, time::timeout};

use crate::body::{BODY_TIMEOUT, MAX_BODY};

/// A body that goes on being read when it is dropped: [`MAX_BODY`] bytes more, for as long as a body may take.
struct Drained(Body);

/// A body that is read to its end.
pub(crate) fn drained(body: Body) -> Body {
    Body::new(Drained(body))
}

impl HttpBody for Drained {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        if self.0.is_end_stream() {
            return;
        }
        // When the process ends there may be nobody left to read it.
        if let Ok(runtime) = Handle::try_current() {
            let rest = Limited::new(std::mem::take(&mut self.0), MAX_BODY).collect();
            runtime.spawn(async move { timeout(BODY_TIMEOUT, rest).await });
        }
    }
}
