//! Signatures of whole messages by a shared key: TSIG (RFC 8945).
//!
//! Written on HMAC alone: the messages are made and read as bytes here, and a type of records that would have to
//! be parsed and emitted again could only get in the way of signing exactly what is sent.

use fulmar_domain::secondary::{TsigAlgorithm, TsigKey};
use ring::hmac;

use crate::{
    name::WireName,
    query::{self, HEADER, Header, Malformed},
};

const TYPE_TSIG: u16 = 250;
const CLASS_ANY: [u8; 2] = [0, 255];
/// How far clocks may be apart, in seconds (RFC 8945 §10).
const FUDGE: u16 = 300;
/// No record is longer: two names, the largest digest, the time and the fixed fields.
pub(crate) const MAX_TSIG: usize = 2 * crate::name::MAX_NAME + 64 + 6 + 26;

/// A key, ready for use. Its secret is not printed.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    name: Box<[u8]>,
    algorithm: Box<[u8]>,
    digest_len: usize,
    hmac: hmac::Key,
}

/// The record at the end of a message.
pub(crate) struct Tsig<'a> {
    /// Where it begins.
    start: usize,
    name: WireName,
    algorithm: WireName,
    time: u64,
    fudge: u16,
    mac: &'a [u8],
    original_id: [u8; 2],
    error: [u8; 2],
    other: &'a [u8],
}

/// Why a signature is worth nothing (RFC 8945 §5.2), and the code that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TsigError {
    /// BADSIG.
    Signature = 16,
    /// BADKEY.
    Key = 17,
    /// BADTIME.
    Time = 18,
    /// BADTRUNC.
    Truncation = 22,
}

impl TsigError {
    /// For an administrator.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Signature => "the signature is not one of the key: the secrets differ",
            Self::Key => "the key is not known",
            Self::Time => "the clocks are more than five minutes apart",
            Self::Truncation => "the signature was shortened",
        }
    }
}

/// Seconds since 1970.
pub(crate) type Seconds = u64;

impl Key {
    pub(crate) fn new(key: &TsigKey) -> Self {
        let algorithm = match key.algorithm {
            TsigAlgorithm::HmacSha256 => hmac::HMAC_SHA256,
            TsigAlgorithm::HmacSha384 => hmac::HMAC_SHA384,
            TsigAlgorithm::HmacSha512 => hmac::HMAC_SHA512,
        };
        Self {
            name: wire(key.name.as_str()),
            algorithm: wire(key.algorithm.as_str()),
            digest_len: key.algorithm.digest_len(),
            hmac: hmac::Key::new(algorithm, &key.secret.0),
        }
    }

    pub(crate) fn is_named(&self, tsig: &Tsig<'_>) -> bool {
        *self.name == *tsig.name.key() && *self.algorithm == *tsig.algorithm.key()
    }
}

/// A name of plain labels as it stands in messages.
fn wire(name: &str) -> Box<[u8]> {
    let mut wire = Vec::with_capacity(name.len() + 2);
    for label in name.split('.') {
        wire.push(label.len() as u8);
        wire.extend(label.to_ascii_lowercase().bytes());
    }
    wire.push(0);
    wire.into()
}

impl<'a> Tsig<'a> {
    /// The signature of a message, if it has one: it is the last record and the only one (RFC 8945 §5.1).
    pub(crate) fn find(message: &'a [u8], header: &Header) -> Result<Option<Self>, Malformed> {
        let [questions, records @ ..] = header.counts;
        let mut at = HEADER;
        for _ in 0..questions {
            at = query::skip_name(message, at)? + 4;
        }
        let records: u32 = records.into_iter().map(u32::from).sum();
        for left in (0..records).rev() {
            let record = query::record(message, at)?;
            if record.record_type == TYPE_TSIG {
                let is_last = left == 0 && header.counts[3] > 0 && record.end == message.len();
                return if is_last { Self::read(message, at, record.data).map(Some) } else { Err(Malformed) };
            }
            at = record.end;
        }
        Ok(None)
    }

    fn read(message: &'a [u8], start: usize, data: usize) -> Result<Self, Malformed> {
        let name = WireName::read(&message[start..]).map_err(|_| Malformed)?;
        let algorithm = WireName::read(&message[data..]).map_err(|_| Malformed)?;
        let rest = &message[data + algorithm.as_bytes().len()..];
        let (&[t0, t1, t2, t3, t4, t5, f0, f1, m0, m1], rest) = rest.split_first_chunk().ok_or(Malformed)?;
        let (mac, rest) =
            rest.split_at_checked(usize::from(u16::from_be_bytes([m0, m1]))).ok_or(Malformed)?;
        let (&[i0, i1, e0, e1, o0, o1], other) = rest.split_first_chunk().ok_or(Malformed)?;
        if other.len() != usize::from(u16::from_be_bytes([o0, o1])) {
            return Err(Malformed);
        }
        Ok(Self {
            start,
            name,
            algorithm,
            time: u64::from_be_bytes([0, 0, t0, t1, t2, t3, t4, t5]),
            fudge: u16::from_be_bytes([f0, f1]),
            mac,
            original_id: [i0, i1],
            error: [e0, e1],
            other,
        })
    }

