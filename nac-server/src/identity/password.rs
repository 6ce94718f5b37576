//! Passwords: argon2id off the RADIUS workers, on a bounded pool, with a memory of recent successes.
//!
//! One check takes about 20 ms and 19 MiB. Unbounded, a thousand phones that come back at once would be an outage; so at most one
//! check per core runs, and a password that was right a moment ago is recognised by a keyed hash that never leaves memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use password_hash::phc::PasswordHash;
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::reason::Refusal;
use crate::snapshot::Directory;

/// How long a success is remembered.
const MEMORY: Duration = Duration::from_secs(300);
/// Successes remembered at most.
const MEMORY_LIMIT: usize = 100_000;
/// Checks that may wait; more are shed, and the NAS asks again.
const QUEUE_LIMIT: usize = 256;
/// Verified when there is no such user, or none with a password, so that all answers take the same time. It is the hash of nothing in
/// particular.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LWhhcy10aGlz$7PLRKbCLZO6CNRUhd8L4pe1Sfl/s3RNDBxAyLvaXdh4";

/// Checks cleartext passwords of local users.
pub struct Passwords {
    cores: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    key: hmac::Key,
    recent: Mutex<HashMap<[u8; 32], Instant>>,
    memories: Arc<Mutex<Vec<Memory>>>,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Passwords")
    }
}

/// An answer now, or a check that has to run.
pub enum Check {
    /// Known at once.
    Now(Result<(), Refusal>),
    /// Needs the pool: await [`Passwords::verify`].
    Slow(SlowCheck),
}

/// What came of a check.
pub enum Verified {
    /// Right, or why not.
    Answer(Result<(), Refusal>),
    /// It could not be done: say nothing. The check comes back when only room was missing.
    NotNow(Option<SlowCheck>),
}

/// A check for the pool.
pub struct SlowCheck {
    user: String,
    hash: String,
    password: Zeroizing<Vec<u8>>,
    /// Why it is refused whatever comes of it, when only time is spent.
    vain: Option<Refusal>,
    tag: [u8; 32],
}

impl Passwords {
    /// A pool with one place per core.
    ///
    /// # Panics
    /// When the operating system has no randomness, at start.
    pub fn new(cores: usize) -> Self {
        let mut key = Zeroizing::new([0u8; 32]);
        SystemRandom::new()
            .fill(&mut *key)
            .expect("the operating system gives randomness");
        Self {
            cores: Arc::new(Semaphore::new(cores.max(1))),
            queue: Arc::new(Semaphore::new(QUEUE_LIMIT)),
            key: hmac::Key::new(hmac::HMAC_SHA256, &*key),
            recent: Mutex::default(),
            memories: Arc::default(),
        }
    }

