//! NTLM over HTTP ([MS-NLMP], [MS-NTHT]): three messages, of which the last proves that the client has the hash of
//! a password. Version 2 only, and only to sign in: no key is agreed on, nothing is signed or sealed with one.
//!
//! What a client proves is bound to eight random bytes of the box's. A client that protects its messages (MIC)
//! says so in what it proves, and is then held to it.

mod message;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use thiserror::Error;

pub use message::Authenticate;
use message::{
    AV_DNS_COMPUTER, AV_DNS_DOMAIN, AV_END, AV_NB_COMPUTER, AV_NB_DOMAIN, AV_TIMESTAMP, SIGNATURE, utf16,
};

/// UNICODE, REQUEST_TARGET, NTLM, ALWAYS_SIGN, TARGET_TYPE_DOMAIN, EXTENDED_SESSIONSECURITY, TARGET_INFO, VERSION,
/// 128 and 56 (§2.2.2.5). Clients insist on ALWAYS_SIGN and the keys' lengths, though no key is used.
const FLAGS: u32 = 0xa289_8205;
/// The version that is claimed, for logs of clients only: 10.0, revision 15 of NTLM (§2.2.2.10).
const VERSION: [u8; 8] = [10, 0, 0, 0, 0, 0, 0, 15];
/// Bytes before the first text in a challenge (§2.2.1.2).
const CHALLENGE_HEAD: usize = 56;
/// The longest NetBIOS name.
const MAX_NB_NAME: usize = 15;
/// Milliseconds between 1601 and 1970.
const TO_1601: i64 = 11_644_473_600_000;
/// How far the time in what is proved may be from that of the challenge, in units of 100 ns: half an hour, for
/// clients that do not repeat ours (§3.1.5.1.2) and have a clock of their own.
const MAX_SKEW: u64 = 30 * 60 * 10_000_000;

/// A message that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidNtlm {
    /// No Base64, or no message of NTLM.
    #[error("this is no message of NTLM")]
    Unreadable,
    /// Names are in UTF-16 since 1993.
    #[error("NTLM without Unicode is not spoken here")]
    NoUnicode,
    /// The response is none of version 2: it could be broken within hours.
    #[error("only NTLM version 2 is spoken here")]
    NotVersion2,
}

/// What a client says.
#[derive(Debug)]
pub enum Message {
    /// It wants to begin.
    Negotiate(Negotiate),
    /// It proves who it is.
    Authenticate(Authenticate),
}

/// The first message, as it came.
#[derive(Debug)]
pub struct Negotiate(Vec<u8>);

/// A challenge under way: what was said so far.
#[derive(Debug)]
pub struct Exchange {
    negotiate: Vec<u8>,
    nonce: [u8; 8],
    filetime: u64,
    challenge: Vec<u8>,
}

impl Message {
    /// Reads what stands behind `NTLM ` in `Authorization`.
    ///
    /// # Errors
    /// [`InvalidNtlm`]
    pub fn read(credentials: &str) -> Result<Self, InvalidNtlm> {
        let bytes = BASE64.decode(credentials).map_err(|_| InvalidNtlm::Unreadable)?;
        let kind = bytes.strip_prefix(SIGNATURE).and_then(|rest| rest.first_chunk::<4>());
        match kind.map(|kind| u32::from_le_bytes(*kind)) {
            // The flags have to be there; the rest is for domains.
            Some(1) if bytes.len() >= 16 => Ok(Self::Negotiate(Negotiate(bytes))),
            Some(3) => Authenticate::read(bytes).map(Self::Authenticate),
            _ => Err(InvalidNtlm::Unreadable),
        }
    }
}

