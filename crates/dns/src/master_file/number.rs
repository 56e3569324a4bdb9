//! Numbers and times as they are written in a master file.

/// The longest time (RFC 2181 §8).
const MAX_SECONDS: u64 = 0x7fff_ffff;

/// Digits and nothing else.
pub(super) fn unsigned<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Seconds, or numbers with units: `1h30m`.
pub(super) fn seconds(text: &str) -> Option<u32> {
    if let Some(seconds) = unsigned::<u64>(text) {
        return u32::try_from(seconds).ok().filter(|_| seconds <= MAX_SECONDS);
    }
    let mut sum: u64 = 0;
    let mut digits = None;
    for byte in text.bytes() {
        let unit: u64 = match byte.to_ascii_lowercase() {
            digit @ b'0'..=b'9' => {
                let before: u64 = digits.unwrap_or(0);
                digits = Some(before.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?);
                continue;
            }
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(digits.take()?.checked_mul(unit)?)?;
    }
    u32::try_from(sum).ok().filter(|_| digits.is_none() && sum > 0 && sum <= MAX_SECONDS)
}