    /// Whether `key` has signed the message, within the time that the message itself allows. `request` is the
    /// signature of what it answers.
    pub(crate) fn verify(
        &self,
        message: &[u8],
        key: &Key,
        request: Option<&[u8]>,
        now: Seconds,
    ) -> Result<(), TsigError> {
        if self.mac.len() != key.digest_len {
            return Err(if self.mac.len() < key.digest_len {
                TsigError::Truncation
            } else {
                TsigError::Signature
            });
        }
        let mut signed = Vec::with_capacity(message.len() + MAX_TSIG);
        prior(&mut signed, request.unwrap_or_default());
        let begin = signed.len();
        signed.extend_from_slice(&message[..self.start]);
        signed[begin..begin + 2].copy_from_slice(&self.original_id);
        let additionals = u16::from_be_bytes([message[10], message[11]]).saturating_sub(1);
        signed[begin + 10..begin + 12].copy_from_slice(&additionals.to_be_bytes());
        key.variables(&mut signed, self.time, self.fudge, self.error, self.other);
        // In constant time.
        hmac::verify(&key.hmac, &signed, self.mac).map_err(|_| TsigError::Signature)?;
        let apart = now.abs_diff(self.time);
        if apart > u64::from(self.fudge) { Err(TsigError::Time) } else { Ok(()) }
    }

    /// The signature itself, to which the one of the response is chained.
    pub(crate) fn mac(&self) -> &'a [u8] {
        self.mac
    }

    /// Ends the response to a message whose signature is worth nothing. Only about the time it can be said under
    /// a signature (RFC 8945 §5.2.3).
    pub(crate) fn refuse(&self, error: TsigError, key: Option<&Key>, now: Seconds, message: &mut Vec<u8>) {
        let code = (error as u16).to_be_bytes();
        match (error, key) {
            (TsigError::Time, Some(key)) => {
                let [_, _, server_time @ ..] = now.to_be_bytes();
                let mut chain = Chain::answering(key.clone(), self.mac);
                chain.append(message, self.time, code, &server_time);
            }
            _ => {
                let id = [message[0], message[1]];
                append(message, self.name.key(), self.algorithm.key(), self.time, &[], id, code, &[]);
            }
        }
    }
}

impl Key {
    /// What is signed beside the message (RFC 8945 §4.3.3).
    fn variables(&self, signed: &mut Vec<u8>, time: u64, fudge: u16, error: [u8; 2], other: &[u8]) {
        signed.extend_from_slice(&self.name);
        signed.extend(CLASS_ANY);
        signed.extend([0; 4]);
        signed.extend_from_slice(&self.algorithm);
        timers(signed, time, fudge);
        signed.extend(error);
        signed.extend((other.len() as u16).to_be_bytes());
        signed.extend_from_slice(other);
    }
}

fn timers(signed: &mut Vec<u8>, time: u64, fudge: u16) {
    let [_, _, time @ ..] = time.to_be_bytes();
    signed.extend(time);
    signed.extend(fudge.to_be_bytes());
}

fn prior(signed: &mut Vec<u8>, mac: &[u8]) {
    if !mac.is_empty() {
        signed.extend((mac.len() as u16).to_be_bytes());
        signed.extend_from_slice(mac);
    }
}

/// The signatures of one exchange: each message is bound to the one before (RFC 8945 §5.3.1).
#[derive(Clone)]
pub(crate) struct Chain {
    key: Key,
    prior: Vec<u8>,
    /// Whether a message of this direction was signed already.
    begun: bool,
}

impl Chain {
    /// For messages that nobody asked for.
    pub(crate) fn asking(key: Key) -> Self {
        Self { key, prior: Vec::new(), begun: false }
    }

    /// For the response, or the responses, to a message that was signed with `mac`.
    pub(crate) fn answering(key: Key, mac: &[u8]) -> Self {
        Self { key, prior: mac.to_vec(), begun: false }
    }

    /// Signs a complete message; at most [`MAX_TSIG`] bytes are added.
    pub(crate) fn sign(&mut self, message: &mut Vec<u8>, now: Seconds) {
        self.append(message, now, [0, 0], &[]);
    }

    /// How long the record will be.
    pub(crate) fn record_len(&self) -> usize {
        self.key.name.len() + 10 + self.key.algorithm.len() + 16 + self.key.digest_len
    }

    /// The signature that was made last.
    pub(crate) fn last(&self) -> &[u8] {
        &self.prior
    }

    fn append(&mut self, message: &mut Vec<u8>, time: u64, error: [u8; 2], other: &[u8]) {
        let mut signed = Vec::with_capacity(message.len() + MAX_TSIG);
        prior(&mut signed, &self.prior);
        signed.extend_from_slice(message);
        if self.begun {
            timers(&mut signed, time, FUDGE);
        } else {
            self.key.variables(&mut signed, time, FUDGE, error, other);
        }
        let mac = hmac::sign(&self.key.hmac, &signed);
        let id = [message[0], message[1]];
        append(message, &self.key.name, &self.key.algorithm, time, mac.as_ref(), id, error, other);
        self.prior = mac.as_ref().to_vec();
        self.begun = true;
    }
}

