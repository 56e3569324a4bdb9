//! The third message (§2.2.1.3), which comes from a client.

use std::fmt;

use super::InvalidNtlm;

pub(super) const SIGNATURE: &[u8] = b"NTLMSSP\0";

/// Names of what stands in lists of pairs (§2.2.2.1).
pub(super) const AV_END: u16 = 0;
pub(super) const AV_NB_COMPUTER: u16 = 1;
pub(super) const AV_NB_DOMAIN: u16 = 2;
pub(super) const AV_DNS_COMPUTER: u16 = 3;
pub(super) const AV_DNS_DOMAIN: u16 = 4;
const AV_FLAGS: u16 = 6;
pub(super) const AV_TIMESTAMP: u16 = 7;

/// Where the fields of the message are.
const NT_RESPONSE: usize = 20;
const DOMAIN: usize = 28;
const USER: usize = 36;
const FLAGS: usize = 60;
const MIC: usize = 72;
const MIC_END: usize = MIC + 16;

const UNICODE: u32 = 1;
/// The proof, and the shortest of what is proved: the head (§2.2.2.7) and the end of the list of pairs.
const PROOF: usize = 16;
const TIME: usize = 8;
const PAIRS: usize = 28;
/// The MIC is there (§2.2.2.1, `MsvAvFlags`).
const HAS_MIC: u32 = 2;

/// Somebody proves who they are.
pub struct Authenticate {
    /// Who, as they wrote it: often the whole address.
    pub user: String,
    /// The domain that they named, if any.
    pub domain: String,
    message: Vec<u8>,
    /// The proof and what is proved.
    response: Vec<u8>,
}

impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate")
            .field("user", &self.user)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

impl Authenticate {
    pub(super) fn read(message: Vec<u8>) -> Result<Self, InvalidNtlm> {
        let flags = message.get(FLAGS..FLAGS + 4).and_then(|flags| flags.first_chunk::<4>());
        let flags = u32::from_le_bytes(*flags.ok_or(InvalidNtlm::Unreadable)?);
        if flags & UNICODE == 0 {
            return Err(InvalidNtlm::NoUnicode);
        }
        let text = |at| text(&message, at).ok_or(InvalidNtlm::Unreadable);
        let (user, domain) = (from_utf16(text(USER)?)?, from_utf16(text(DOMAIN)?)?);
        let response = text(NT_RESPONSE)?.to_vec();
        let is_version_2 = response.len() >= PROOF + PAIRS && response[PROOF..].starts_with(&[1, 1]);
        if !is_version_2 {
            return Err(InvalidNtlm::NotVersion2);
        }
        Ok(Self { user, domain, message, response })
    }

    /// The proof, and what is proved.
    pub(super) fn proof(&self) -> (&[u8], &[u8]) {
        self.response.split_at(PROOF)
    }

    /// When the client made it, in units of 100 ns since 1601.
    pub(super) fn filetime(&self) -> u64 {
        let time = self.response[PROOF + TIME..].first_chunk::<8>();
        time.map_or(0, |time| u64::from_le_bytes(*time))
    }

    /// The MIC and the parts of the message that it covers, where what is proved says that there is one. A message
    /// that is too short for it has an empty one, which is never right.
    pub(super) fn mic(&self) -> Option<(&[u8], [&[u8]; 3])> {
        let flags = pairs(&self.response[PROOF + PAIRS..]).find(|(id, _)| *id == AV_FLAGS);
        let flags =
            flags.and_then(|(_, value)| value.first_chunk::<4>()).map(|flags| u32::from_le_bytes(*flags));
        if flags.is_none_or(|flags| flags & HAS_MIC == 0) {
            return None;
        }
        let mic = self.message.get(MIC..MIC_END).unwrap_or_default();
        let after = self.message.get(MIC_END..).unwrap_or_default();
        Some((mic, [&self.message[..MIC.min(self.message.len())], &[0; 16], after]))
    }
}

/// The text to which a field leads.
fn text(message: &[u8], field: usize) -> Option<&[u8]> {
    let [low, high, _, _, a, b, c, d] = *message.get(field..)?.first_chunk::<8>()?;
    let at = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
    message.get(at..at.checked_add(usize::from(u16::from_le_bytes([low, high])))?)
}

fn pairs(mut list: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let ([id_low, id_high, low, high], rest) = list.split_first_chunk::<4>()?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([*low, *high])))?;
        list = rest;
        let id = u16::from_le_bytes([*id_low, *id_high]);
        (id != AV_END).then_some((id, value))
    })
}

pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn from_utf16(text: &[u8]) -> Result<String, InvalidNtlm> {
    let (units, rest) = text.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    String::from_utf16(&units).ok().filter(|_| rest.is_empty()).ok_or(InvalidNtlm::Unreadable)
}
