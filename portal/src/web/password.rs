//! Password checks for pages: argon2id on a pool of its own, so that sign-ins wait for each other and never for RADIUS.

use std::sync::Arc;

use argon2::Argon2;
use password_hash::PasswordHasher as _;
use password_hash::PasswordVerifier as _;
use password_hash::phc::PasswordHash;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Checks that may wait; more are told to come back.
const QUEUE: usize = 32;
/// Verified when there is no such account, so that both answers take the same time. It is the hash of nothing in particular.
pub const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LWhhcy10aGlz$7PLRKbCLZO6CNRUhd8L4pe1Sfl/s3RNDBxAyLvaXdh4";

/// One argon2 computation at a time.
#[derive(Clone, Debug)]
pub struct PasswordPool {
    place: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

/// Too many checks are waiting, or one ended badly: ask again in a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins are being checked at this moment: try again in a few seconds")]
pub struct Busy;

impl Default for PasswordPool {
    fn default() -> Self {
        Self {
            place: Arc::new(Semaphore::new(1)),
            queue: Arc::new(Semaphore::new(QUEUE)),
        }
    }
}

impl PasswordPool {
    /// Whether `password` is the one behind `hash`, an argon2id PHC string; `None` takes as long and is never right.
    ///
    /// # Errors
    ///
    /// [`Busy`].
    pub async fn verify(
        &self,
        hash: Option<String>,
        password: Zeroizing<String>,
    ) -> Result<bool, Busy> {
        let real = hash.is_some();
        let matched = self
            .run(move || {
                let hash = hash.as_deref().unwrap_or(NOBODY);
                PasswordHash::new(hash).is_ok_and(|hash| {
                    Argon2::default()
                        .verify_password(password.as_bytes(), &hash)
                        .is_ok()
                })
            })
            .await?;
        Ok(matched && real)
    }

    /// A password as an argon2id PHC string with a new salt.
    ///
    /// # Errors
    ///
    /// [`Busy`].
    pub async fn hash(&self, password: Zeroizing<String>) -> Result<String, Busy> {
        self.run(move || {
            Argon2::default()
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
        })
        .await?
        .map_err(|_| Busy)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let _queued = self.queue.try_acquire().map_err(|_| Busy)?;
        let _place = self.place.acquire().await.map_err(|_| Busy)?;
        #[expect(clippy::disallowed_methods, reason = "this is a bounded pool")]
        tokio::task::spawn_blocking(work).await.map_err(|_| Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let pool = PasswordPool::default();
        let secret = |text: &str| Zeroizing::new(text.to_owned());
        let hash = pool.hash(secret("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(
            pool.verify(Some(hash.clone()), secret("correct horse"))
                .await,
            Ok(true)
        );
        assert_eq!(pool.verify(Some(hash), secret("wrong")).await, Ok(false));
        assert_eq!(pool.verify(None, secret("correct horse")).await, Ok(false));
    }
}
