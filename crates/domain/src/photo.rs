//! Photos of people ("UCWA reference, photo").

use std::{collections::BTreeMap, str::FromStr};

use thiserror::Error;

/// The largest picture that somebody may give, in bytes.
pub const MAX_PICTURE: usize = 2 * 1024 * 1024;

/// The side of a photo, which is a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PhotoSize {
    /// For a list.
    Hr48,
    /// For a line in a conversation.
    Hr96,
    /// For a card.
    Hr240,
    /// For a screen.
    Hr648,
}

impl PhotoSize {
    /// All of them, the smallest first.
    pub const ALL: [Self; 4] = [Self::Hr48, Self::Hr96, Self::Hr240, Self::Hr648];

    /// Pixels of a side.
    pub fn pixels(self) -> u16 {
        match self {
            Self::Hr48 => 48,
            Self::Hr96 => 96,
            Self::Hr240 => 240,
            Self::Hr648 => 648,
        }
    }
}

/// The text names no size.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not the size of a photo, such as `HR96X96`")]
pub struct InvalidPhotoSize(String);

impl FromStr for PhotoSize {
    type Err = InvalidPhotoSize;

    /// Takes any square in the form of `HR64X64`: the smallest photo that fills it is meant, or the largest.
    fn from_str(text: &str) -> Result<Self, InvalidPhotoSize> {
        let invalid = || InvalidPhotoSize(text.chars().take(16).collect());
        let upper = text.to_ascii_uppercase();
        let (width, height) =
            upper.strip_prefix("HR").and_then(|sides| sides.split_once('X')).ok_or_else(invalid)?;
        let side = width.parse::<u16>().ok().filter(|_| width == height).ok_or_else(invalid)?;
        Ok(Self::ALL.into_iter().find(|size| size.pixels() >= side).unwrap_or(Self::Hr648))
    }
}

/// A photo in all its sizes, each a JPEG that the box has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// The bytes of each size.
    pub jpegs: BTreeMap<PhotoSize, Vec<u8>>,
}

/// A photo as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownPhoto {
    /// The bytes.
    pub jpeg: Vec<u8>,
    /// Another photo has another one (RFC 9110 §8.8.3, without the quotes).
    pub etag: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_photo_that_fills_a_square_is_meant() {
        for (text, size) in [
            ("HR48X48", PhotoSize::Hr48),
            ("hr64x64", PhotoSize::Hr96),
            ("HR240X240", PhotoSize::Hr240),
            ("HR9999X9999", PhotoSize::Hr648),
        ] {
            assert_eq!(text.parse(), Ok(size), "{text}");
        }
        for bad in ["", "48", "HR", "HR48", "HR48X96", "HRxX", "HR99999X99999"] {
            assert!(bad.parse::<PhotoSize>().is_err(), "{bad}");
        }
    }
}
