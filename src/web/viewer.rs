//! The person who asks, as one query knows her.

use std::str::FromStr;

use sqlx::PgPool;
use uuid::Uuid;

use super::Role;
use crate::{calendar::Time, ids::UserId, ledger::Balance, locale::Language, money::Toman};

/// The person who is signed in.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub id: UserId,
    pub username: String,
    /// The agent's name, or the user name.
    pub display_name: String,
    pub role: Role,
    pub language: Language,
    /// A one-time password must be changed before anything else.
    pub must_change_password: bool,
    pub balance: Balance,
    /// How much pending credit may be spent, Toman: 0 for an end user.
    pub pending_ceiling: Toman,
    /// When the 24-hour rule strikes, where the admin put it off, UTC.
    pub deadline_deferred_until: Option<Time>,
    /// Why, in the admin's words.
    pub deadline_deferred_reason: Option<String>,
    pub shop_name: String,
    /// The shop takes orders of end users.
    pub purchase_open: bool,
    /// End users may charge their wallets without an order.
    pub charging_open: bool,
    /// Payments that wait for the admin; 0 for others.
    pub payments_waiting: i64,
    /// Notices that she has not read; counted up to a hundred.
    pub notices_unread: i64,
    /// The sign-in that the session belongs to.
    pub sign_in: Uuid,
}

/// The person behind a sign-in that has not ended; `None` when it has, or when the account is disabled.
pub async fn find(db: &PgPool, sign_in: Uuid) -> sqlx::Result<Option<Viewer>> {
    let row = sqlx::query!(
        r#"SELECT u.id AS "id: UserId", u.username, u.role AS "role: Role", u.language, u.must_change_password,
                  coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), u.username) AS "display_name!",
                  w.confirmed AS "confirmed: Toman", w.pending AS "pending: Toman", w.negative_since,
                  coalesce(a.pending_ceiling, 0) AS "pending_ceiling!: Toman", a.deadline_deferred_until,
                  a.deadline_deferred_reason AS "deadline_deferred_reason?",
                  s.shop_name, s.purchase_open, s.charging_open,
                  CASE WHEN u.role = 'ADMIN' THEN (SELECT count(*) FROM payments WHERE status = 'PENDING')
                       ELSE 0 END AS "payments_waiting!",
                  (SELECT count(*) FROM (SELECT FROM notices n WHERE n.user_id = u.id AND n.read_at IS NULL LIMIT 100) unread)
                      AS "notices_unread!"
           FROM sign_ins i
           JOIN users u ON u.id = i.user_id
           JOIN wallets w ON w.user_id = u.id
           LEFT JOIN agents a ON a.user_id = u.id
           CROSS JOIN settings s
           WHERE i.id = $1 AND i.ended_at IS NULL AND u.status = 'ACTIVE'"#,
        sign_in
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Viewer {
        id: row.id,
        username: row.username,
        display_name: row.display_name,
        role: row.role,
        language: Language::from_str(&row.language).unwrap_or_default(),
        must_change_password: row.must_change_password,
        balance: Balance {
            confirmed: row.confirmed,
            pending: row.pending,
            negative_since: row.negative_since,
        },
        pending_ceiling: row.pending_ceiling,
        deadline_deferred_until: row.deadline_deferred_until,
        deadline_deferred_reason: row.deadline_deferred_reason,
        shop_name: row.shop_name,
        purchase_open: row.purchase_open,
        charging_open: row.charging_open,
        payments_waiting: row.payments_waiting,
        notices_unread: row.notices_unread,
        sign_in,
    }))
}

/// The shop's name, for pages that anyone may see.
pub async fn shop_name(db: &PgPool) -> sqlx::Result<String> {
    sqlx::query_scalar!("SELECT shop_name FROM settings").fetch_one(db).await
}