impl Exchange {
    /// The answer to `negotiate` of the host `host` in the SIP domain `domain`, with random bytes that nobody has
    /// seen and the time in milliseconds since 1970.
    pub fn begin(
        Negotiate(negotiate): Negotiate,
        nonce: [u8; 8],
        (host, domain): (&str, &str),
        now: i64,
    ) -> Self {
        let target = utf16(&netbios(domain));
        let filetime = u64::try_from(now.saturating_add(TO_1601)).unwrap_or(0).saturating_mul(10_000);
        let info: Vec<u8> = [
            (AV_NB_DOMAIN, target.clone()),
            (AV_NB_COMPUTER, utf16(&netbios(host))),
            (AV_DNS_DOMAIN, utf16(domain)),
            (AV_DNS_COMPUTER, utf16(host)),
            (AV_TIMESTAMP, filetime.to_le_bytes().to_vec()),
            (AV_END, Vec::new()),
        ]
        .into_iter()
        .flat_map(|(id, value)| [&id.to_le_bytes(), &length(&value)[..], &value].concat())
        .collect();
        let challenge = [
            SIGNATURE,
            &2_u32.to_le_bytes(),
            &field(&target, CHALLENGE_HEAD),
            &FLAGS.to_le_bytes(),
            &nonce,
            &[0; 8],
            &field(&info, CHALLENGE_HEAD + target.len()),
            &VERSION,
            &target,
            &info,
        ]
        .concat();
        Self { negotiate, nonce, filetime, challenge }
    }

    /// The value of `WWW-Authenticate`.
    pub fn www_authenticate(&self) -> String {
        let mut value = "NTLM ".to_owned();
        BASE64.encode_string(&self.challenge, &mut value);
        value
    }

    /// Whether `answer` was made by somebody who has the NT hash, for this challenge.
    pub fn proves(&self, answer: &Authenticate, nt_hash: &[u8; 16]) -> bool {
        let key = digest(nt_hash, &[&utf16(&upper(&answer.user)), &utf16(&answer.domain)]);
        let (proof, blob) = answer.proof();
        let matches = keyed(&key, &[&self.nonce, blob]).verify_slice(proof).is_ok();
        matches
            && answer.filetime().abs_diff(self.filetime) <= MAX_SKEW
            && answer.mic().is_none_or(|(mic, parts)| {
                let session = digest(&key, &[proof]);
                let said = [&[&self.negotiate[..], &self.challenge], &parts[..]].concat();
                keyed(&session, &said).verify_slice(mic).is_ok()
            })
    }
}

/// Where a text stands: its length, the room for it, its place (§2.2.1.2).
fn field(text: &[u8], at: usize) -> [u8; 8] {
    let [low, high] = length(text);
    // A challenge has some hundred bytes.
    let [a, b, c, d] = (at as u32).to_le_bytes();
    [low, high, low, high, a, b, c, d]
}

/// Names have at most 255 bytes, in UTF-16 twice as many.
fn length(text: &[u8]) -> [u8; 2] {
    (text.len() as u16).to_le_bytes()
}

/// The first label in capitals, as far as it fits.
fn netbios(name: &str) -> String {
    name.split('.')
        .next()
        .unwrap_or_default()
        .chars()
        .take(MAX_NB_NAME)
        .collect::<String>()
        .to_ascii_uppercase()
}

/// In capitals as Windows has them, which knows none that are longer than the letter.
fn upper(text: &str) -> String {
    let upper = |letter: char| {
        let mut capitals = letter.to_uppercase();
        match (capitals.next(), capitals.next()) {
            (Some(capital), None) => capital,
            _ => letter,
        }
    };
    text.chars().map(upper).collect()
}

/// HMAC-MD5 of the parts under a key, which is filled up with zeros to a block (RFC 2104 §2).
fn keyed(key: &[u8; 16], parts: &[&[u8]]) -> Hmac<Md5> {
    let mut block = [0; 64];
    block[..16].copy_from_slice(key);
    let mut mac = Hmac::new(&block.into());
    parts.iter().for_each(|part| mac.update(part));
    mac
}

