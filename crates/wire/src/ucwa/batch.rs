//! Several requests in one body, and their answers in one ("Batching requests"; RFC 2046 §5.1).

use std::fmt;

use thiserror::Error;

use super::{Code, Reason, Subcode, essence};
use crate::MAX_BODY;

/// The most requests in one batch.
pub const MAX_PARTS: usize = 100;
/// The longest boundary (RFC 2046 §5.1.1).
const MAX_BOUNDARY: usize = 70;
/// The most lines in the head of a request.
const MAX_HEADERS: usize = 64;

/// A request of a batch.
#[derive(Clone, PartialEq, Eq)]
pub struct BatchRequest {
    /// As it is written, such as `GET`.
    pub method: String,
    /// Path and query; of an absolute URL what follows its authority.
    pub target: String,
    /// In their order, the names as they are written.
    pub headers: Vec<(String, String)>,
    /// What follows the head; where that is nothing, the header `Data`, in which Microsoft's own library sends it.
    pub body: String,
}

/// The answer to a request of a batch.
#[derive(Clone, PartialEq, Eq)]
pub struct BatchAnswer {
    /// Status.
    pub status: u16,
    /// The phrase beside it.
    pub reason: String,
    /// The names in any case.
    pub headers: Vec<(String, String)>,
    /// What follows the head: on one line, as clients read no more.
    pub body: String,
}

/// Why a body is no batch. Nothing of it is to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BatchError {
    /// Longer than [`MAX_BODY`].
    #[error("a batch has at most {MAX_BODY} bytes")]
    TooLong,
    /// Of another type.
    #[error("a batch is of the type `multipart/batching`")]
    UnsupportedMediaType,
    /// Without a boundary that could be one.
    #[error("the type of a batch names a boundary of 1 to {MAX_BOUNDARY} characters")]
    NoBoundary,
    /// More than [`MAX_PARTS`].
    #[error("a batch has at most {MAX_PARTS} requests")]
    TooMany,
    /// No part, or no end.
    #[error("a batch has requests between its boundaries, and ends with one")]
    Incomplete,
    /// A part, counted from 1, that is not `application/http` with a request in it.
    #[error("part {0} of the batch is not a request")]
    NotARequest(usize),
}

impl fmt::Debug for BatchRequest {
    /// Prints neither query, headers nor body: tickets and what people write to each other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchRequest({} {})", self.method, self.target.split('?').next().unwrap_or_default())
    }
}

/// Reads a batch.
///
/// # Errors
/// [`BatchError`]
pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Vec<BatchRequest>, BatchError> {
    let content_type = content_type.unwrap_or_default();
    if essence(content_type) != "multipart/batching" {
        return Err(BatchError::UnsupportedMediaType);
    }
    if body.len() > MAX_BODY {
        return Err(BatchError::TooLong);
    }
    let boundary = boundary(content_type).ok_or(BatchError::NoBoundary)?;
    let body = std::str::from_utf8(body).map_err(|_| BatchError::Incomplete)?;
    let parts = parts(body, &boundary)?;
    let requests = parts.iter().enumerate();
    requests.map(|(index, part)| request(part).ok_or(BatchError::NotARequest(index + 1))).collect()
}

fn boundary(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut named = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"));
    let boundary = named.next()?.1.trim().trim_matches('"').to_owned();
    (1..=MAX_BOUNDARY).contains(&boundary.len()).then_some(boundary)
}

/// What stands between the boundaries, each without the line end that belongs to the boundary behind it.
fn parts<'a>(body: &'a str, boundary: &str) -> Result<Vec<&'a str>, BatchError> {
    let mut parts = Vec::new();
    let mut start = None;
    let mut offset = 0;
    for line in body.split_inclusive('\n') {
        let rest =
            line.strip_prefix("--").and_then(|line| line.strip_prefix(boundary)).map(str::trim_ascii_end);
        let last = rest == Some("--");
        if last || rest == Some("") {
            parts.extend(start.and_then(|start| body.get(start..offset)).map(without_line_end));
            start = Some(offset + line.len());
        }
        if parts.len() > MAX_PARTS {
            return Err(BatchError::TooMany);
        }
        if last && !parts.is_empty() {
            return Ok(parts);
        }
        offset += line.len();
    }
    Err(BatchError::Incomplete)
}

fn without_line_end(part: &str) -> &str {
    let part = part.strip_suffix('\n').unwrap_or(part);
    part.strip_suffix('\r').unwrap_or(part)
}

