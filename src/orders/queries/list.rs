//! An owner's accounts as a list: searched, filtered, sorted, page by page.

use sqlx::PgPool;

use super::SOON;
use crate::{
    calendar::Time,
    ids::{OrderId, UserId},
    persian::{latin_digits, normalize},
};

/// How many accounts stand on one page.
pub const PAGE: i64 = 25;
/// The key of what comes last.
const LAST: i64 = i64::MAX;

/// What an owner wants to know of an account at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    AwaitingPayment,
    Provisioning,
    Active,
    /// Waits for its first connection.
    OnHold,
    /// Active, with no more than [`SOON`] left.
    Ending,
    /// Its time or its volume is used up.
    Ended,
    Disabled,
    Deleted,
    Failed,
    Cancelled,
}

/// Which accounts a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateFilter {
    #[default]
    All,
    /// All that work, also those about to end.
    Active,
    Ending,
    /// Their time or their volume is used up.
    Ended,
    /// Their time is over.
    Expired,
    /// Their volume is used up.
    UsedUp,
    Disabled,
    Provisioning,
    Failed,
}

impl StateFilter {
    /// All filters, in the order of the page.
    pub const ALL: [Self; 9] = [
        Self::All,
        Self::Active,
        Self::Ending,
        Self::Ended,
        Self::Expired,
        Self::UsedUp,
        Self::Disabled,
        Self::Provisioning,
        Self::Failed,
    ];

    /// The word in the page's address.
    pub fn code(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Active => "active",
            Self::Ending => "ending",
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::UsedUp => "used-up",
            Self::Disabled => "disabled",
            Self::Provisioning => "provisioning",
            Self::Failed => "failed",
        }
    }

    fn states(self) -> Option<Vec<String>> {
        let states: &[&str] = match self {
            Self::All => return None,
            Self::Active => &["ACTIVE", "ON_HOLD", "ENDING"],
            Self::Ending => &["ENDING"],
            Self::Ended | Self::Expired | Self::UsedUp => &["ENDED"],
            Self::Disabled => &["DISABLED"],
            Self::Provisioning => &["PROVISIONING"],
            Self::Failed => &["FAILED"],
        };
        Some(states.iter().map(|&state| state.to_owned()).collect())
    }
}

/// One account of a list.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: OrderId,
    pub username: String,
    pub alias: String,
    pub plan_name: String,
    pub days: i32,
    pub state: State,
    pub subscription_url: Option<String>,
    pub expire_at: Option<Time>,
    pub data_limit_bytes: Option<i64>,
    pub data_used_bytes: Option<i64>,
    /// What the list is sorted by: Unix seconds, bytes, or nothing.
    pub key: i64,
}

/// In which order a list stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    #[default]
    Newest,
    /// What ends first; what has no end or no account comes last.
    Expiry,
    /// What has the least volume left; what has no limit or no account comes last.
    Volume,
}

impl Sort {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 3] = [Self::Newest, Self::Expiry, Self::Volume];

    /// The word in the page's address.
    pub fn code(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Expiry => "expiry",
            Self::Volume => "volume",
        }
    }
}

/// Which accounts to list, and from where on.
#[derive(Clone, Debug, Default)]
pub struct Listing<'a> {
    /// As typed: a part of the user name, of the alias or of the note.
    pub search: &'a str,
    pub filter: StateFilter,
    pub sort: Sort,
    /// Only what comes after this order.
    pub before: Option<OrderId>,
    /// What the list is sorted by, of that order.
    pub key: Option<i64>,
}

/// At most `limit` accounts of this owner. The newest come straight from the index; any other order reads all
/// accounts of the owner, and sorts them.
///
/// # Errors
/// When the database fails.
pub async fn accounts(
    db: &PgPool,
    owner: UserId,
    listing: &Listing<'_>,
    limit: i64,
    now: Time,
) -> sqlx::Result<Vec<Account>> {
    let states = listing.filter.states();
    sqlx::query_as!(
        Account,
        r#"SELECT id AS "id!: OrderId", username AS "username!", alias AS "alias!", plan_name AS "plan_name!",
                  days AS "days!", state AS "state!: State", subscription_url AS "subscription_url?",
                  expire_at AS "expire_at?", data_limit_bytes AS "data_limit_bytes?",
                  data_used_bytes AS "data_used_bytes?", key AS "key!"
           FROM (
               SELECT o.id, o.marzban_username AS username, o.alias,
                      coalesce(o.renewed_plan_name, o.plan_name) AS plan_name, coalesce(o.renewed_days, o.days) AS days,
                      m.subscription_url, m.expire_at, m.data_limit_bytes, m.data_used_bytes,
                      m.expire_at <= $3 AS expired, m.data_used_bytes >= nullif(m.data_limit_bytes, 0) AS used_up,
                      CASE WHEN o.status <> 'ACTIVE' THEN o.status
                           WHEN m.expire_at <= $3 OR m.data_used_bytes >= nullif(m.data_limit_bytes, 0) THEN 'ENDED'
                           WHEN m.expire_at <= $4 THEN 'ENDING'
                           WHEN m.expire_at IS NULL AND m.on_hold_seconds IS NOT NULL THEN 'ON_HOLD'
                           ELSE 'ACTIVE' END AS state,
                      CASE WHEN $9 = 'newest' THEN 0
                           WHEN o.status NOT IN ('ACTIVE', 'DISABLED') THEN $12
                           WHEN $9 = 'expiry' THEN coalesce(extract(epoch FROM m.expire_at)::bigint, $12)
                           ELSE greatest(coalesce(nullif(m.data_limit_bytes, 0) - m.data_used_bytes, $12), 0) END AS key
               FROM orders o LEFT JOIN marzban_users m ON m.order_id = o.id
               WHERE o.user_id = $1 AND ($9 <> 'newest' OR $2::bigint IS NULL OR o.id < $2)
                 AND (lower(o.marzban_username) LIKE $5
                      OR translate(o.alias || ' ' || o.note, '۰۱۲۳۴۵۶۷۸۹', '0123456789') ILIKE $6)
           ) a
           WHERE ($7::text[] IS NULL OR state = ANY ($7))
             AND ($10 <> 'expired' OR expired) AND ($10 <> 'used-up' OR used_up)
             AND ($2::bigint IS NULL OR key > $11 OR (key = $11 AND id < $2))
           ORDER BY key, id DESC LIMIT $8"#,
        owner.0,
        listing.before.map(|id| id.0),
        now,
        now + SOON,
        containing(&latin_digits(listing.search.trim()).to_lowercase()),
        containing(&latin_digits(&normalize(listing.search))),
        states.as_deref(),
        limit,
        listing.sort.code(),
        listing.filter.code(),
        listing.key.unwrap_or(0),
        LAST
    )
    .fetch_all(db)
    .await
}

/// The pattern of LIKE for texts that contain this one.
pub(in crate::orders) fn containing(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}
