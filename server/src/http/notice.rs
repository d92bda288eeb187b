//! A sentence on its way through a redirect, from the form that was refused to the page that shows it.
//!
//! It travels in the query, because nobody who could own a session is there yet. The query is anybody's to write, so the sentence
//! carries a seal by this server and this start of it; a page is never asked to show one without. Otherwise a link could make
//! Slipway's own sign-in page say whatever its author likes.

use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use uuid::Uuid;

use crate::hex;

/// How long a sentence may be shown again by reloading.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// Seals sentences and knows its own seals.
#[derive(Clone)]
pub struct Notices([u8; 32]);

impl std::fmt::Debug for Notices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Notices(..)")
    }
}

impl Default for Notices {
    #[allow(clippy::disallowed_methods, reason = "a key is chance and nothing else")]
    /// With a key that no other start has, from the system's generator.
    fn default() -> Self {
        let mut key = [0; 32];
        for half in key.chunks_exact_mut(16) {
            half.copy_from_slice(Uuid::new_v4().as_bytes());
        }
        Self(key)
    }
}

impl Notices {
    /// The seal of `sentence` on the page at `path`.
    pub fn seal(&self, path: &str, sentence: &str, now: Timestamp) -> String {
        let until = now.as_second().saturating_add(LIFETIME.as_secs());
        format!("{until}.{}", hex::encode(&self.mac(path, sentence, until).finalize().into_bytes()))
    }

    /// Whether this server put that sentence there, not long ago.
    pub fn is_ours(&self, path: &str, sentence: &str, seal: &str, now: Timestamp) -> bool {
        let Some((until, mac)) = seal.split_once('.') else { return false };
        let Ok(until) = until.parse::<i64>() else { return false };
        let Some(mac) = hex::decode(mac) else { return false };
        until > now.as_second() && self.mac(path, sentence, until).verify_slice(&mac).is_ok()
    }

    fn mac(&self, path: &str, sentence: &str, until: i64) -> Hmac<Sha256> {
        let mut mac = Hmac::new_from_slice(&self.0).expect("a key of any length will do");
        for part in [path, sentence] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(&until.to_be_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_server_said_here_and_lately_is_shown() {
        let (notices, now) = (Notices::default(), Timestamp::UNIX_EPOCH);
        let seal = notices.seal("/sign-in", "Wrong", now);
        assert!(notices.is_ours("/sign-in", "Wrong", &seal, now));
        assert!(!notices.is_ours("/sign-in", "Call 0900-1234", &seal, now));
        assert!(!notices.is_ours("/welcome", "Wrong", &seal, now));
        assert!(!notices.is_ours("/sign-in", "Wrong", &seal, now + LIFETIME));
        assert!(!Notices::default().is_ours("/sign-in", "Wrong", &seal, now), "another start has another key");
        for odd in ["", ".", "1", "9999999999.", "9999999999.zz", &seal[..seal.len() - 1]] {
            assert!(!notices.is_ours("/sign-in", "Wrong", odd, now), "{odd}");
        }
    }
}
