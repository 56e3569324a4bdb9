//! A device: its keys, and how it reads a message (RFC 8291, RFC 8188).

use anyhow::Result;
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