#[expect(clippy::too_many_arguments, reason = "the fields of the record, in their order")]
fn append(
    message: &mut Vec<u8>,
    name: &[u8],
    algorithm: &[u8],
    time: u64,
    mac: &[u8],
    id: [u8; 2],
    error: [u8; 2],
    other: &[u8],
) {
    message.extend_from_slice(name);
    message.extend(TYPE_TSIG.to_be_bytes());
    message.extend(CLASS_ANY);
    message.extend([0; 4]);
    let length = algorithm.len() + 16 + mac.len() + other.len();
    message.extend((length as u16).to_be_bytes());
    message.extend_from_slice(algorithm);
    timers(message, time, FUDGE);
    message.extend((mac.len() as u16).to_be_bytes());
    message.extend_from_slice(mac);
    message.extend(id);
    message.extend(error);
    message.extend((other.len() as u16).to_be_bytes());
    message.extend_from_slice(other);
    let additionals = u16::from_be_bytes([message[10], message[11]]) + 1;
    message[10..12].copy_from_slice(&additionals.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use fulmar_domain::secondary::TsigSecret;
    use proptest::prelude::*;

    use super::*;

    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x06office\x04test\0\0\x06\0\x01";
    const NOW: Seconds = 1_700_000_000;

    fn key(name: &str, algorithm: TsigAlgorithm, secret: u8) -> Key {
        let secret = TsigSecret(vec![secret; algorithm.digest_len()]);
        Key::new(&TsigKey { name: name.parse().unwrap(), algorithm, secret })
    }

    fn checked(message: &[u8], key: &Key, request: Option<&[u8]>, now: Seconds) -> Result<(), TsigError> {
        let tsig = Tsig::find(message, &Header::read(message).unwrap()).unwrap().unwrap();
        tsig.verify(message, key, request, now)
    }

    #[test]
    fn a_signed_message_is_verified_with_its_key_only() {
        for algorithm in TsigAlgorithm::ALL {
            let right = key("ns2", algorithm, 1);
            let mut message = QUERY.to_vec();
            Chain::asking(right.clone()).sign(&mut message, NOW);
            assert_eq!(checked(&message, &right, None, NOW), Ok(()));
            assert_eq!(checked(&message, &key("ns2", algorithm, 2), None, NOW), Err(TsigError::Signature));
            assert_eq!(checked(&message, &right, Some(&[1; 32]), NOW), Err(TsigError::Signature));
        }
    }

    #[test]
    fn clocks_may_be_five_minutes_apart() {
        let right = key("ns2", TsigAlgorithm::HmacSha256, 1);
        let mut message = QUERY.to_vec();
        Chain::asking(right.clone()).sign(&mut message, NOW);
        for (now, expected) in [(NOW + 300, Ok(())), (NOW - 300, Ok(()))] {
            assert_eq!(checked(&message, &right, None, now), expected);
        }
        for now in [NOW + 301, NOW - 301, 0] {
            assert_eq!(checked(&message, &right, None, now), Err(TsigError::Time));
        }
    }

    #[test]
    fn a_changed_id_is_restored_from_the_record() {
        let right = key("ns2", TsigAlgorithm::HmacSha256, 1);
        let mut message = QUERY.to_vec();
        Chain::asking(right.clone()).sign(&mut message, NOW);
        message[0] ^= 0xff;
        assert_eq!(checked(&message, &right, None, NOW), Ok(()));
    }

    #[test]
    fn a_record_behind_the_signature_is_malformed() {
        let right = key("ns2", TsigAlgorithm::HmacSha256, 1);
        let mut message = QUERY.to_vec();
        let mut chain = Chain::asking(right);
        chain.sign(&mut message, NOW);
        chain.sign(&mut message, NOW);
        assert!(Tsig::find(&message, &Header::read(&message).unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn no_changed_message_is_taken_for_a_signed_one(at in 2..200_usize, bit in 0..8_u8) {
            let right = key("ns2", TsigAlgorithm::HmacSha256, 1);
            let mut message = QUERY.to_vec();
            Chain::asking(right.clone()).sign(&mut message, NOW);
            let at = at % message.len();
            message[at] ^= 1 << bit;
            let header = Header::read(&message).unwrap();
            // Not signed: the identifier, which stands in the record once more, the case of the two names, and
            // the class and TTL of the record, which are signed as what they have to be.
            if let Ok(Some(tsig)) = Tsig::find(&message, &header)
                && right.is_named(&tsig)
            {
                let fixed = (tsig.start..tsig.start + 28).contains(&at);
                prop_assert!(at < 2 || fixed || tsig.verify(&message, &right, None, NOW).is_err());
            }
        }

        #[test]
        fn no_bytes_break_the_search(bytes in proptest::collection::vec(any::<u8>(), 12..200)) {
            let header = Header::read(&bytes).unwrap();
            let _ = Tsig::find(&bytes, &header);
        }
    }
}
