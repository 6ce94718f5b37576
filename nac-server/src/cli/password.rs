//! Passwords at rest: argon2id (RFC 9106), by one thread or by all of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::Failure;

/// Kibibytes, passes and lanes: 19 MiB and about 15 ms, the smaller of the two parameter sets that
/// OWASP recommends, so that a storm of logins does not take all memory.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

const SALT_LEN: usize = 16;
const HASH_LEN: usize = 32;

/// Hashes a password to an argon2id PHC string with a fresh salt.
///
/// # Errors
/// [`Failure`] when the system gives no randomness or no memory.
pub fn hash_password(password: &str) -> Result<String, Failure> {
    Hasher::new()?.hash(password)
}

/// Hashes many passwords on all cores; the order stays, and `None` stays `None`.
pub(super) fn hash_passwords(
    passwords: &[Option<Zeroizing<String>>],
) -> Result<Vec<Option<String>>, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(passwords.len()).max(1);
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, String)>, Failure> {
        let mut hasher = Hasher::new()?;
        let mut hashes = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            match passwords.get(index) {
                None => return Ok(hashes),
                Some(None) => {}
                Some(Some(password)) => hashes.push((index, hasher.hash(password)?)),
            }
        }
    };
    let done: Vec<Result<Vec<(usize, String)>, Failure>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| {
            let died = |_| Err(Failure::cannot("a thread that hashes passwords died"));
            worker.join().unwrap_or_else(died)
        });
        joined.collect()
    });
    let mut all = vec![None; passwords.len()];
    for hashes in done {
        for (index, hash) in hashes? {
            if let Some(place) = all.get_mut(index) {
                *place = Some(hash);
            }
        }
    }
    Ok(all)
}

/// One thread's argon2id, whose 19 MiB are asked of the system once and not per password.
struct Hasher {
    argon2: Argon2<'static>,
    memory: Vec<Block>,
}

impl Hasher {
    fn new() -> Result<Self, Failure> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_LEN)).map_err(failed)?;
        let memory = vec![Block::default(); params.block_count()];
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            memory,
        })
    }

    fn hash(&mut self, password: &str) -> Result<String, Failure> {
        let mut salt = [0; SALT_LEN];
        aws_lc_rs::rand::fill(&mut salt)
            .map_err(|_| Failure::cannot("the system's random number generator failed"))?;
        let mut hash = Zeroizing::new([0; HASH_LEN]);
        self.argon2
            .hash_password_into_with_memory(
                password.as_bytes(),
                &salt,
                hash.as_mut_slice(),
                self.memory.as_mut_slice(),
            )
            .map_err(failed)?;
        Ok(format!(
            "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}",
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(hash.as_slice())
        ))
    }
}

fn failed(error: argon2::Error) -> Failure {
    Failure::cannot(format!("a password cannot be hashed: {error}"))
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier;
    use argon2::password_hash::phc::PasswordHash;

    use super::*;

    fn verifies(password: &str, phc: &str) -> bool {
        let hash = PasswordHash::new(phc).expect("a PHC string");
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    }

    #[test]
    fn a_hashed_password_verifies_and_another_does_not() {
        let phc = hash_password("correct horse").expect("hashed");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verifies("correct horse", &phc));
        assert!(!verifies("battery staple", &phc));
    }

    #[test]
    fn many_passwords_keep_their_order() {
        let passwords: Vec<_> = ["one", "", "three", "four", "five"]
            .into_iter()
            .map(|text| (!text.is_empty()).then(|| Zeroizing::new(text.to_owned())))
            .collect();
        let hashes = hash_passwords(&passwords).expect("hashed");
        for (password, hash) in passwords.iter().zip(&hashes) {
            match (password, hash) {
                (Some(password), Some(hash)) => assert!(verifies(password, hash)),
                (None, None) => {}
                _ => panic!("a password without a hash, or the other way round"),
            }
        }
        assert!(hash_passwords(&[]).expect("nothing to do").is_empty());
    }
}
