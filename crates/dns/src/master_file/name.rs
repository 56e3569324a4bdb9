//! Names as they are written in a master file.

use super::{
    Fault,
    lexer::{Word, unescaped},
};

/// The longest label and the longest name, in bytes (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;
const MAX_NAME: usize = 255;

/// A name as it goes on the wire. One without a dot at its end goes on with `origin`, and `@` is the origin.
pub(super) fn name(word: Word<'_>, origin: Option<&[u8]>) -> Result<Vec<u8>, Fault> {
    let refused = || Fault::NotAName(word.text.to_owned());
    let origin = || origin.ok_or_else(|| Fault::NoOrigin(word.text.to_owned()));
    match word.text {
        _ if word.quoted => return Err(refused()),
        "@" => return origin().map(<[u8]>::to_vec),
        "." => return Ok(vec![0]),
        _ => {}
    }
    let mut wire = Vec::new();
    let mut label = Vec::new();
    for (byte, escaped) in unescaped(word.text)? {
        if byte == b'.' && !escaped {
            push(&mut wire, &mut label).ok_or_else(refused)?;
        } else if escaped || byte.is_ascii() {
            label.push(byte);
        } else {
            return Err(refused());
        }
    }
    if label.is_empty() {
        wire.push(0);
    } else {
        push(&mut wire, &mut label).ok_or_else(refused)?;
        wire.extend(origin()?);
    }
    if wire.len() <= MAX_NAME { Ok(wire) } else { Err(refused()) }
}

fn push(wire: &mut Vec<u8>, label: &mut Vec<u8>) -> Option<()> {
    let length =
        u8::try_from(label.len()).ok().filter(|length| (1..=MAX_LABEL).contains(&usize::from(*length)))?;
    wire.push(length);
    wire.append(label);
    Some(())
}
