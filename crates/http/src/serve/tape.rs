//! A stream that remembers the request that was read from it, so that it can be read again.

use std::{
    collections::VecDeque,
    io, mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::activity::Activity;

/// What was read since the last answer. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Tape(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    /// What is read before the stream.
    ahead: VecDeque<u8>,
    bytes: Vec<u8>,
    /// How many came, remembered or not.
    length: u64,
    /// How many belong to the request that is being answered; `None` while there is none.
    request: Option<u64>,
    /// Requests were mixed, or an answer was not taken whole: where a request begins is not known any more.
    mixed: bool,
}

impl Tape {
    /// A tape of a stream before which those bytes are read, which begin with a request.
    pub(super) fn after(ahead: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Recorded { ahead: ahead.into(), ..Recorded::default() })))
    }

    /// A request was read whose body has that length, and is being answered; whether it is what is remembered, and
    /// nothing else.
    pub(super) fn begin(&self, body: Option<u64>) -> bool {
        let mut tape = self.recorded();
        let head = end_of_head(&tape.bytes);
        let alone = !tape.mixed && body == Some(0) && head == Some(tape.bytes.len());
        if !alone {
            tape.bytes.clear();
        }
        let head = head.and_then(|head| u64::try_from(head).ok());
        // What has no known length is never that long.
        tape.request = Some(head.zip(body).map_or(0, |(head, body)| head.saturating_add(body)));
        alone
    }

    /// It was answered.
    pub(super) fn end(&self) {
        let mut tape = self.recorded();
        tape.mixed |= tape.request.take() != Some(tape.length);
        tape.bytes.clear();
        tape.length = 0;
    }

    /// All that was read since the last answer, and what is still to be read before the stream.
    pub(super) fn take(&self) -> Vec<u8> {
        let mut tape = self.recorded();
        let mut bytes = mem::take(&mut tape.bytes);
        bytes.extend(tape.ahead.drain(..));
        bytes.shrink_to_fit();
        bytes
    }

    fn read(&self, bytes: &[u8]) {
        let mut tape = self.recorded();
        tape.length = tape.length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        // What came after a request that is remembered is remembered with it.
        if !tape.mixed && (tape.request.is_none() || !tape.bytes.is_empty()) {
            tape.bytes.extend_from_slice(bytes);
        }
    }

    /// Puts some of what is read before the stream into a buffer: no more than one request, so that it is alone again.
    fn read_ahead(&self, buffer: &mut ReadBuf<'_>) -> bool {
        let mut tape = self.recorded();
        let ahead = tape.ahead.make_contiguous();
        let length = end_of_head(ahead).unwrap_or(ahead.len()).min(buffer.remaining());
        buffer.put_slice(ahead.get(..length).unwrap_or_default());
        tape.ahead.drain(..length);
        length > 0
    }

    fn was_refused(&self) {
        self.recorded().mixed = true;
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the head of the first request is, where it ends and is written as every client writes it: parsers take
/// lines that end otherwise, and empty ones before the first, so that where such a head ends is theirs to say.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = bytes.get(..end)?;
    let bare = head.windows(2).any(|pair| pair.ends_with(b"\n") && pair != b"\r\n");
    (!bare && !head.starts_with(b"\r") && !head.starts_with(b"\n")).then_some(end)
}

/// A stream with its tape.
pub(super) struct Taped<'a, S> {
    pub(super) stream: &'a mut S,
    pub(super) tape: Tape,
    pub(super) activity: Activity,
}

