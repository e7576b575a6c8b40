//! Reads for the pages about signing in and about one's own account.

use sqlx::{PgConnection, PgPool};

use crate::{calendar::Time, ids::UserId};

/// A person's second factor, while it is on.
#[derive(Clone, Copy, Debug)]
pub struct TwoFactorState {
    pub since: Time,
    /// Recovery codes that were not used.
    pub codes_left: i64,
}

/// How a person's second factor stands; `None` while it is off.
///
/// # Errors
/// When the database fails.
pub async fn two_factor(db: &PgPool, user: UserId) -> sqlx::Result<Option<TwoFactorState>> {
    sqlx::query_as!(
        TwoFactorState,
        r#"SELECT f.created_at AS since,
                  (SELECT count(*) FROM recovery_codes c WHERE c.user_id = f.user_id) AS "codes_left!"
           FROM two_factors f WHERE f.user_id = $1"#,
        user.0
    )
    .fetch_optional(db)
    .await
}

/// Whether strangers may register: the owner's switch.
///
/// # Errors
/// When the database fails.
pub async fn is_registration_open(db: &PgPool) -> sqlx::Result<bool> {
    sqlx::query_scalar!("SELECT registration_open FROM settings").fetch_one(db).await
}

/// Whether the panel knows any admin, also one who is disabled.
///
/// # Errors
/// When the database fails.
pub async fn is_there_an_admin(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users WHERE role = 'ADMIN') AS "known!""#)
        .fetch_one(conn)
        .await
}
