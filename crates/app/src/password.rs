//! Argon2id (RFC 9106) off the threads that serve, a few at a time: each takes 19 MiB.

use std::sync::{Arc, LazyLock};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use thiserror::Error;
use tokio::sync::Semaphore;

/// How many passwords are hashed at a time.
const AT_A_TIME: usize = 4;

/// The hash could not be made: the system gave no random numbers, or is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("can not hash a password")]
pub struct HashError;

#[derive(Clone)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
}

/// What the password of somebody who is not here is checked against, so that it takes as long.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash("nobody has this password").ok());

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// A hash in PHC form with a salt of its own.
    pub(crate) async fn hash(&self, password: String) -> Result<String, HashError> {
        self.off_thread(move || hash(&password)).await?
    }

    /// Whether `password` is the one of `stored`. Without a stored hash the answer is no, after the same work.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, HashError> {
        self.off_thread(move || {
            let hash = stored.as_ref().or(NOBODY.as_ref()).ok_or(HashError)?;
            let matches = verify(&password, hash);
            Ok(matches && stored.is_some())
        })
        .await?
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let _turn = self.turns.acquire().await.map_err(|_| HashError)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| HashError)
    }
}

fn hash(password: &str) -> Result<String, HashError> {
    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|_| HashError)
}

fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
