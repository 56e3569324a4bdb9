//! A message that only the subscriber can read (RFC 8291), in the content coding `aes128gcm` (RFC 8188).

use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
    rand::{SecureRandom, SystemRandom},
};

/// The record size of the header. A message is one record, which is shorter (RFC 8291 §4).
const RECORD_SIZE: u32 = 4096;
/// After the text of a record that is the last one (RFC 8188 §2).
const DELIMITER: u8 = 2;
/// The text is filled up to a multiple of this: its length says nothing of who wrote.
const BLOCK: usize = 512;

/// Why a message could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SealError {
    /// The subscriber's key is no point of the curve.
    NoPoint,
    /// The system has no random numbers.
    Ring(Unspecified),
}

/// The body of the request: header and one record. `subscriber` is an uncompressed point of P-256.
pub(super) fn seal(subscriber: &[u8], auth: &[u8], text: &[u8]) -> Result<Vec<u8>, SealError> {
    let random = SystemRandom::new();
    let mut salt = [0; 16];
    random.fill(&mut salt).map_err(SealError::Ring)?;
    let private = EphemeralPrivateKey::generate(&ECDH_P256, &random).map_err(SealError::Ring)?;
    let public = private.compute_public_key().map_err(SealError::Ring)?;
    let body = |secret: &[u8]| {
        let keys = Keys::derive(secret, subscriber, public.as_ref(), auth, &salt)?;
        body(&keys, public.as_ref(), &salt, padded(text))
    };
    agree_ephemeral(private, &UnparsedPublicKey::new(&ECDH_P256, subscriber), body)
        .map_err(|Unspecified| SealError::NoPoint)?
        .map_err(SealError::Ring)
}

struct Keys {
    content: [u8; 16],
    nonce: [u8; 12],
}

impl Keys {
    /// RFC 8291 §3.4
    fn derive(
        secret: &[u8],
        subscriber: &[u8],
        sender: &[u8],
        auth: &[u8],
        salt: &[u8],
    ) -> Result<Self, Unspecified> {
        let shared = Salt::new(HKDF_SHA256, auth).extract(secret);
        let keying: [u8; 32] = expand(&shared, &[b"WebPush: info\0", subscriber, sender])?;
        let shared = Salt::new(HKDF_SHA256, salt).extract(&keying);
        let content = expand(&shared, &[b"Content-Encoding: aes128gcm\0"])?;
        Ok(Self { content, nonce: expand(&shared, &[b"Content-Encoding: nonce\0"])? })
    }
}

fn expand<const N: usize>(shared: &Prk, info: &[&[u8]]) -> Result<[u8; N], Unspecified> {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut key = [0; N];
    shared.expand(info, Length(N))?.fill(&mut key)?;
    Ok(key)
}

fn padded(text: &[u8]) -> Vec<u8> {
    let mut record = [text, &[DELIMITER]].concat();
    record.resize(record.len().next_multiple_of(BLOCK), 0);
    record
}

/// RFC 8188 §2.1: salt, record size, length and value of the key id, which is the sender's public key; the record.
fn body(keys: &Keys, sender: &[u8], salt: &[u8], mut record: Vec<u8>) -> Result<Vec<u8>, Unspecified> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &keys.content)?);
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(keys.nonce), Aad::empty(), &mut record)?;
    let length = u8::try_from(sender.len()).map_err(|_| Unspecified)?;
    Ok([salt, &RECORD_SIZE.to_be_bytes(), &[length], sender, &record].concat())
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    fn decoded(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// RFC 8291 §5 and appendix A. ring makes its own private keys, so the example begins after the agreement.
    #[test]
    fn the_example_of_the_specification_comes_out_byte_for_byte() {
        let secret = decoded("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
        let subscriber = decoded(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        );
        let sender = decoded(
            "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
        );
        let (auth, salt) = (decoded("BTBZMqHH6r4Tts7J_aSIgg"), decoded("DGv6ra1nlYgDCS1FRnbzlw"));
        let keys = Keys::derive(&secret, &subscriber, &sender, &auth, &salt).unwrap();
        assert_eq!(keys.content.as_slice(), decoded("oIhVW04MRdy2XN9CiKLxTg"));
        assert_eq!(keys.nonce.as_slice(), decoded("4h_95klXJ5E_qnoN"));
        let record = b"When I grow up, I want to be a watermelon\x02".to_vec();
        let sealed = body(&keys, &sender, &salt, record).unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(sealed),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz\
             AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn what_is_sealed_has_the_same_length_whoever_wrote() {
        let subscriber = decoded(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        );
        let length = |text: &[u8]| seal(&subscriber, &[0; 16], text).unwrap().len();
        assert_eq!(length(b""), 86 + 512 + 16);
        assert_eq!(length(&[b'x'; 511]), length(b""));
        assert_eq!(length(&[b'x'; 512]), length(b"") + 512);
        assert_ne!(seal(&subscriber, &[0; 16], b"x"), seal(&subscriber, &[0; 16], b"x"));
    }

    #[test]
    fn a_key_that_is_no_point_of_the_curve_is_told_apart() {
        let no_point = [&[4], [1; 64].as_slice()].concat();
        assert_eq!(seal(&no_point, &[0; 16], b""), Err(SealError::NoPoint));
    }
}
