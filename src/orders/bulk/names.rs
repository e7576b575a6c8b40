//! The names of several accounts: numbered ones, or a list as it was pasted.

use std::collections::BTreeSet;

use futures_util::{FutureExt, StreamExt, stream};
use sqlx::PgPool;

use super::{super::usernames::ALIAS_LENGTH, MOST};
use crate::{
    orders::{Availability, Username, UsernameError, usernames},
    panel::Server,
    persian::normalize,
};

/// So many names are asked about at once.
const AT_ONCE: usize = 8;
/// So long the form waits for the server's word on all names, beside our own.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// An account that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub username: String,
    pub alias: String,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    Name(UsernameError),
    /// The same name stands above.
    Twice,
    AliasLong,
    Taken,
}

/// A line that can't be used, by its number from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    pub number: usize,
    /// As typed.
    pub text: String,
    pub error: LineError,
}

/// Names with a running number behind them, as wide as the last one and at least two digits.
///
/// # Errors
/// What is wrong with the first or the last of them.
pub fn numbered(stem: &str, first: u32, count: usize, prefix: &str) -> Result<Vec<Named>, UsernameError> {
    let last = u64::from(first) + count as u64 - 1;
    let width = last.to_string().len().max(2);
    let name = |number: u64| {
        let username = Username::parse(&format!("{}{number:0width$}", stem.trim()), prefix)?.to_string();
        Ok(Named { username, alias: String::new() })
    };
    (u64::from(first)..=last).map(name).collect()
}

/// Reads a list: a name on each line, and what comes after a comma is the customer's name. Empty lines don't count.
/// At most one more than [`MOST`] are read.
pub fn listed(text: &str, prefix: &str) -> (Vec<Named>, Vec<BadLine>) {
    let mut names = Vec::new();
    let mut bad = Vec::new();
    let mut seen = BTreeSet::new();
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    for (number, line) in lines.take(MOST + 1) {
        let (name, alias) = line.split_once([',', '،', '\t', ';']).unwrap_or((line, ""));
        let alias = normalize(alias);
        let read = match Username::parse(name, prefix) {
            Err(error) => Err(LineError::Name(error)),
            Ok(_) if alias.chars().count() > ALIAS_LENGTH => Err(LineError::AliasLong),
            Ok(name) if !seen.insert(name.to_string()) => Err(LineError::Twice),
            Ok(name) => Ok(Named { username: name.to_string(), alias }),
        };
        match read {
            Ok(named) => names.push(named),
            Err(error) => bad.push(BadLine { number, text: name.trim().to_owned(), error }),
        }
    }
    (names, bad)
}

/// Which of these names are taken: here, or on the server as far as it answers in time.
///
/// # Errors
/// When the database fails.
pub async fn taken(db: &PgPool, server: &Server, names: &[Named]) -> sqlx::Result<BTreeSet<String>> {
    let asked: Vec<String> = names.iter().map(|named| named.username.clone()).collect();
    let taken = sqlx::query_scalar!(
        r#"SELECT lower(marzban_username) AS "name!" FROM orders
           WHERE lower(marzban_username) = ANY ($1) AND status NOT IN ('DELETED', 'FAILED', 'CANCELLED')"#,
        &asked
    )
    .fetch_all(db)
    .await?;
    let mut taken: BTreeSet<String> = taken.into_iter().collect();
    let free: Vec<_> = asked
        .into_iter()
        .filter(|name| !taken.contains(name))
        .map(|name| async move { (usernames::on_server(server, &name).await, name) }.boxed())
        .collect();
    let mut answers = stream::iter(free).buffer_unordered(AT_ONCE);
    let until = tokio::time::Instant::now() + PATIENCE;
    while let Ok(Some((there, name))) = tokio::time::timeout_at(until, answers.next()).await {
        match there {
            Availability::Taken => drop(taken.insert(name)),
            Availability::Free => {}
            // Not answering one it will not answer the rest; each order finds out by itself.
            Availability::Unasked => break,
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(named: &[Named]) -> Vec<&str> {
        named.iter().map(|named| named.username.as_str()).collect()
    }

    #[test]
    fn numbers_are_as_wide_as_the_last() {
        assert_eq!(names(&numbered("shop_", 1, 2, "").unwrap()), ["shop_01", "shop_02"]);
        assert_eq!(names(&numbered("Shop_", 99, 2, "").unwrap()), ["shop_099", "shop_100"]);
        assert_eq!(names(&numbered("", 7, 1, "rz_").unwrap()), ["rz_07"]);
        assert_eq!(numbered("", 1, 2, ""), Err(UsernameError::FirstCharacter));
        assert_eq!(numbered("a_name_that_is_too_long_for_it_x", 1, 2, ""), Err(UsernameError::Length));
        assert!(numbered("shop_", u32::MAX, 100, "").is_ok());
    }

    #[test]
    fn a_list_is_read_as_people_paste_it() {
        let (good, bad) = listed("\u{200f}Ali_۱, علي\r\n\n  sara\t سارا \nreza،رضا\n", "");
        assert_eq!(names(&good), ["ali_1", "sara", "reza"]);
        assert_eq!(good.iter().map(|n| n.alias.as_str()).collect::<Vec<_>>(), ["علی", "سارا", "رضا"]);
        assert_eq!(bad, []);
    }

    #[test]
    fn each_bad_line_is_named_by_its_number() {
        let long = format!("ok_1,{}", "ن".repeat(ALIAS_LENGTH + 1));
        let (good, bad) = listed(&format!("good\n\nab\n1x2\nعلی\nGOOD\n{long}\n,x"), "");
        assert_eq!(names(&good), ["good"]);
        let found: Vec<_> = bad.iter().map(|line| (line.number, line.error)).collect();
        assert_eq!(
            found,
            [
                (3, LineError::Name(UsernameError::Length)),
                (4, LineError::Name(UsernameError::FirstCharacter)),
                (5, LineError::Name(UsernameError::Characters)),
                (6, LineError::Twice),
                (7, LineError::AliasLong),
                (8, LineError::Name(UsernameError::Empty)),
            ]
        );
    }
}