impl<S: AsyncRead + Unpin> AsyncRead for Taped<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if !self.tape.read_ahead(buffer) {
            ready!(Pin::new(&mut *self.stream).poll_read(cx, buffer))?;
        }
        let read = &buffer.filled()[before..];
        if !read.is_empty() {
            self.tape.read(read);
            self.activity.read();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Taped<'_, S> {
    fn note(&self, written: &Poll<io::Result<usize>>, length: usize) {
        if !matches!(written, Poll::Ready(Ok(taken)) if *taken == length) {
            self.tape.was_refused();
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Taped<'_, S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.stream).poll_write(cx, bytes);
        self.note(&written, bytes.len());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.stream).poll_write_vectored(cx, slices);
        self.note(&written, slices.iter().map(|slice| slice.len()).sum());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: box\r\n\r\n";

    #[tokio::test]
    async fn a_request_that_came_alone_is_remembered_until_its_answer() {
        let (mut far, mut near) = tokio::io::duplex(1024);
        let tape = Tape::default();
        let mut taped = Taped { stream: &mut near, tape: tape.clone(), activity: Activity::new() };
        let mut buffer = [0; 1024];
        for pieces in [[HEAD, &b""[..]], [&HEAD[..10], &HEAD[10..]]] {
            for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
                far.write_all(piece).await.unwrap();
                assert_eq!(taped.read(&mut buffer).await.unwrap(), piece.len());
            }
            assert!(tape.begin(Some(0)));
            tape.end();
        }
        far.write_all(HEAD).await.unwrap();
        assert_eq!(taped.read(&mut buffer).await.unwrap(), HEAD.len());
        assert!(tape.begin(Some(0)));
        let again = tape.take();
        assert_eq!(again, HEAD);
        let tape = Tape::after([HEAD, HEAD].concat());
        let mut taped = Taped { stream: &mut near, tape: tape.clone(), activity: Activity::new() };
        assert_eq!(taped.read(&mut buffer).await.unwrap(), HEAD.len());
        assert_eq!(&buffer[..HEAD.len()], HEAD);
        assert!(tape.begin(Some(0)), "the second is not read with the first");
        assert_eq!(tape.take(), [HEAD, HEAD].concat(), "and not lost");
    }

    #[test]
    fn requests_that_come_together_are_not() {
        let tape = Tape::default();
        tape.read(&[HEAD, HEAD].concat());
        assert!(!tape.begin(Some(0)));
        tape.end();
        tape.read(HEAD);
        assert!(!tape.begin(Some(0)), "the second may have been read with the first");
    }

    #[test]
    fn a_request_with_a_body_is_not_but_the_next_one_is() {
        for pieces in [vec![[HEAD, b"body"].concat()], vec![HEAD.to_vec(), b"bo".to_vec(), b"dy".to_vec()]] {
            let tape = Tape::default();
            let mut pieces = pieces.into_iter();
            tape.read(&pieces.next().unwrap());
            assert!(!tape.begin(Some(4)));
            pieces.for_each(|piece| tape.read(&piece));
            tape.end();
            tape.read(HEAD);
            assert!(tape.begin(Some(0)));
        }
        let tape = Tape::default();
        tape.read(HEAD);
        assert!(!tape.begin(None), "in pieces");
        tape.end();
        tape.read(HEAD);
        assert!(!tape.begin(Some(0)), "where they ended is not known");
    }

    #[test]
    fn where_a_head_ends_that_is_written_otherwise_is_not_known() {
        for head in [
            &b"GET / HTTP/1.1\nHost: box\n\n\r\n\r\n"[..],
            b"GET / HTTP/1.1\r\nHost: box\n\r\n\r\n",
            b"\r\nGET / HTTP/1.1\r\nHost: box\r\n\r\n",
        ] {
            let tape = Tape::default();
            tape.read(head);
            assert!(!tape.begin(Some(0)));
            tape.end();
            tape.read(HEAD);
            assert!(!tape.begin(Some(0)));
        }
    }

    #[test]
    fn what_comes_while_one_waits_is_remembered_with_it_and_nothing_after() {
        let tape = Tape::default();
        tape.read(HEAD);
        assert!(tape.begin(Some(0)));
        tape.read(b"GET");
        assert_eq!(tape.take(), [HEAD, b"GET"].concat());
        tape.end();
        tape.read(HEAD);
        assert!(!tape.begin(Some(0)));
    }

    #[tokio::test]
    async fn an_answer_that_is_not_taken_whole_ends_it() {
        let (_far, mut near) = tokio::io::duplex(16);
        let tape = Tape::default();
        let mut taped = Taped { stream: &mut near, tape: tape.clone(), activity: Activity::new() };
        assert_eq!(taped.write(&[0; 32]).await.unwrap(), 16);
        tape.read(HEAD);
        assert!(!tape.begin(Some(0)));
    }
}
