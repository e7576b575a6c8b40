//! Reads of agents, shaped for their pages.

use sqlx::PgConnection;

use super::Profile;
use crate::{
    calendar::Time,
    ids::UserId,
    money::Toman,
    persian::{Phone, latin_digits, normalize},
};

/// Which agents a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    #[default]
    All,
    Active,
    Disabled,
    /// Those below zero.
    Owing,
}

impl Show {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 4] = [Self::All, Self::Active, Self::Owing, Self::Disabled];

    /// The word in the page's address.
    pub fn code(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Owing => "owing",
        }
    }
}

/// The order of a list, the largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    #[default]
    Newest,
    Credit,
    Sales,
    Debt,
}

impl Sort {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 4] = [Self::Newest, Self::Credit, Self::Sales, Self::Debt];

    /// The word in the page's address.
    pub fn code(self) -> &'static str {
        match self {
            Self::Newest => "",
            Self::Credit => "credit",
            Self::Sales => "sales",
            Self::Debt => "debt",
        }
    }
}

/// What to list.
#[derive(Clone, Debug)]
pub struct Listing<'a> {
    /// As typed: a part of the user name, the name, the shop or the phone.
    pub search: &'a str,
    pub show: Show,
    pub sort: Sort,
    /// The key and the id of the row before.
    pub after: Option<(i64, i64)>,
    /// From when on sales count, UTC.
    pub sales_since: Time,
}

/// One agent of a list.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: UserId,
    pub username: String,
    pub name: String,
    pub shop_name: String,
    pub phone: String,
    pub is_active: bool,
    /// Toman.
    pub total: Toman,
    pub negative_since: Option<Time>,
    pub deadline_deferred_until: Option<Time>,
    /// Accounts that work.
    pub accounts: i64,
    /// What was bought and not paid back, Toman.
    pub sales: Toman,
    pub last_sign_in: Option<Time>,
    /// What the list is sorted by.
    pub key: i64,
}

/// At most `limit` agents.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, listing: &Listing<'_>, limit: i64) -> sqlx::Result<Vec<Row>> {
    let (key, id) = listing.after.unzip();
    let typed = latin_digits(&normalize(listing.search)).to_lowercase();
    let phone = Phone::parse(listing.search).map_or_else(|_| typed.clone(), |phone| phone.to_string());
    sqlx::query_as!(
        Row,
        r#"SELECT id AS "id!: UserId", username AS "username!", name AS "name!", shop_name AS "shop_name!",
                  phone AS "phone!", is_active AS "is_active!", total AS "total!: Toman", negative_since,
                  deadline_deferred_until, accounts AS "accounts!", sales AS "sales!: Toman", last_sign_in,
                  key AS "key!"
           FROM (
               SELECT u.id, u.username, trim(a.first_name || ' ' || a.last_name) AS name, a.shop_name, a.phone,
                      u.status = 'ACTIVE' AS is_active, w.total, w.negative_since, a.deadline_deferred_until,
                      (SELECT count(*) FROM orders o WHERE o.user_id = u.id AND o.status = 'ACTIVE') AS accounts,
                      s.sales,
                      (SELECT l.created_at FROM audit_log l WHERE l.actor_id = u.id AND l.action = 'account.sign_in'
                       ORDER BY l.id DESC LIMIT 1) AS last_sign_in,
                      CASE $1 WHEN 'credit' THEN w.total WHEN 'debt' THEN -w.total WHEN 'sales' THEN s.sales
                              ELSE u.id END AS key
               FROM agents a
               JOIN users u ON u.id = a.user_id
               JOIN wallets w ON w.user_id = u.id
               CROSS JOIN LATERAL (
                   SELECT coalesce(-sum(t.confirmed_delta), 0)::bigint AS sales FROM transactions t
                   WHERE t.user_id = u.id AND t.created_at >= $2
                     AND t.type IN ('ORDER_CREATED', 'ORDER_RENEWED', 'ORDER_REFUND')
               ) s
               WHERE CASE $3 WHEN 'active' THEN u.status = 'ACTIVE' WHEN 'disabled' THEN u.status = 'DISABLED'
                             WHEN 'owing' THEN w.total < 0 ELSE true END
                 AND (u.username LIKE $4
                      OR translate(a.first_name || ' ' || a.last_name || ' ' || a.shop_name, '۰۱۲۳۴۵۶۷۸۹', '0123456789')
                         ILIKE $4
                      OR a.phone LIKE $5)
           ) rows
           WHERE $6::bigint IS NULL OR (key, id) < ($6, $7)
           ORDER BY key DESC, id DESC LIMIT $8"#,
        listing.sort.code(),
        listing.sales_since,
        listing.show.code(),
        containing(&typed),
        containing(&phone),
        key,
        id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// The pattern of LIKE for texts that contain this one.
fn containing(text: &str) -> String {
    format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// An agent's profile.
///
/// # Errors
/// When the database fails.
pub async fn profile(conn: &mut PgConnection, agent: UserId) -> sqlx::Result<Option<Profile>> {
    sqlx::query_as!(
        Profile,
        r#"SELECT first_name, last_name, phone, shop_name, province, city, address, notes, username_prefix,
                  pending_ceiling AS "pending_ceiling: Toman"
           FROM agents WHERE user_id = $1"#,
        agent.0
    )
    .fetch_optional(conn)
    .await
}

/// An agent's user name; `None` where there is no such agent.
///
/// # Errors
/// When the database fails.
pub async fn username(conn: &mut PgConnection, agent: UserId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT u.username FROM users u JOIN agents a ON a.user_id = u.id WHERE u.id = $1",
        agent.0
    )
    .fetch_optional(conn)
    .await
}