fn request(part: &str) -> Option<BatchRequest> {
    let (own, rest) = head(part)?;
    let is_http = |(name, value): &(String, String)| {
        name.eq_ignore_ascii_case("content-type") && essence(value) == "application/http"
    };
    own.iter().find(|header| is_http(header))?;
    let (line, rest) = rest.split_once('\n').unwrap_or((rest, ""));
    let mut words = line.split_ascii_whitespace();
    let (method, target) = (words.next()?, words.next()?);
    if !words.next()?.starts_with("HTTP/1.") || words.next().is_some() {
        return None;
    }
    let (headers, body) = head(rest)?;
    let mut request =
        BatchRequest { method: method.into(), target: path(target)?, headers, body: body.into() };
    if request.body.trim_ascii().is_empty() {
        request.body = request.header("Data").unwrap_or_default().to_owned();
    }
    Some(request)
}

/// The headers up to an empty line or the end, and what is behind it.
fn head(text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut headers = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, behind) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = behind;
        if line.trim_ascii().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').filter(|_| headers.len() < MAX_HEADERS)?;
        headers.push((name.trim_ascii().to_owned(), value.trim_ascii().to_owned()));
    }
    Some((headers, rest))
}

fn path(target: &str) -> Option<String> {
    if target.starts_with('/') {
        return Some(target.to_owned());
    }
    let (_, rest) = target.split_once("://")?;
    rest.find('/').and_then(|slash| rest.get(slash..)).map(str::to_owned)
}

