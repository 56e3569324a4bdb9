//! Argon2id (RFC 9106) on threads of its own, one for each core, below everything that serves.
//!
//! A verification takes 19 MiB and tens of milliseconds of a core. The threads have a lower priority (nice 10),
//! so that a crowd that signs in delays no answer and no poll; their memory is used again from one password to
//! the next, and given back when nobody waits.

use std::{
    sync::{Arc, LazyLock, Mutex, PoisonError},
    thread,
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        PasswordHasher,
        phc::{Output, PasswordHash},
    },
};
use fulmar_store::NtHash;
use md4::{Digest, Md4};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// The fewest characters of a password.
const MIN_PASSWORD: usize = 8;
/// The most bytes of a password: what is longer only costs time.
const MAX_PASSWORD: usize = 1024;
/// How many passwords may wait before callers are made to.
const QUEUE: usize = 1024;
/// How much the threads stand back (`nice`).
const NICE: i32 = 10;

/// The hash could not be made: the system gave no random numbers or no threads, or is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("can not hash a password")]
pub struct HashError;

/// Whether somebody may choose it.
pub(crate) fn is_acceptable(password: &str) -> bool {
    password.chars().count() >= MIN_PASSWORD && password.len() <= MAX_PASSWORD
}

/// Hashes and verifies. Clones share the threads, which end with the last of them.
#[derive(Clone)]
pub(crate) struct Passwords {
    queue: mpsc::Sender<Work>,
}

type Work = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

/// What the password of somebody who is not here is checked against, so that it takes as long.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash("nobody has this password").ok());

impl Passwords {
    pub(crate) fn new() -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let waiting = Arc::clone(&waiting);
            if let Err(error) = thread::Builder::new().name("password".into()).spawn(move || work(&waiting)) {
                tracing::error!(%error, "A thread for passwords could not be started.");
            }
        }
        Self { queue }
    }

    /// A hash in PHC form with a salt of its own.
    pub(crate) async fn hash(&self, password: String) -> Result<String, HashError> {
        self.in_turn(move |_| hash(&password)).await?
    }

    /// Whether `password` is the one of `stored`. Without a stored hash the answer is no, after the same work.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, HashError> {
        self.in_turn(move |memory| {
            let hash = stored.as_ref().or(NOBODY.as_ref()).ok_or(HashError)?;
            let matches = verify(&password, hash, memory).unwrap_or(false);
            Ok(matches && stored.is_some())
        })
        .await?
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let (sender, receiver) = oneshot::channel();
        // Whoever asked may have gone.
        let work: Work = Box::new(move |memory| drop(sender.send(work(memory))));
        self.queue.send(work).await.map_err(|_| HashError)?;
        receiver.await.map_err(|_| HashError)
    }
}

fn work(waiting: &Mutex<mpsc::Receiver<Work>>) {
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::warn!(%error, "Passwords are checked at the priority of everything else.");
    }
    let mut memory = Vec::new();
    loop {
        // Another thread holds the queue while it waits, and then there is nothing to do.
        let at_once = waiting.try_lock().ok().and_then(|mut queue| queue.try_recv().ok());
        let next = at_once.or_else(|| {
            memory = Vec::new();
            waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
        });
        let Some(work) = next else { return };
        work(&mut memory);
    }
}

fn hash(password: &str) -> Result<String, HashError> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|_| HashError)
}

/// The NT hash: the MD4 of the password in UTF-16 ([MS-NLMP] §3.3.1), without salt or cost.
pub(crate) fn nt_hash(password: &str) -> NtHash {
    let units: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
    NtHash(Md4::digest(&units).into())
}

/// `None` for what is no hash of Argon2.
fn verify(password: &str, hash: &str, memory: &mut Vec<Block>) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let (salt, expected) = (hash.salt?, hash.hash?);
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let params = Params::try_from(&hash).ok()?;
    memory.resize(params.block_count().max(memory.len()), Block::default());
    let mut output = vec![0; expected.len()];
    let argon2 = Argon2::new(algorithm, version, params);
    argon2.hash_password_into_with_memory(password.as_bytes(), &salt, &mut output, memory).ok()?;
    // Compared in constant time.
    Some(Output::new(&output).ok()? == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [MS-NLMP] §4.2.2.1.2.
    #[test]
    fn the_nt_hash_is_that_of_the_specification() {
        let NtHash(hash) = nt_hash("Password");
        assert_eq!(u128::from_be_bytes(hash), 0xa4f4_9c40_6510_bdca_b682_4ee7_c30f_d852);
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new();
        let hash = passwords.hash("secret".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("secret".into()).await.unwrap());
        assert!(passwords.verify("secret".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("Secret".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("nobody has this password".into(), None).await.unwrap());
        assert!(!passwords.verify("x".into(), Some("rubbish".into())).await.unwrap());
    }

    #[tokio::test]
    async fn passwords_are_checked_below_everything_that_serves() {
        let passwords = Passwords::new();
        let name = || std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let stat = passwords.in_turn(move |_| name()).await.unwrap();
        // proc_pid_stat(5): the name stands in parentheses, and the nice value is the 17th field behind it.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        assert_eq!(fields.split_whitespace().nth(16), Some("10"), "{stat}");
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_verified_at_its_own() {
        let params = Params::new(8 * 1024, 1, 2, Some(24)).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2.hash_password(b"secret").unwrap().to_string();
        assert!(hash.starts_with("$argon2id$v=19$m=8192,t=1,p=2$"), "{hash}");
        let passwords = Passwords::new();
        // The memory of the one before is larger, and then smaller, than what is needed.
        for stored in [passwords.hash("secret".into()).await.unwrap(), hash.clone(), hash] {
            assert!(passwords.verify("secret".into(), Some(stored.clone())).await.unwrap());
            assert!(!passwords.verify("other".into(), Some(stored)).await.unwrap());
        }
    }
}
