//! Passwords: argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), off the async threads, and only so
//! many at once that sign-ins can't eat the machine's memory.

use std::sync::{Arc, LazyLock};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

/// The fewest characters of a password.
pub const MIN_LENGTH: usize = 8;

static PERMITS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from).max(2)))
});

/// A hash that no password matches, for users that don't exist: verifying it takes the time of a real one.
static NOBODY: LazyLock<Result<String, String>> =
    LazyLock::new(|| hash_now("a password that is never accepted"));

fn argon2() -> Result<Argon2<'static>, String> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &str) -> Result<String, String> {
    Ok(argon2()?.hash_password(password.as_bytes()).map_err(|error| error.to_string())?.to_string())
}

/// How long a password would stand against guessing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Among the first million guesses: refused.
    Weak,
    Fair,
    Strong,
}

/// Hashing and checking of passwords.
#[derive(Debug)]
pub struct Passwords;

impl Passwords {
    /// How hard `password` is to guess for somebody who knows `known`: the user name, the phone.
    pub fn strength(password: &str, known: &[&str]) -> Strength {
        if password.chars().count() < MIN_LENGTH {
            return Strength::Weak;
        }
        match u8::from(zxcvbn::zxcvbn(password, known).score()) {
            0 | 1 => Strength::Weak,
            2 => Strength::Fair,
            _ => Strength::Strong,
        }
    }

    /// The hash of `password`, with its own salt.
    ///
    /// # Errors
    /// The hasher's own words; they hold nothing of the password.
    pub async fn hash(password: String) -> Result<String, String> {
        off_the_async_threads(move || hash_now(&password)).await
    }

    /// Whether `password` is the one behind `hash`. Without a hash the answer is no, after the same time.
    ///
    /// # Errors
    /// When the stored hash is none.
    pub async fn verify(password: String, hash: Option<String>) -> Result<bool, String> {
        off_the_async_threads(move || {
            let known = hash.is_some();
            let hash = match hash {
                Some(hash) => hash,
                None => NOBODY.clone()?,
            };
            let parsed = PasswordHash::new(&hash).map_err(|error| error.to_string())?;
            Ok(argon2()?.verify_password(password.as_bytes(), &parsed).is_ok() && known)
        })
        .await
    }
}

async fn off_the_async_threads<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let permit = Arc::clone(&PERMITS).acquire_owned().await.map_err(|error| error.to_string())?;
    // The permit goes along: who hangs up ends the waiting, not the work.
    let work = move || {
        let _permit = permit;
        work()
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}

#[cfg(test)]
mod tests {
    use super::{Passwords, Strength};

    #[test]
    fn what_is_guessed_first_is_weak() {
        for (password, strength) in [
            ("", Strength::Weak),
            ("12345678", Strength::Weak),
            ("password1", Strength::Weak),
            ("nima1234", Strength::Weak),
            ("09123333333", Strength::Weak),
            ("xK9#q", Strength::Weak),
            ("a-password-for-tests", Strength::Strong),
            ("گربه روی دیوار کاهگلی", Strength::Strong),
        ] {
            assert_eq!(Passwords::strength(password, &["nima", "09123333333"]), strength, "{password}");
        }
    }
}
