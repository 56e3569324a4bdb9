//! The answer that a client is sent.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, request::Parts};
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame};

use super::{Refusal, Shown};

pub(super) type Answered = Response<Either<Full<Bytes>, BrokenOff>>;

/// A body that ends in the middle.
#[derive(Default)]
pub(super) struct BrokenOff {
    has_begun: bool,
}

impl Body for BrokenOff {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Self::Data>>>> {
        let first = !std::mem::replace(&mut self.has_begun, true);
        let frame = Frame::data(Bytes::from_static(b"{\"reason\":"));
        Poll::Ready(Some(if first { Ok(frame) } else { Err(io::ErrorKind::ConnectionReset.into()) }))
    }
}

/// What the verdict says: the client's `apns-id` comes back; one that it did not give is made up.
pub(super) fn answer(head: &Parts, verdict: Option<&Result<Shown, Refusal>>) -> Answered {
    let (status, body) = match verdict {
        Some(Err(refusal)) => (refusal.status, refusal.body()),
        _ => (StatusCode::OK, String::new()),
    };
    with(head, status, Either::Left(Full::from(body)))
}

/// What is nobody's answer.
pub(super) fn garbage(head: &Parts, status: StatusCode) -> Answered {
    with(head, status, Either::Left(Full::from("<html>\u{0}Bad gateway")))
}

fn with(head: &Parts, status: StatusCode, body: Either<Full<Bytes>, BrokenOff>) -> Answered {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let id = head.headers.get("apns-id").cloned();
    let made_up = HeaderValue::from_static("00000000-0000-4000-8000-000000000000");
    response.headers_mut().insert("apns-id", id.unwrap_or(made_up));
    response
}
