//! Who was not let in.

use std::net::IpAddr;

use serde_json::json;
use sqlx::PgPool;

use crate::{
    audit::{self, Deed},
    calendar::Time,
    ids::UserId,
};

/// Writes down that somebody was not let in. What was typed is kept only where it could be a user name: a password
/// in the wrong field must not end up in the log. The throttle bounds how many of these there can be.
pub(super) async fn record(
    db: &PgPool,
    typed: &str,
    known: Option<UserId>,
    address: IpAddr,
    now: Time,
) -> sqlx::Result<()> {
    let typed = Some(typed).filter(|name| known.is_some() || could_be_username(name));
    let deed = Deed {
        actor: None,
        action: "account.refuse_sign_in",
        subject_type: "user",
        subject_id: known.map(|user| user.0),
        detail: json!({ "username": typed }),
        address: Some(&address),
    };
    audit::record(&mut *db.acquire().await?, &deed, now).await
}

/// Short, and of the characters that user names are made of.
fn could_be_username(typed: &str) -> bool {
    let may_stand = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
    (3..=32).contains(&typed.len())
        && typed.starts_with(|c: char| c.is_ascii_lowercase())
        && typed.chars().all(may_stand)
}
