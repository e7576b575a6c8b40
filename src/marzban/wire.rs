//! Marzban's own dialect (0.8): what it is sent and what it answers, and its translation into the shop's words.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use time::format_description::well_known::Rfc3339;

use crate::{
    calendar::Time,
    panel::{Account, AccountStatus, Field, Stop},
};

/// A missing account; an unknown route says `Not Found` instead.
pub(super) const USER_NOT_FOUND: &str = "User not found";

/// A missing administrator, or one that lives in the environment and can own nothing.
pub(super) const ADMIN_NOT_FOUND: &str = "Admin not found";

/// Whether this is the panel's own word that a user was deleted.
pub(super) fn says_deleted(answer: &[u8]) -> bool {
    serde_json::from_slice::<Value>(answer)
        .is_ok_and(|answer| answer["detail"] == "User successfully deleted")
}

/// `Protocol ProxyTypes.VLESS is disabled on your server`
pub(super) fn says_protocol_disabled(detail: &str) -> bool {
    detail.starts_with("Protocol ") && detail.contains(" is disabled")
}

/// `detail` of an error: a sentence, an object keyed by field, or a body that isn't Marzban's at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Text(String),
    Fields(BTreeMap<String, String>),
    Foreign(String),
}

impl Detail {
    /// `clean` takes secrets out and bounds the length.
    pub(super) fn read(body: &[u8], clean: impl Fn(&str) -> String) -> Self {
        #[derive(Deserialize)]
        struct Envelope {
            detail: Value,
        }
        match serde_json::from_slice::<Envelope>(body) {
            Ok(Envelope { detail: Value::String(text) }) => Self::Text(clean(&text)),
            Ok(Envelope { detail: Value::Object(fields) }) => Self::Fields(
                fields
                    .iter()
                    .map(|(name, message)| {
                        let message = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
                        (clean(name), clean(&message))
                    })
                    .collect(),
            ),
            Ok(_) | Err(_) => Self::Foreign(clean(&String::from_utf8_lossy(body))),
        }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Foreign(text) => f.write_str(text),
            Self::Fields(fields) => {
                for (place, (name, message)) in fields.iter().enumerate() {
                    let comma = if place == 0 { "" } else { ", " };
                    write!(f, "{comma}{name}: {message}")?;
                }
                Ok(())
            }
        }
    }
}

/// Which part of a new account Marzban's field name means.
pub(super) fn field_of(name: &str) -> Field {
    match name {
        "username" => Field::Username,
        "expire" | "on_hold_expire_duration" | "on_hold_timeout" => Field::Validity,
        "data_limit" => Field::DataLimit,
        "note" => Field::Note,
        _ => Field::Other,
    }
}

#[derive(Deserialize)]
pub(super) struct SignedIn {
    pub access_token: String,
}

#[derive(Deserialize)]
pub(super) struct System {
    pub version: String,
    pub total_user: u64,
}

/// `GET /api/core`.
#[derive(Deserialize)]
pub(super) struct Core {
    /// Null before the core has first run.
    #[serde(default, deserialize_with = "or_empty")]
    pub version: String,
    pub started: bool,
}

fn or_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(from).map(Option::unwrap_or_default)
}

/// `POST /api/user`. Both `proxies` with a protocol and an empty `inbounds` must be there: without the first the row
/// is stored broken, without the second the account has no way in.
#[derive(Serialize)]
pub(super) struct NewUser<'a> {
    pub username: &'a str,
    pub proxies: BTreeMap<&'a str, Empty>,
    pub inbounds: Empty,
    pub note: &'a str,
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_hold_expire_duration: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_limit: Option<i64>,
}

#[derive(Serialize)]
pub(super) struct Empty {}

/// `PUT /api/user/{username}`: a stored `next_plan` that isn't sent back is lost.
#[derive(Default, Serialize)]
pub(super) struct Change<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// Unix seconds; zero takes the end away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire: Option<i64>,
    /// The total against what is used, bytes; zero takes the limit away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_limit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_hold_expire_duration: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_plan: Option<&'a Value>,
}

/// `PUT /api/user/{username}` that leaves all but the note as it is.
#[derive(Serialize)]
pub(super) struct Note<'a> {
    /// An empty one takes it away.
    pub note: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_plan: Option<&'a Value>,
}

/// The user object, as far as it is used.
#[derive(Deserialize)]
pub(super) struct User {
    pub username: String,
    status: Status,
    expire: Option<i64>,
    data_limit: Option<i64>,
    pub used_traffic: i64,
    lifetime_used_traffic: i64,
    subscription_url: String,
    pub note: Option<String>,
    admin: Option<Owner>,
    created_at: String,
    online_at: Option<String>,
    on_hold_expire_duration: Option<i64>,
    pub next_plan: Option<Value>,
    #[serde(default)]
    proxies: Value,
}