impl BatchRequest {
    /// The value of the first header of that name, compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// The `Content-Type` of an answer with that boundary.
pub fn content_type(boundary: &str) -> String {
    format!("multipart/batching; boundary=\"{boundary}\"")
}

/// The body of an answer. The boundary is one that occurs in no part, such as 128 random bits.
///
/// Microsoft's own library reads it by lines: the type comes last in each head, names are in title case, line ends
/// are CR LF.
pub fn compose(boundary: &str, answers: &[BatchAnswer]) -> String {
    let mut out = String::new();
    for BatchAnswer { status, reason, headers, body } in answers {
        out.push_str(&format!("--{boundary}\r\nContent-Type: application/http; msgtype=response\r\n\r\n"));
        out.push_str(&format!("HTTP/1.1 {status} {reason}\r\n"));
        let other = headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        for (name, value) in other {
            out.push_str(&format!("{}: {value}\r\n", title_case(name)));
        }
        if let Some(value) = header(headers, "content-type") {
            out.push_str(&format!("Content-Type: {value}\r\n"));
        }
        out.push_str(&format!("\r\n{body}\r\n"));
    }
    out.push_str(&format!("--{boundary}--\r\n"));
    out
}

/// `Content-Type` of `content-type`.
fn title_case(name: &str) -> String {
    let mut start = true;
    let cased = name.chars().map(|character| {
        let cased = if start { character.to_ascii_uppercase() } else { character };
        start = character == '-';
        cased
    });
    cased.collect()
}

impl From<BatchError> for Reason {
    fn from(error: BatchError) -> Self {
        let (code, subcode) = match error {
            BatchError::TooLong => (Code::EntityTooLarge, None),
            BatchError::UnsupportedMediaType => {
                (Code::UnsupportedMediaType, Some(Subcode::UnsupportedMediaType))
            }
            BatchError::TooMany => (Code::TooManyRequests, None),
            BatchError::NoBoundary | BatchError::Incomplete | BatchError::NotARequest(_) => {
                (Code::BadRequest, Some(Subcode::DeserializationFailure))
            }
        };
        Self::new(code, subcode, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/batching;boundary=b-1";
    const PART: &str = "--b-1\r\nContent-Type: application/http; msgtype=request\r\n\r\n";

    fn read(body: &str) -> Result<Vec<BatchRequest>, BatchError> {
        parse(Some(TYPE), body.as_bytes())
    }

    #[test]
    fn the_batch_of_microsofts_library_is_read() {
        let body = format!(
            "\r\n{PART}GET /a/people/contacts HTTP/1.1\r\nHost: web.office.test\r\nAccept: application/json\r\n\
             \r\n\r\n{PART}POST https://web.office.test/a/me/note?x=1 HTTP/1.1\r\nHost: web.office.test\r\n\
             Accept: application/json\r\nData: {{\"message\":\"a: b\"}}\r\n\r\n\r\n--b-1--\r\n"
        );
        let requests = read(&body).unwrap();
        let [contacts, note] = requests.as_slice() else { panic!("{} requests", requests.len()) };
        assert_eq!((contacts.method.as_str(), contacts.target.as_str()), ("GET", "/a/people/contacts"));
        assert_eq!((contacts.header("accept"), contacts.body.as_str()), (Some("application/json"), ""));
        assert_eq!((note.method.as_str(), note.target.as_str()), ("POST", "/a/me/note?x=1"));
        assert_eq!(note.body, r#"{"message":"a: b"}"#);
    }

    #[test]
    fn the_batch_of_the_reference_is_read() {
        let part = "--EA370946\nContent-Type : application/http;msgtype=request\nContent-Length : 200\n\n";
        let body = format!(
            "{part}GET /a/policies HTTP/1.1\nAccept : application/json\n\n\n{part}GET /a/me HTTP/1.1\nHost: h\n\
             --EA370946--"
        );
        let requests = parse(Some("Multipart/Batching; Boundary=\"EA370946\""), body.as_bytes()).unwrap();
        let targets: Vec<_> = requests.iter().map(|request| request.target.as_str()).collect();
        assert_eq!(targets, ["/a/policies", "/a/me"]);
        assert_eq!(requests[0].header("Accept"), Some("application/json"));
    }

    #[test]
    fn a_body_is_what_follows_the_head() {
        let head = "POST /m HTTP/1.1\r\nContent-Type: text/plain\r\n\r\n";
        let requests = read(&format!("{PART}{head}one\r\n\r\n--b-12\r\ntwo\r\n--b-1--")).unwrap();
        assert_eq!(requests[0].body, "one\r\n\r\n--b-12\r\ntwo");
    }

    #[test]
    fn what_is_no_batch_is_refused_as_a_whole() {
        let get = "GET / HTTP/1.1\r\n\r\n";
        let whole = format!("{PART}{get}\r\n--b-1--");
        assert_eq!(parse(None, whole.as_bytes()).err(), Some(BatchError::UnsupportedMediaType));
        let mixed = "multipart/mixed;boundary=b-1";
        assert_eq!(parse(Some(mixed), whole.as_bytes()).err(), Some(BatchError::UnsupportedMediaType));
        for boundary in ["", ";boundary=", &format!(";boundary={}", "x".repeat(71))] {
            let content_type = format!("multipart/batching{boundary}");
            let error = parse(Some(&content_type), whole.as_bytes()).err();
            assert_eq!(error, Some(BatchError::NoBoundary), "{boundary}");
        }
        for incomplete in ["", "--b-1--", &format!("{PART}{get}"), &format!("{PART}{get}\r\n--b-2--")] {
            assert_eq!(read(incomplete).err(), Some(BatchError::Incomplete), "{incomplete}");
        }
        let parts = ["GET /\r\n", "GET / HTTP/1.1\r\nno header\r\n", "GET mailto:a HTTP/1.1\r\n", ""];
        for part in parts {
            let error = read(&format!("{PART}{get}\r\n{PART}{part}\r\n--b-1--")).err();
            assert_eq!(error, Some(BatchError::NotARequest(2)), "{part}");
        }
        let untyped = format!("--b-1\r\n\r\n{get}\r\n--b-1--");
        assert_eq!(read(&untyped).err(), Some(BatchError::NotARequest(1)));
    }

    #[test]
    fn a_batch_has_at_most_a_hundred_requests() {
        let batch =
            |parts: usize| format!("{}--b-1--", format!("{PART}GET / HTTP/1.1\r\n\r\n").repeat(parts));
        assert_eq!(read(&batch(MAX_PARTS)).map(|requests| requests.len()), Ok(MAX_PARTS));
        let error = read(&batch(MAX_PARTS + 1)).err();
        assert_eq!(error, Some(BatchError::TooMany));
        assert_eq!(error.map(|error| Reason::from(error).code), Some(Code::TooManyRequests));
        let long = format!("{PART}POST / HTTP/1.1\r\n\r\n{}\r\n--b-1--", "x".repeat(MAX_BODY));
        assert_eq!(read(&long).err(), Some(BatchError::TooLong));
    }

    #[test]
    fn answers_are_written_as_clients_read_them() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let json = header("content-type", "application/json; charset=utf-8");
        let answers = [
            BatchAnswer {
                status: 200,
                reason: "OK".into(),
                headers: vec![json, header("cache-control", "no-cache"), header("x-ms-ucwaversion", "2")],
                body: r#"{"rel":"me"}"#.into(),
            },
            BatchAnswer { status: 204, reason: "No Content".into(), headers: vec![], body: String::new() },
        ];
        assert_eq!(
            compose("b-1", &answers),
            "--b-1\r\nContent-Type: application/http; msgtype=response\r\n\r\n\
             HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nX-Ms-Ucwaversion: 2\r\n\
             Content-Type: application/json; charset=utf-8\r\n\r\n{\"rel\":\"me\"}\r\n\
             --b-1\r\nContent-Type: application/http; msgtype=response\r\n\r\n\
             HTTP/1.1 204 No Content\r\n\r\n\r\n--b-1--\r\n"
        );
        assert_eq!(content_type("b-1"), r#"multipart/batching; boundary="b-1""#);
    }
}
