//! Reads about one person, shaped for her page.

use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    calendar::Time,
    ids::{OrderId, PaymentId, UserId},
    ledger::Balance,
    money::Toman,
    orders, payments,
    role::Role,
};

/// An agent or a customer.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: UserId,
    pub username: String,
    /// The agent's name, or the user name.
    pub name: String,
    pub role: Role,
    pub phone: String,
    pub is_active: bool,
    /// Her password is for one use and was not changed yet.
    pub must_change_password: bool,
    pub has_two_factor: bool,
    pub created_at: Time,
    pub last_sign_in: Option<Time>,
    pub confirmed: Toman,
    pub pending: Toman,
    pub negative_since: Option<Time>,
    /// How much pending credit she may spend, Toman.
    pub pending_ceiling: Toman,
    pub deadline_deferred_until: Option<Time>,
    pub deadline_deferred_reason: Option<String>,
}

impl Person {
    /// The agent or customer with this number; admins are not looked after here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find(conn: &mut PgConnection, id: UserId) -> sqlx::Result<Option<Self>> {
        sqlx::query_as!(
            Self,
            r#"SELECT u.id AS "id: UserId", u.username,
                      coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), nullif(u.name, ''), u.username)
                          AS "name!",
                      u.role AS "role: Role", coalesce(a.phone, e.phone) AS "phone!",
                      u.status = 'ACTIVE' AS "is_active!", u.must_change_password, u.created_at,
                      EXISTS (SELECT FROM two_factors f WHERE f.user_id = u.id) AS "has_two_factor!",
                      (SELECT l.created_at FROM audit_log l WHERE l.actor_id = u.id AND l.action = 'account.sign_in'
                       ORDER BY l.id DESC LIMIT 1) AS last_sign_in,
                      w.confirmed AS "confirmed: Toman", w.pending AS "pending: Toman", w.negative_since,
                      coalesce(a.pending_ceiling, 0) AS "pending_ceiling!: Toman",
                      a.deadline_deferred_until AS "deadline_deferred_until?",
                      a.deadline_deferred_reason AS "deadline_deferred_reason?"
               FROM users u
               JOIN wallets w ON w.user_id = u.id
               LEFT JOIN agents a ON a.user_id = u.id
               LEFT JOIN end_users e ON e.user_id = u.id
               WHERE u.id = $1 AND coalesce(a.user_id, e.user_id) IS NOT NULL"#,
            id.0
        )
        .fetch_optional(conn)
        .await
    }

    /// Her wallet.
    pub fn balance(&self) -> Balance {
        Balance { confirmed: self.confirmed, pending: self.pending, negative_since: self.negative_since }
    }

    /// When the 24-hour rule strikes, while an agent owes something, UTC.
    pub fn deadline(&self) -> Option<Time> {
        self.balance().deadline(self.deadline_deferred_until).filter(|_| self.is_agent())
    }

    pub fn is_agent(&self) -> bool {
        self.role == Role::Agent
    }

    /// The address of her page.
    pub fn home(&self) -> String {
        let list = if self.is_agent() { "/admin/agents" } else { "/admin/customers" };
        format!("{list}/{}", self.id)
    }
}

/// An order, in one line.
#[derive(Clone, Debug)]
pub struct OrderLine {
    pub id: OrderId,
    pub account: String,
    pub alias: String,
    pub plan_name: String,
    pub amount: Toman,
    pub status: orders::Status,
    pub created_at: Time,
}

/// The latest orders of a person.
///
/// # Errors
/// When the database fails.
pub async fn orders(conn: &mut PgConnection, person: UserId, limit: i64) -> sqlx::Result<Vec<OrderLine>> {
    sqlx::query_as!(
        OrderLine,
        r#"SELECT id AS "id: OrderId", marzban_username AS account, alias, plan_name, amount AS "amount: Toman",
                  status AS "status: orders::Status", created_at
           FROM orders WHERE user_id = $1 ORDER BY id DESC LIMIT $2"#,
        person.0,
        limit
    )
    .fetch_all(conn)
    .await
}

/// A payment, in one line.
#[derive(Clone, Debug)]
pub struct PaymentLine {
    pub id: PaymentId,
    pub amount: Toman,
    pub method: String,
    pub status: payments::Status,
    pub created_at: Time,
}

/// The latest payments of a person.
///
/// # Errors
/// When the database fails.
pub async fn payments(conn: &mut PgConnection, person: UserId, limit: i64) -> sqlx::Result<Vec<PaymentLine>> {
    sqlx::query_as!(
        PaymentLine,
        r#"SELECT p.id AS "id: PaymentId", p.amount AS "amount: Toman", m.alias AS method,
                  p.status AS "status: payments::Status", p.created_at
           FROM payments p JOIN payment_methods m ON m.id = p.payment_method_id
           WHERE p.user_id = $1 ORDER BY p.id DESC LIMIT $2"#,
        person.0,
        limit
    )
    .fetch_all(conn)
    .await
}

/// A deed that a person did, or that was done to her.
#[derive(Clone, Debug)]
pub struct LogLine {
    pub action: String,
    /// The number of the payment or the order it was about.
    pub subject_id: Option<i64>,
    pub detail: Value,
    pub created_at: Time,
    /// Who did it; `None` is the panel itself.
    pub by: Option<String>,
    /// Where she did it from.
    pub address: Option<String>,
}

/// The latest deeds by a person or to her, newest first.
///
/// # Errors
/// When the database fails.
pub async fn log(conn: &mut PgConnection, person: UserId, limit: i64) -> sqlx::Result<Vec<LogLine>> {
    sqlx::query_as!(
        LogLine,
        r#"SELECT l.action, l.subject_id, l.detail, l.created_at, u.username AS "by?", host(l.address) AS address
           FROM audit_log l LEFT JOIN users u ON u.id = l.actor_id
           WHERE l.id IN (
               (SELECT id FROM audit_log WHERE subject_type = 'user' AND subject_id = $1 ORDER BY id DESC LIMIT $2)
               UNION
               (SELECT id FROM audit_log WHERE actor_id = $1 ORDER BY id DESC LIMIT $2)
           )
           ORDER BY l.id DESC LIMIT $2"#,
        person.0,
        limit
    )
    .fetch_all(conn)
    .await
}