    /// Starts a check: answers at once what needs no argon2.
    pub fn check(&self, directory: &Directory, name: &str, password: Zeroizing<Vec<u8>>) -> Check {
        let user = match directory.account(name) {
            Ok(user) => user,
            Err(refusal) => return Check::Now(Err(refusal)),
        };
        let stored = user.as_ref().and_then(|user| user.password.as_ref());
        let vain = match (&user, stored) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some(Refusal::no_password(name)),
            (None, _) => Some(Refusal::unknown_user(name)),
        };
        let hash = stored.map_or(NOBODY, String::as_str).to_owned();
        let tag = self.tag(name, &hash, &password);
        if vain.is_none() && self.is_recent(&tag) {
            return Check::Now(Ok(()));
        }
        Check::Slow(SlowCheck {
            user: name.to_owned(),
            hash,
            password,
            vain,
            tag,
        })
    }

    /// Runs a check on the pool, if it may still be when its turn has come: whoever guesses a hundred times at once is told after twenty.
    /// What cannot be checked is not answered: no room, a panic, a stored hash that is damaged.
    pub async fn verify(
        &self,
        check: SlowCheck,
        may: impl FnOnce() -> Result<(), Refusal>,
    ) -> Verified {
        let Ok(_place) = self.queue.clone().try_acquire_owned() else {
            return Verified::NotNow(Some(check));
        };
        let Ok(_core) = self.cores.clone().acquire_owned().await else {
            return Verified::NotNow(Some(check));
        };
        if let Err(refusal) = may() {
            return Verified::Answer(Err(refusal));
        }
        let SlowCheck {
            user,
            hash,
            password,
            vain,
            tag,
        } = check;
        #[expect(clippy::disallowed_methods, reason = "this is the bounded pool")]
        let matched = {
            let memories = Arc::clone(&self.memories);
            tokio::task::spawn_blocking(move || {
                let kept = || memories.lock().unwrap_or_else(PoisonError::into_inner);
                let mut memory = kept().pop().unwrap_or_default();
                let matched = matches(&hash, &password, &mut memory);
                kept().push(memory);
                matched
            })
            .await
        };
        match matched {
            Ok(Ok(right)) => Verified::Answer(match (vain, right) {
                (Some(refusal), _) => Err(refusal),
                (None, false) => Err(Refusal::wrong_password(&user)),
                (None, true) => {
                    self.remember(tag);
                    Ok(())
                }
            }),
            Ok(Err(error)) => {
                tracing::error!(user, %error, "the stored password hash cannot be checked: set the password again");
                Verified::NotNow(None)
            }
            Err(error) => {
                tracing::error!(%error, "a password check ended badly");
                Verified::NotNow(None)
            }
        }
    }

    /// The hash is part of the tag: a changed password forgets the old one by itself.
    fn tag(&self, name: &str, hash: &str, password: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [name.as_bytes(), hash.as_bytes(), password] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    fn is_recent(&self, tag: &[u8; 32]) -> bool {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get(tag).is_some_and(|seen| seen.elapsed() < MEMORY)
    }

    fn remember(&self, tag: [u8; 32]) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= MEMORY_LIMIT {
            recent.retain(|_, seen| seen.elapsed() < MEMORY);
            if recent.len() >= MEMORY_LIMIT {
                recent.clear();
            }
        }
        recent.insert(tag, Instant::now());
    }
}

/// argon2's working memory. Asked of the system for every check, the 19 MiB stay behind in the allocator of each thread that ever ran
/// one; kept, there are as many as checks that ran at once.
type Memory = Vec<Block>;

fn matches(hash: &str, password: &[u8], memory: &mut Memory) -> Result<bool, password_hash::Error> {
    use password_hash::Error;
    let hash = PasswordHash::new(hash).map_err(|_| Error::EncodingInvalid)?;
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
        return Err(Error::EncodingInvalid);
    };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
    let version = match hash.version {
        Some(version) => Version::try_from(version)?,
        None => Version::default(),
    };
    let params = Params::try_from(&hash)?;
    memory.resize(params.block_count(), Block::default());
    let mut computed = Zeroizing::new(vec![0; expected.len()]);
    Argon2::new(algorithm, version, params).hash_password_into_with_memory(
        password,
        salt,
        &mut computed,
        memory.as_mut_slice(),
    )?;
    Ok(computed.ct_eq(expected.as_ref()).into())
}

#[cfg(test)]
mod tests {
    use super::{Memory, NOBODY, matches};
    use password_hash::phc::PasswordHash;

    #[test]
    fn the_hash_for_unknown_users_is_a_real_one_that_nothing_matches() {
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(matches!(
            matches(NOBODY, b"", &mut Memory::new()),
            Ok(false)
        ));
    }

    #[test]
    fn a_password_matches_its_own_hash_only_and_the_memory_serves_again() {
        let hash = crate::cli::hash_password("correct horse").expect("a hash");
        let mut memory = Memory::new();
        assert!(matches!(matches(&hash, b"wrong", &mut memory), Ok(false)));
        assert!(matches!(
            matches(&hash, b"correct horse", &mut memory),
            Ok(true)
        ));
    }

    #[test]
    fn the_hash_for_unknown_users_costs_as_much_as_that_of_a_user() {
        let cost = |hash: &str| {
            let hash = PasswordHash::new(hash).expect("a hash");
            let params = argon2::Params::try_from(&hash).expect("parameters");
            (
                hash.algorithm.to_string(),
                params.block_count(),
                params.t_cost(),
            )
        };
        let user = crate::cli::hash_password("correct horse").expect("a hash");
        assert_eq!(cost(NOBODY), cost(&user));
    }

    #[test]
    fn a_damaged_hash_is_an_error_and_not_a_wrong_password() {
        assert!(matches("$argon2id$broken", b"secret", &mut Memory::new()).is_err());
    }
}