fn digest(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    keyed(key, parts).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// [MS-NLMP] §4.2.1: the hash of `Password` (§4.2.2.1.2), and the messages of §4.2.4.
    const NT_HASH: &str = "a4f49c406510bdcab6824ee7c30fd852";
    const NONCE: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
    const AUTHENTICATE: &str = concat!(
        "4e544c4d5353500003000000180018006c00000054005400840000000c000c00480000000800080054000000100010005c000000",
        "10001000d8000000358288e20501280a0000000f44006f006d00610069006e00550073006500720043004f004d00500055005400",
        "450052008",
        "6c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa68cd0ab851e51c96aabc927bebef6a1c01010000000000000000",
        "000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d00610069006e0001000c005300650072007600650072000000",
        "000000000000c5dad2544fc9799094ce1ce90bc9d03e",
    );

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    fn nt_hash() -> [u8; 16] {
        bytes(NT_HASH).try_into().unwrap()
    }

    /// Begun in 1601, the time of the messages of the specification.
    fn exchange(nonce: [u8; 8]) -> Exchange {
        exchange_at(nonce, -TO_1601)
    }

    fn exchange_at(nonce: [u8; 8], now: i64) -> Exchange {
        let negotiate = Negotiate([SIGNATURE, &[1, 0, 0, 0, 0x07, 0x82, 0x08, 0xa2]].concat());
        Exchange::begin(negotiate, nonce, ("web.office.test", "office.test"), now)
    }

    fn read(bytes: &[u8]) -> Result<Message, InvalidNtlm> {
        Message::read(&BASE64.encode(bytes))
    }

    fn authenticate(bytes: &[u8]) -> Authenticate {
        match read(bytes).unwrap() {
            Message::Authenticate(message) => message,
            Message::Negotiate(_) => panic!("another message"),
        }
    }

    #[test]
    fn the_message_of_the_specification_proves_its_password_and_no_other() {
        let message = authenticate(&bytes(AUTHENTICATE));
        assert_eq!((message.user.as_str(), message.domain.as_str()), ("User", "Domain"));
        assert!(exchange(NONCE).proves(&message, &nt_hash()));
        assert!(!exchange(NONCE).proves(&message, &[0; 16]));
        assert!(!exchange([0; 8]).proves(&message, &nt_hash()));
        let other_user = bytes(&AUTHENTICATE.replace("55007300650072", "55007300650073"));
        assert!(!exchange(NONCE).proves(&authenticate(&other_user), &nt_hash()));
    }

    #[test]
    fn a_challenge_has_what_clients_insist_on() {
        let said = exchange_at(NONCE, 0).www_authenticate();
        let challenge = BASE64.decode(said.strip_prefix("NTLM ").unwrap()).unwrap();
        assert_eq!(challenge[..12], [SIGNATURE, &[2, 0, 0, 0]].concat());
        assert_eq!(challenge[20..24], FLAGS.to_le_bytes());
        assert_eq!(challenge[24..32], NONCE);
        let target = utf16("OFFICE");
        assert_eq!(challenge[12..20], field(&target, 56));
        assert_eq!(challenge[56..56 + target.len()], target);
        let info = &challenge[56 + target.len()..];
        assert_eq!(challenge[40..48], field(info, 56 + target.len()));
        let end = [&[7, 0, 8, 0][..], &(TO_1601 * 10_000).to_le_bytes(), &[0; 4]].concat();
        assert!(info.ends_with(&end), "{info:?}");
    }

    /// The message of the specification, whose blob now says that there is a MIC, made as a client makes it.
    fn protected(exchange: &Exchange) -> Vec<u8> {
        let message = bytes(AUTHENTICATE);
        let blob_at = 0x84 + 16;
        let flags = [6, 0, 4, 0, 2, 0, 0, 0];
        let blob = [&message[blob_at..0xd8 - 8], &flags, &[0; 8]].concat();
        let key = digest(&nt_hash(), &[&utf16("USER"), &utf16("Domain")]);
        let proof = digest(&key, &[&exchange.nonce, &blob]);
        // The texts make room for the MIC by moving 16 bytes on.
        let mut head = message[..72].to_vec();
        for field in [12, 20, 28, 36, 44, 52] {
            head[field + 4] += 16;
        }
        head[52 + 4] += 8;
        let response = ((16 + blob.len()) as u16).to_le_bytes();
        head[20..22].copy_from_slice(&response);
        let whole =
            |mic: [u8; 16]| [&head, &mic[..], &message[72..0x84], &proof, &blob, &message[0xd8..]].concat();
        let session = digest(&key, &[&proof]);
        let mic = digest(&session, &[&exchange.negotiate, &exchange.challenge, &whole([0; 16])]);
        whole(mic)
    }

    #[test]
    fn who_says_that_the_messages_are_protected_is_held_to_it() {
        let exchange = exchange(NONCE);
        let message = protected(&exchange);
        assert!(exchange.proves(&authenticate(&message), &nt_hash()));
        for at in [72, 87, message.len() - 1] {
            let mut changed = message.clone();
            changed[at] ^= 1;
            assert!(!exchange.proves(&authenticate(&changed), &nt_hash()), "byte {at}");
        }
        let mut other = protected(&exchange);
        other[60] ^= 0x80;
        assert!(!exchange.proves(&authenticate(&other), &nt_hash()), "the flags");
    }

    #[test]
    fn a_message_with_one_bit_changed_or_its_end_cut_off_proves_nothing() {
        let exchange = exchange(NONCE);
        let whole = protected(&exchange);
        let proves = |bytes: &[u8]| match read(bytes) {
            Ok(Message::Authenticate(message)) => exchange.proves(&message, &nt_hash()),
            _ => false,
        };
        assert!(proves(&whole));
        for at in 0..whole.len() {
            assert!(!proves(&whole[..at]), "the first {at} bytes");
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                assert!(!proves(&changed), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn the_clock_of_a_client_may_differ_by_half_an_hour() {
        let message = authenticate(&bytes(AUTHENTICATE));
        let half_an_hour = 30 * 60 * 1000;
        for (later, proves) in [(half_an_hour, true), (half_an_hour + 1, false)] {
            assert_eq!(exchange_at(NONCE, later - TO_1601).proves(&message, &nt_hash()), proves, "{later}");
        }
    }

    #[test]
    fn the_first_version_and_nameless_clients_are_refused() {
        let mut short = bytes(AUTHENTICATE);
        short[20..24].copy_from_slice(&[24, 0, 24, 0]);
        assert_eq!(read(&short).unwrap_err(), InvalidNtlm::NotVersion2);
        short[20..24].copy_from_slice(&[0; 4]);
        assert_eq!(read(&short).unwrap_err(), InvalidNtlm::NotVersion2);
        let mut oem = bytes(AUTHENTICATE);
        oem[60] &= !1;
        assert_eq!(read(&oem).unwrap_err(), InvalidNtlm::NoUnicode);
        for other in [&b"NTLMSSP\0\x02\0\0\0"[..], b"NTLMSSP\0\x01\0\0\0", b"NTLMSSP", b""] {
            assert_eq!(read(other).unwrap_err(), InvalidNtlm::Unreadable);
        }
        assert_eq!(Message::read("%").unwrap_err(), InvalidNtlm::Unreadable);
    }

    #[test]
    fn capitals_are_never_longer_than_the_letter() {
        assert_eq!(upper("änna ß ŉ"), "ÄNNA ß ŉ");
    }

    proptest! {
        #[test]
        fn no_message_brings_the_reader_down(at in 0_usize..232, with: [u8; 4], length in 0_usize..=232) {
            let mut message = bytes(AUTHENTICATE);
            let end = (at + 4).min(message.len());
            message[at..end].copy_from_slice(&with[..end - at]);
            if let Ok(Message::Authenticate(message)) = read(&message[..length]) {
                exchange(NONCE).proves(&message, &nt_hash());
            }
        }
    }
}
