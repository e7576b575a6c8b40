//! Passwords: argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), off the async threads, and only so
//! many at once that sign-ins can't eat the machine's memory.

use std::sync::{Arc, LazyLock};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;
use zxcvbn::{Score, zxcvbn};

use crate::persian::latin_digits;

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

/// Hashing and checking of passwords.
#[derive(Debug)]
pub struct Passwords;

impl Passwords {
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

/// How hard a password is to guess, by those who know the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// A thousand guesses find it.
    VeryWeak,
    /// A million guesses find it.
    Weak,
    /// A hundred million guesses find it.
    Fair,
    Good,
    /// More than ten thousand million guesses.
    VeryGood,
}

impl Strength {
    /// Whether it may be taken as a password.
    pub fn is_enough(self) -> bool {
        self >= Self::Good
    }

    /// From 0 to 4, for a meter.
    pub fn score(self) -> u8 {
        self as u8
    }
}

/// How hard `password` is to guess for somebody who knows `inputs`: user name, name, phone, shop. Digits count the
/// same in any script. Takes a millisecond or so; a long password is judged by its first hundred characters.
pub fn strength(password: &str, inputs: &[&str]) -> Strength {
    let mut words: Vec<String> = inputs.iter().map(|input| latin_digits(input.trim())).collect();
    // A name is known by each of its parts, a phone also without its first 0.
    let parts: Vec<String> = words
        .iter()
        .flat_map(|word| word.split([' ', '@', '.', '_', '-']).chain(word.strip_prefix('0')))
        .map(str::to_owned)
        .collect();
    words.extend(parts);
    words.retain(|word| word.chars().count() > 2);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match zxcvbn(&latin_digits(password), &words).score() {
        Score::Zero => Strength::VeryWeak,
        Score::One => Strength::Weak,
        Score::Two => Strength::Fair,
        Score::Three => Strength::Good,
        _ => Strength::VeryGood,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_try_first_is_not_enough() {
        for password in [
            "password",
            "12345678",
            "۱۲۳۴۵۶۷۸",
            "qwertyuiop",
            "aaaaaaaaaaaa",
            "Passw0rd!",
            "",
            "abcd1234",
            "xK9#q",
        ] {
            assert!(!strength(password, &[]).is_enough(), "{password}");
        }
        for password in
            ["correct horse battery staple", "bahar-karaj-1403-anar", "kx7#pq9vTz2m", "گربه روی دیوار کاهگلی"]
        {
            assert!(strength(password, &[]).is_enough(), "{password}");
        }
    }

    #[test]
    fn what_is_known_of_the_person_makes_no_password() {
        let known = ["reza.karimi", "رضا کریمی", "09121234567", "reza@example.com"];
        for password in
            ["reza.karimi", "Reza.Karimi1", "09121234567", "9121234567", "۰۹۱۲۱۲۳۴۵۶۷", "رضا کریمی"]
        {
            assert!(!strength(password, &known).is_enough(), "{password}: {:?}", strength(password, &known));
        }
        assert!(strength(&"x7#pq9 vTz2m".repeat(5000), &known).is_enough(), "a long one is judged quickly");
    }
}