#[derive(Deserialize)]
struct Owner {
    username: String,
}

/// `GET /api/users`. The users are read one by one: one that can't be read spoils no other.
#[derive(Deserialize)]
pub(super) struct Users {
    pub users: Vec<Value>,
    pub total: u64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Active,
    Disabled,
    Limited,
    Expired,
    OnHold,
}

impl User {
    /// Accounts of an administrator that lives in the environment, or that was deleted, have none.
    pub(super) fn has_owner(&self) -> bool {
        self.admin.is_some()
    }

    /// In the shop's words; `public_url` completes a relative subscription link.
    pub(super) fn into_account(self, public_url: &str) -> Result<Account, Stop> {
        if self.subscription_url.is_empty() {
            return Err(Stop::bad_answer("an account without subscription link"));
        }
        Ok(Account {
            status: match self.status {
                Status::Active => AccountStatus::Active,
                Status::Disabled => AccountStatus::Disabled,
                Status::Limited => AccountStatus::Limited,
                Status::Expired => AccountStatus::Expired,
                Status::OnHold => AccountStatus::OnHold,
            },
            expire_at: match self.expire {
                None | Some(0) => None,
                Some(seconds) => Some(
                    Time::from_unix_timestamp(seconds)
                        .map_err(|_| Stop::bad_answer("an expiry beyond all years"))?,
                ),
            },
            on_hold_seconds: self.on_hold_expire_duration,
            data_limit_bytes: self.data_limit.filter(|&bytes| bytes != 0),
            data_used_bytes: self.used_traffic,
            lifetime_used_bytes: self.lifetime_used_traffic,
            subscription_url: absolute(&self.subscription_url, public_url),
            online_at: self.online_at.as_deref().map(utc).transpose()?,
            note: self.note,
            keeper: self.admin.map(|admin| admin.username),
            created_at: utc(&self.created_at)?,
            keys: digest(&self.proxies),
            username: self.username,
        })
    }
}

/// Of the keys themselves nothing can be told from it.
fn digest(proxies: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(proxies.to_string())[..12])
}

/// A time without zone is UTC; one with a zone is taken at its word.
fn utc(text: &str) -> Result<Time, Stop> {
    Time::parse(text, &Rfc3339)
        .or_else(|_| Time::parse(&format!("{text}Z"), &Rfc3339))
        .map_err(|_| Stop::bad_answer("a time that can't be read"))
}

/// `/sub/<token>` on the public address; a prefix set in Marzban without its scheme gets one.
fn absolute(link: &str, public_url: &str) -> String {
    let lower = link.to_ascii_lowercase();
    if lower.starts_with("https://") || lower.starts_with("http://") {
        link.to_owned()
    } else if link.starts_with('/') {
        format!("{public_url}{link}")
    } else {
        format!("https://{link}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_completed_only_where_it_is_relative() {
        assert_eq!(absolute("/sub/a", "https://shop.example/x"), "https://shop.example/x/sub/a");
        assert_eq!(
            absolute("https://cdn.example/sub/a", "https://shop.example"),
            "https://cdn.example/sub/a"
        );
        assert_eq!(absolute("cdn.example/sub/a", "https://shop.example"), "https://cdn.example/sub/a");
    }

    #[test]
    fn a_time_without_zone_is_utc() {
        let with_fraction = utc("2026-11-22T21:24:16.765486").unwrap();
        assert_eq!(with_fraction.unix_timestamp(), 1_795_382_656);
        assert_eq!(utc("2026-11-22T21:24:16").unwrap().unix_timestamp(), 1_795_382_656);
        assert_eq!(utc("2026-11-23T00:54:16+03:30").unwrap().unix_timestamp(), 1_795_382_656);
        assert!(utc("yesterday").is_err());
    }

    #[test]
    fn each_shape_of_detail_is_told_apart() {
        let read = |body: &str| Detail::read(body.as_bytes(), str::to_owned);
        assert_eq!(read(r#"{"detail":"User not found"}"#), Detail::Text("User not found".into()));
        assert_eq!(
            read(r#"{"detail":{"username":"bad","19":"JSON decode error"}}"#).to_string(),
            "19: JSON decode error, username: bad"
        );
        assert_eq!(read("Internal Server Error"), Detail::Foreign("Internal Server Error".into()));
        assert!(matches!(read(r#"{"detail":[1]}"#), Detail::Foreign(_)));
    }
}
