//! The person who asks, as one query knows her.

use std::str::FromStr;

use sqlx::PgPool;
use uuid::Uuid;

use super::{Role, client::Theme};
use crate::{
    calendar::Time,
    ids::UserId,
    ledger::Balance,
    locale::{Digits, Language},
    money::Toman,
};

/// Where the shop answers questions; empty where it names none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Support {
    /// A name in Telegram, without its @.
    pub telegram: String,
    pub phone: String,
}

impl Support {
    /// Where a message is written in Telegram.
    pub fn telegram_address(&self) -> String {
        format!("https://t.me/{}", self.telegram)
    }

    /// Whether the shop names any.
    pub fn is_named(&self) -> bool {
        !(self.telegram.is_empty() && self.phone.is_empty())
    }
}

/// The person who is signed in.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub id: UserId,
    pub username: String,
    /// Her name, or the user name where she gave none.
    pub display_name: String,
    /// Canonical; empty where none is known.
    pub phone: String,
    pub role: Role,
    pub language: Language,
    /// `None`: as each device says.
    pub theme: Option<Theme>,
    pub digits: Digits,
    /// A one-time password must be changed before anything else.
    pub must_change_password: bool,
    /// The shop wants a second factor of her, and she has none yet.
    pub must_add_factor: bool,
    pub balance: Balance,
    /// How much pending credit may be spent, Toman: 0 for an end user.
    pub pending_ceiling: Toman,
    /// When the 24-hour rule strikes, where the admin put it off, UTC.
    pub deadline_deferred_until: Option<Time>,
    /// Why, in the admin's words.
    pub deadline_deferred_reason: Option<String>,
    pub shop_name: String,
    pub support: Support,
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
    /// When the sign-in was last noted as being used; `None` is not yet.
    pub last_seen_at: Option<Time>,
    /// An admin looks at what this person sees: nothing may be written.
    pub is_viewed: bool,
}

/// The person behind a sign-in that has not ended; `None` when it has, or when the account is disabled.
pub async fn find(db: &PgPool, sign_in: Uuid) -> sqlx::Result<Option<Viewer>> {
    read(db, sign_in, None).await
}

/// The person that an admin looks at, active or not; she need not be signed in.
pub async fn find_viewed(db: &PgPool, person: UserId) -> sqlx::Result<Option<Viewer>> {
    read(db, Uuid::nil(), Some(person)).await
}

async fn read(db: &PgPool, sign_in: Uuid, viewed: Option<UserId>) -> sqlx::Result<Option<Viewer>> {
    let row = sqlx::query!(
        r#"SELECT u.id AS "id: UserId", u.username, u.role AS "role: Role", u.language, u.theme, u.digits,
                  u.must_change_password, i.last_seen_at AS "last_seen_at?",
                  coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), nullif(u.name, ''), u.username)
                      AS "display_name!",
                  coalesce(a.phone, e.phone, u.phone, '') AS "phone!",
                  u.role = 'ADMIN' AND s.admins_need_two_factor
                      AND f.user_id IS NULL AS "must_add_factor!",
                  w.confirmed AS "confirmed: Toman", w.pending AS "pending: Toman", w.negative_since,
                  coalesce(a.pending_ceiling, 0) AS "pending_ceiling!: Toman", a.deadline_deferred_until,
                  a.deadline_deferred_reason AS "deadline_deferred_reason?",
                  s.shop_name, s.purchase_open, s.charging_open, x.support_telegram, x.support_phone,
                  CASE WHEN u.role = 'ADMIN' THEN (SELECT count(*) FROM payments WHERE status = 'PENDING')
                       ELSE 0 END AS "payments_waiting!",
                  (SELECT count(*) FROM (SELECT FROM notices n WHERE n.user_id = u.id AND n.read_at IS NULL LIMIT 100) unread)
                      AS "notices_unread!"
           FROM users u
           JOIN wallets w ON w.user_id = u.id
           LEFT JOIN sign_ins i ON i.id = $1
           LEFT JOIN two_factors f ON f.user_id = u.id
           LEFT JOIN agents a ON a.user_id = u.id
           LEFT JOIN end_users e ON e.user_id = u.id
           -- One row each, which the planner would not believe of tables that nobody analyses.
           CROSS JOIN (SELECT shop_name, purchase_open, charging_open, admins_need_two_factor FROM settings LIMIT 1) s
           CROSS JOIN (SELECT support_telegram, support_phone FROM shop_texts LIMIT 1) x
           WHERE u.id = coalesce($2, (SELECT user_id FROM sign_ins WHERE id = $1 AND ended_at IS NULL))
             AND (u.status = 'ACTIVE' OR $2::bigint IS NOT NULL)"#,
        sign_in,
        viewed.map(|person| person.0)
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Viewer {
        id: row.id,
        username: row.username,
        display_name: row.display_name,
        phone: row.phone,
        role: row.role,
        language: Language::from_str(&row.language).unwrap_or_default(),
        theme: row.theme.and_then(|theme| theme.parse().ok()),
        digits: row.digits.parse().unwrap_or_default(),
        must_change_password: row.must_change_password,
        must_add_factor: row.must_add_factor,
        balance: Balance {
            confirmed: row.confirmed,
            pending: row.pending,
            negative_since: row.negative_since,
        },
        pending_ceiling: row.pending_ceiling,
        deadline_deferred_until: row.deadline_deferred_until,
        deadline_deferred_reason: row.deadline_deferred_reason,
        shop_name: row.shop_name,
        support: Support { telegram: row.support_telegram, phone: row.support_phone },
        purchase_open: row.purchase_open,
        charging_open: row.charging_open,
        payments_waiting: row.payments_waiting,
        notices_unread: row.notices_unread,
        sign_in,
        last_seen_at: row.last_seen_at,
        is_viewed: viewed.is_some(),
    }))
}

/// The shop's name and where it answers questions, for pages that anyone may see.
pub async fn shop(db: &PgPool) -> sqlx::Result<(String, Support)> {
    let row = sqlx::query!(
        "SELECT s.shop_name, x.support_telegram, x.support_phone FROM settings s CROSS JOIN shop_texts x"
    )
    .fetch_one(db)
    .await?;
    Ok((row.shop_name, Support { telegram: row.support_telegram, phone: row.support_phone }))
}
