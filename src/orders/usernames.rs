//! The names of accounts: what is allowed, what is free, what to suggest.

use std::{fmt, time::Duration};

use rand::RngExt as _;
use sqlx::PgPool;

use crate::{
    ids::UserId,
    panel::{self, Outcome, Refusal, Server},
    persian::{is_invisible, latin_digits},
};

/// The longest customer's name beside it, in characters.
pub const ALIAS_LENGTH: usize = 60;

/// A name that the server takes, with the agent's prefix where she has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

/// Why a typed name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    #[error("no name was typed")]
    Empty,
    /// Counted with the prefix: 3 to 32 characters.
    #[error("the name is too short or too long")]
    Length,
    #[error("the name does not begin with a letter")]
    FirstCharacter,
    /// Something other than small Latin letters, digits and `_`.
    #[error("the name has other characters")]
    Characters,
}

impl Username {
    /// Reads a name as people type it: any digits, capitals, blanks around it. The prefix is put in front where it
    /// isn't there already.
    pub fn parse(typed: &str, prefix: &str) -> Result<Self, UsernameError> {
        let typed: String = latin_digits(typed).chars().filter(|c| !is_invisible(*c)).collect();
        let typed = typed.trim().to_lowercase();
        let rest = typed.strip_prefix(prefix).unwrap_or(&typed);
        if rest.is_empty() {
            return Err(UsernameError::Empty);
        }
        let name = format!("{prefix}{rest}");
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            return Err(UsernameError::Characters);
        }
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(UsernameError::FirstCharacter);
        }
        if panel::is_valid_username(&name) { Ok(Self(name)) } else { Err(UsernameError::Length) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a name can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    Free,
    Taken,
    /// Free here; the server could not be asked in time.
    Unasked,
}

/// How long the check beside the field may wait for the server.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Asks our orders and then the server. Says nothing certain about the moment of the order: that is decided there.
///
/// # Errors
/// When the database fails.
pub async fn availability(db: &PgPool, server: &Server, name: &Username) -> sqlx::Result<Availability> {
    let taken = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM orders WHERE lower(marzban_username) = $1
               AND status NOT IN ('DELETED', 'FAILED', 'CANCELLED')) AS "taken!""#,
        name.as_str()
    )
    .fetch_one(db)
    .await?;
    if taken {
        return Ok(Availability::Taken);
    }
    Ok(on_server(server, name.as_str()).await)
}

/// Asks the server alone whether a name can be had there.
pub async fn on_server(server: &Server, name: &str) -> Availability {
    match tokio::time::timeout(PATIENCE, server.account(name)).await {
        Ok(Outcome::Done(None)) => Availability::Free,
        Ok(Outcome::Done(Some(_)) | Outcome::Refused(Refusal::Forbidden)) => Availability::Taken,
        Ok(Outcome::Refused(_) | Outcome::Unknown(_)) | Err(_) => Availability::Unasked,
    }
}

/// The prefix that the names of this person's accounts must have; empty without one.
///
/// # Errors
/// When the database fails.
pub async fn prefix_of(db: &PgPool, user: UserId) -> sqlx::Result<String> {
    let prefix = sqlx::query_scalar!("SELECT username_prefix FROM agents WHERE user_id = $1", user.0);
    Ok(prefix.fetch_optional(db).await?.flatten().unwrap_or_default())
}

/// A name that none of our orders has: the stem with a number behind it.
///
/// # Errors
/// When the database fails.
pub async fn suggest(db: &PgPool, stem: &str, prefix: &str) -> sqlx::Result<String> {
    let candidates = candidates(stem, prefix);
    let free = sqlx::query_scalar!(
        r#"SELECT c.name AS "name!" FROM unnest($1::text[]) WITH ORDINALITY AS c (name, place)
           WHERE NOT EXISTS (SELECT FROM orders o WHERE lower(o.marzban_username) = c.name
               AND o.status NOT IN ('DELETED', 'FAILED', 'CANCELLED'))
           ORDER BY c.place LIMIT 1"#,
        &candidates
    )
    .fetch_optional(db)
    .await?;
    // All taken is next to impossible, and then a suggestion that is refused does no harm.
    Ok(free.or_else(|| candidates.into_iter().next()).unwrap_or_default())
}

/// Some names, the shortest first, each valid.
fn candidates(stem: &str, prefix: &str) -> Vec<String> {
    let stem = stem.strip_prefix(prefix).filter(|rest| !rest.is_empty()).unwrap_or(stem);
    let cleaned: String = stem
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' })
        .take(32_usize.saturating_sub(prefix.len() + 7))
        .collect();
    let mut base = format!("{prefix}{}", cleaned.trim_end_matches(|c: char| c.is_ascii_digit()));
    if !base.starts_with(|c: char| c.is_ascii_lowercase()) {
        base.insert(0, 'u');
    }
    let mut random = rand::rng();
    let mut number = |digits: u32| random.random_range(10_u32.pow(digits - 1)..10_u32.pow(digits));
    [3, 3, 4, 4, 5, 6].into_iter().map(|digits| format!("{base}{}", number(digits))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(typed: &str, prefix: &str) -> Result<String, UsernameError> {
        Username::parse(typed, prefix).map(|name| name.to_string())
    }

    #[test]
    fn a_name_is_read_as_people_type_it() {
        assert_eq!(parsed(" Ali_۱۲٣ \u{200f}", ""), Ok("ali_123".into()));
        assert_eq!(parsed("ali", "rz_"), Ok("rz_ali".into()));
        assert_eq!(parsed("RZ_ali", "rz_"), Ok("rz_ali".into()));
        assert_eq!(parsed("۱۲", "rz_"), Ok("rz_12".into()));
    }

    #[test]
    fn what_the_server_would_refuse_is_refused_here() {
        for (typed, prefix, why) in [
            ("", "", UsernameError::Empty),
            ("rz_", "rz_", UsernameError::Empty),
            ("ab", "", UsernameError::Length),
            ("a23456789012345678901234567890123", "", UsernameError::Length),
            ("a2345678901234567890123456789", "rz_x", UsernameError::Length),
            ("1abc", "", UsernameError::FirstCharacter),
            ("_abc", "", UsernameError::FirstCharacter),
            ("علی", "", UsernameError::Characters),
            ("ali reza", "", UsernameError::Characters),
            ("ali-reza", "", UsernameError::Characters),
            ("ali.reza", "", UsernameError::Characters),
        ] {
            assert_eq!(parsed(typed, prefix), Err(why), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn every_suggestion_can_be_taken(stem in "[a-zA-Z0-9_.-]{0,40}", prefix in "([a-z][a-z0-9_]{0,11})?") {
            for name in candidates(&stem, &prefix) {
                prop_assert_eq!(parsed(&name, &prefix), Ok(name));
            }
        }

        #[test]
        fn nothing_typed_makes_the_parser_fail(typed in "\\PC*") {
            if let Ok(name) = Username::parse(&typed, "") {
                prop_assert!(panel::is_valid_username(name.as_str()));
            }
        }
    }
}
