//! Names that nobody can guess.

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

/// 128 random bits as 32 hexadecimal digits: an identifier of the domain. One case, because clients compare paths
/// without it.
#[expect(clippy::expect_used, reason = "32 digits are an identifier")]
pub(crate) fn identifier<T: std::str::FromStr<Err: std::fmt::Debug>>() -> Result<T, NoRandomness> {
    let text = format!("{:032x}", u128::from_be_bytes(bytes()?));
    Ok(text.parse().expect("32 digits are an identifier"))
}
