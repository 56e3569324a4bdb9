//! Messages as links: `data` URIs (RFC 2397) in the form of UCWA, `data:text/plain;charset=utf-8,Hi+Ben%0d%0a`.
//!
//! A space is `+`, as in a form; the original writes it so, and its clients read it so.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::{MAX_BODY, Secret};

/// Written with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A form of messages ("MessageFormat").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageFormat {
    /// `text/plain`.
    Plain,
    /// `text/html`.
    Html,
}

impl MessageFormat {
    /// The word on the wire, `Plain` or `Html`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "Plain",
            Self::Html => "Html",
        }
    }

    /// The form with that word, whatever its case.
    pub fn read(word: &str) -> Option<Self> {
        [Self::Plain, Self::Html].into_iter().find(|format| format.as_str().eq_ignore_ascii_case(word))
    }

    /// The type of its content.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "text/plain",
            Self::Html => "text/html",
        }
    }

    /// The form of a content of that type, whatever its parameters.
    pub fn of(content_type: &str) -> Option<Self> {
        let essence = super::essence(content_type);
        [Self::Plain, Self::Html].into_iter().find(|format| format.media_type() == essence)
    }
}

/// What a `data` URI says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// In which form.
    pub format: MessageFormat,
    /// The text.
    pub text: Secret,
}

/// Why a link is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidDataUri {
    /// Another scheme, or nothing behind its type.
    #[error("the message is not a `data` URI")]
    NotData,
    /// Longer than [`MAX_BODY`].
    #[error("the message is too long")]
    TooLong,
    /// Neither plain text nor HTML, or not in UTF-8.
    #[error("the message is neither `text/plain` nor `text/html` in UTF-8")]
    Unsupported,
    /// Not base64 where it should be, or not UTF-8.
    #[error("the message can not be decoded")]
    Undecodable,
}

/// Reads a message.
///
/// # Errors
/// [`InvalidDataUri`]
pub fn read(uri: &str) -> Result<Message, InvalidDataUri> {
    if uri.len() > MAX_BODY {
        return Err(InvalidDataUri::TooLong);
    }
    let (scheme, rest) = uri.split_once(':').ok_or(InvalidDataUri::NotData)?;
    let (head, data) = rest.split_once(',').ok_or(InvalidDataUri::NotData)?;
    if !scheme.eq_ignore_ascii_case("data") {
        return Err(InvalidDataUri::NotData);
    }
    let (media_type, parameters) = head.split_once(';').unwrap_or((head, ""));
    let media_type = if media_type.is_empty() { "text/plain" } else { media_type };
    let format = MessageFormat::of(media_type).ok_or(InvalidDataUri::Unsupported)?;
    let mut base64 = false;
    for parameter in parameters.split(';').map(str::trim) {
        match parameter.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("charset") => check_charset(value)?,
            Some(_) => {}
            None => base64 |= parameter.eq_ignore_ascii_case("base64"),
        }
    }
    let bytes = if base64 {
        let text: Vec<u8> = percent_decode_str(data).filter(|byte| !byte.is_ascii_whitespace()).collect();
        BASE64.decode(text).map_err(|_| InvalidDataUri::Undecodable)?
    } else {
        percent_decode_str(&data.replace('+', " ")).collect()
    };
    let text = String::from_utf8(bytes).map_err(|_| InvalidDataUri::Undecodable)?;
    Ok(Message { format, text: text.into() })
}

fn check_charset(charset: &str) -> Result<(), InvalidDataUri> {
    let charset = charset.trim_matches(['"', '\'', ' ']).to_ascii_lowercase();
    let known = ["utf-8", "utf8", "us-ascii"].contains(&charset.as_str());
    if known { Ok(()) } else { Err(InvalidDataUri::Unsupported) }
}

/// The URI of a message.
pub fn write(format: MessageFormat, text: &str) -> String {
    let mut uri = format!("data:{};charset=utf-8,", format.media_type());
    uri.extend(form_urlencoded::byte_serialize(text.as_bytes()));
    uri
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_that_clients_write_is_read() {
        use MessageFormat::{Html, Plain};
        let cases = [
            ("data:text/plain;charset=utf-8,Hi+Tosh%0d%0a", Plain, "Hi Tosh\r\n"),
            ("data:text/plain;charset=utf8,Hi%20Ben", Plain, "Hi Ben"),
            ("DATA:Text/Plain; Charset=\"UTF-8\",1%2B1", Plain, "1+1"),
            ("data:text/plain,Hello+World", Plain, "Hello World"),
            ("data:,a&b=c", Plain, "a&b=c"),
            ("data:text/plain,100%", Plain, "100%"),
            ("data:text/html;charset=utf-8,%3Cb%3Ehi%3C/b%3E", Html, "<b>hi</b>"),
            ("data:text/html;base64,PGI+aGk8L2I+", Html, "<b>hi</b>"),
            ("data:text/plain;charset=utf-8;base64,R3LDvMOfZQ", Plain, "Grüße"),
            ("data:text/plain;base64,R3LDvMOfZQ%3D%3D", Plain, "Grüße"),
        ];
        for (uri, format, text) in cases {
            assert_eq!(read(uri), Ok(Message { format, text: text.into() }), "{uri}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let cases = [
            ("/a/m/1", InvalidDataUri::NotData),
            ("https://a/,b", InvalidDataUri::NotData),
            ("data:text/plain", InvalidDataUri::NotData),
            ("data:application/sdp,v", InvalidDataUri::Unsupported),
            ("data:text/plain;charset=utf-16,a", InvalidDataUri::Unsupported),
            ("data:text/plain,%ff", InvalidDataUri::Undecodable),
            ("data:text/plain;base64,*", InvalidDataUri::Undecodable),
        ];
        for (uri, error) in cases {
            assert_eq!(read(uri), Err(error), "{uri}");
        }
        assert_eq!(read(&format!("data:,{}", "a".repeat(MAX_BODY))), Err(InvalidDataUri::TooLong));
    }

    #[test]
    fn a_message_is_written_as_a_form_is() {
        assert_eq!(
            write(MessageFormat::Plain, "1+1 = 2\r\n"),
            "data:text/plain;charset=utf-8,1%2B1+%3D+2%0D%0A"
        );
        assert_eq!(write(MessageFormat::Html, "<b>"), "data:text/html;charset=utf-8,%3Cb%3E");
    }

    #[test]
    fn a_format_is_known_by_its_word_and_by_its_type() {
        assert_eq!(MessageFormat::read("html"), Some(MessageFormat::Html));
        assert_eq!(MessageFormat::of("Text/Plain; charset=utf-8"), Some(MessageFormat::Plain));
        assert_eq!(MessageFormat::of("application/json"), None);
    }

    proptest! {
        #[test]
        fn every_text_reads_back(text in "\\PC*[\r\n+&=%]{0,4}", html: bool) {
            let format = if html { MessageFormat::Html } else { MessageFormat::Plain };
            let uri = write(format, &text);
            prop_assert!(uri.is_ascii());
            prop_assert_eq!(read(&uri), Ok(Message { format, text: text.into() }));
        }
    }
}
