//! Passwords: Argon2id, a few at a time, away from the threads that serve requests.
//!
//! Each check takes 19 MiB and tens of milliseconds, so their number at one time is bounded; the others wait. A name that does
//! not exist costs the same time as a wrong password, so that the time tells nobody which names there are.

use std::sync::Arc;

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use slipway_domain::refusal::Refusal;
use tokio::sync::Semaphore;

/// Checks at one time.
const AT_ONCE: usize = 2;

/// What a password is compared with where there is none. It has the parameters of a real one and matches nothing that anybody
/// could find: the hash is not the result of any password, but 32 bytes out of order.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2xpcHdheS1ub2JvZHkhIQ$QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY";

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Passwords {
    /// The hash to keep, in PHC form, with a salt of its own.
    ///
    /// # Errors
    /// That the system has no memory or randomness left.
    pub async fn hash(&self, password: String) -> Result<String, Refusal> {
        self.apart(move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()))
            .await?
            .map_err(|error| busy(&error))
    }

    /// Whether this is the password that was hashed; never where there is no hash, in the same time.
    ///
    /// # Errors
    /// That the system has no memory left.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Refusal> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let matches = self.apart(move || Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok()).await?;
        Ok(matches && known)
    }

    async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
        let _permit = self.0.acquire().await.expect("the semaphore is never closed");
        tokio::task::spawn_blocking(work).await.map_err(|error| busy(&error))
    }
}

fn busy(error: &dyn std::fmt::Display) -> Refusal {
    tracing::error!(%error, "a password could not be hashed");
    Refusal::unavailable("The server is too busy to check a password; try again in a moment")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_hash_and_no_other() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse battery".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse battery".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("correct horse batterz".into(), Some(hash.clone())).await.unwrap());
        assert_ne!(passwords.hash("correct horse battery".into()).await.unwrap(), hash, "two hashes share a salt");
    }

    #[tokio::test]
    #[allow(clippy::disallowed_methods, reason = "this is about time that passes")]
    async fn nobody_has_no_password_and_takes_as_long_to_say_so() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse battery".into()).await.unwrap();
        let mut wrong = Vec::new();
        let mut nobody = Vec::new();
        for _ in 0..5 {
            let start = Instant::now();
            assert!(!passwords.verify("something else".into(), Some(hash.clone())).await.unwrap());
            wrong.push(start.elapsed());
            let start = Instant::now();
            assert!(!passwords.verify("something else".into(), None).await.unwrap());
            nobody.push(start.elapsed());
        }
        wrong.sort();
        nobody.sort();
        // The middle of five: a check that was skipped would take a thousandth of the time, not half.
        assert!(nobody[2] * 2 > wrong[2], "a wrong password took {wrong:?}, an unknown name {nobody:?}");
    }
}
