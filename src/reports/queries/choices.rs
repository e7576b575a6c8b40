//! Whom and what a report can be narrowed to.

use sqlx::PgConnection;

use crate::{ids::UserId, role::Role};

/// An agent, for the list of choices.
#[derive(Clone, Debug)]
pub struct AgentName {
    pub id: UserId,
    pub username: String,
    pub name: String,
}

/// The agents by name, at most `limit`; those who are disabled too, for their past is still there.
///
/// # Errors
/// When the database fails.
pub async fn agents(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<AgentName>> {
    sqlx::query_as!(
        AgentName,
        r#"SELECT u.id AS "id: UserId", u.username,
                  coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), u.username) AS "name!"
           FROM agents a JOIN users u ON u.id = a.user_id ORDER BY 3, 1 LIMIT $1"#,
        limit
    )
    .fetch_all(conn)
    .await
}

/// The people behind these user names, as far as there are any.
///
/// # Errors
/// When the database fails.
pub async fn find_people(conn: &mut PgConnection, usernames: &[String]) -> sqlx::Result<Vec<AgentName>> {
    sqlx::query_as!(
        AgentName,
        r#"SELECT u.id AS "id: UserId", u.username,
                  coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), u.username) AS "name!"
           FROM users u LEFT JOIN agents a ON a.user_id = u.id WHERE u.username = ANY ($1) ORDER BY u.id"#,
        usernames
    )
    .fetch_all(conn)
    .await
}

/// Somebody with a wallet, as her statement names her.
#[derive(Clone, Debug)]
pub struct PersonName {
    pub id: UserId,
    pub username: String,
    pub name: String,
    pub role: Role,
}

impl PersonName {
    /// The address of her page.
    pub fn home(&self) -> String {
        let list = if self.role == Role::Agent { "/admin/agents" } else { "/admin/customers" };
        format!("{list}/{}", self.id)
    }
}

/// The agent or customer with this number.
///
/// # Errors
/// When the database fails.
pub async fn person(conn: &mut PgConnection, id: UserId) -> sqlx::Result<Option<PersonName>> {
    sqlx::query_as!(
        PersonName,
        r#"SELECT u.id AS "id: UserId", u.username, u.role AS "role: Role",
                  coalesce(nullif(trim(a.first_name || ' ' || a.last_name), ''), u.username) AS "name!"
           FROM users u LEFT JOIN agents a ON a.user_id = u.id WHERE u.id = $1 AND u.role <> 'ADMIN'"#,
        id.0
    )
    .fetch_optional(conn)
    .await
}

/// A payment method, for the list of choices.
#[derive(Clone, Debug)]
pub struct MethodName {
    pub id: i64,
    pub alias: String,
}

/// All methods, also those no longer in use.
///
/// # Errors
/// When the database fails.
pub async fn methods(conn: &mut PgConnection) -> sqlx::Result<Vec<MethodName>> {
    sqlx::query_as!(MethodName, "SELECT id, alias FROM payment_methods ORDER BY alias, id")
        .fetch_all(conn)
        .await
}
