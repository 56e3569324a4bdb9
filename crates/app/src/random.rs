//! Names that nobody can guess.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;

/// The system has no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the system gave no random numbers")]
pub struct NoRandomness;

pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// 128 random bits as 22 letters, digits, `-` and `_`: an identifier of the domain.
#[expect(clippy::expect_used, reason = "22 letters of base64url are an identifier")]
pub(crate) fn identifier<T: std::str::FromStr<Err: std::fmt::Debug>>() -> Result<T, NoRandomness> {
    let text = URL_SAFE_NO_PAD.encode(bytes::<16>()?);
    Ok(text.parse().expect("22 letters of base64url are an identifier"))
}
