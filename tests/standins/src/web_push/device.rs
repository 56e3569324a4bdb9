//! A device: its keys, and how it reads a message (RFC 8291, RFC 8188).

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::{PublicKey, SecretKey, elliptic_curve::sec1::ToSec1Point};
use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
    rand::{SecureRandom, SystemRandom},
};

pub(super) struct Device {
    key: SecretKey,
    auth: [u8; 16],
    vapid_key: Option<String>,
}

impl Device {
    pub(super) fn make(vapid_key: Option<&str>) -> Result<Self> {
        let random = SystemRandom::new();
        let (mut key, mut auth) = ([0; 32], [0; 16]);
        let filled = random.fill(&mut key).and_then(|()| random.fill(&mut auth));
        filled.map_err(|_| anyhow::anyhow!("no random numbers"))?;
        Ok(Self { key: SecretKey::from_slice(&key)?, auth, vapid_key: vapid_key.map(str::to_owned) })
    }

    /// Its secrets, to be kept.
    pub(super) fn to_text(&self) -> String {
        format!("{} {}\n", self.private_key(), self.auth_secret())
    }

    /// A device that anybody may push to, from what was kept of it.
    pub(super) fn read_back(text: &str) -> Result<Self> {
        let (key, auth) = text.trim().split_once(' ').context("the keys of the device are incomplete")?;
        let key = SecretKey::from_slice(&URL_SAFE_NO_PAD.decode(key)?)?;
        let auth = URL_SAFE_NO_PAD.decode(auth)?.try_into();
        Ok(Self { key, auth: auth.ok().context("the device shares too little")?, vapid_key: None })
    }

    fn public_point(&self) -> Vec<u8> {
        self.key.public_key().to_sec1_point(false).as_bytes().to_vec()
    }

    pub(super) fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public_point())
    }

    pub(super) fn auth_secret(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.auth)
    }

    pub(super) fn private_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.to_bytes())
    }

    /// Whose pushes it subscribed for.
    pub(super) fn vapid_key(&self) -> Option<&str> {
        self.vapid_key.as_deref()
    }

    /// The text of a message; `None` where anything is wrong with it.
    pub(super) fn read(&self, body: &[u8]) -> Option<String> {
        let (salt, rest) = body.split_at_checked(16)?;
        let (record_size, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first()?;
        let (sender, record) = rest.split_at_checked(usize::from(*length))?;
        if record.len() > usize::try_from(u32::from_be_bytes(*record_size)).ok()? {
            return None;
        }
        let secret = self.key.diffie_hellman(&PublicKey::from_sec1_bytes(sender).ok()?);
        let shared = Salt::new(HKDF_SHA256, &self.auth).extract(secret.raw_secret_bytes());
        let keying = expand::<32>(&shared, &[b"WebPush: info\0", &self.public_point(), sender])?;
        let shared = Salt::new(HKDF_SHA256, salt).extract(&keying);
        let key = expand::<16>(&shared, &[b"Content-Encoding: aes128gcm\0"])?;
        let nonce = expand(&shared, &[b"Content-Encoding: nonce\0"])?;
        let mut record = record.to_vec();
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let padded = key.open_in_place(nonce, Aad::empty(), &mut record).ok()?;
        let end = padded.iter().rposition(|byte| *byte != 0).filter(|end| padded[*end] == 2)?;
        String::from_utf8(padded[..end].to_vec()).ok()
    }
}

fn expand<const N: usize>(shared: &Prk, info: &[&[u8]]) -> Option<[u8; N]> {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut key = [0; N];
    shared.expand(info, Length(N)).ok()?.fill(&mut key).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// The user agent of RFC 8291 appendix A.
    fn device() -> Device {
        let key = SecretKey::from_slice(&decoded("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")).unwrap();
        let auth = decoded("BTBZMqHH6r4Tts7J_aSIgg").try_into().unwrap();
        Device { key, auth, vapid_key: None }
    }

    /// The message of RFC 8291 §5.
    fn message() -> Vec<u8> {
        decoded(
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz\
             AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
        )
    }

    #[test]
    fn what_was_kept_of_a_device_is_the_same_device() {
        let again = Device::read_back(&device().to_text()).unwrap();
        assert_eq!(again.read(&message()), device().read(&message()));
        assert!(Device::read_back("x").is_err());
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        assert_eq!(
            device().public_key(),
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        );
        assert_eq!(device().read(&message()).as_deref(), Some("When I grow up, I want to be a watermelon"));
    }

    #[test]
    fn a_message_with_anything_wrong_is_not_read() {
        let good = message();
        for position in 0..good.len() {
            let mut wrong = good.clone();
            wrong[position] ^= 0x80;
            // A record size that is larger changes nothing: there is one record.
            let grown = (16..20).contains(&position);
            assert_eq!(device().read(&wrong).is_some(), grown, "byte {position}");
            assert_eq!(device().read(&good[..position]), None, "{position} bytes");
        }
        assert_eq!(Device::make(None).unwrap().read(&good), None);
    }
}
