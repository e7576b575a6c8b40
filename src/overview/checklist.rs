//! What a new shop still lacks.

use sqlx::PgConnection;

/// What is there already.
#[derive(Clone, Copy, Debug)]
pub struct FirstSteps {
    /// The owner has put the list away.
    pub is_hidden: bool,
    /// The server has made one at least: it has been reached.
    pub has_account: bool,
    /// One is on offer.
    pub has_plan: bool,
    /// One is in use.
    pub has_method: bool,
    /// One is whole and did not fail its rehearsal.
    pub has_backup: bool,
    /// Telegram or e-mail.
    pub has_channel: bool,
}

/// Reads it.
///
/// # Errors
/// When the database fails.
pub async fn first_steps(conn: &mut PgConnection) -> sqlx::Result<FirstSteps> {
    sqlx::query_as!(
        FirstSteps,
        r#"SELECT s.checklist_hidden AS is_hidden,
                  EXISTS (SELECT FROM marzban_users) AS "has_account!",
                  EXISTS (SELECT FROM plans WHERE status = 'ACTIVE') AS "has_plan!",
                  EXISTS (SELECT FROM payment_methods WHERE status = 'ACTIVE') AS "has_method!",
                  EXISTS (SELECT FROM backups WHERE outcome = 'DONE' AND drill_outcome IS DISTINCT FROM 'FAILED')
                      AS "has_backup!",
                  EXISTS (SELECT FROM notice_settings WHERE telegram_token IS NOT NULL OR smtp_host IS NOT NULL)
                      AS "has_channel!"
           FROM settings s"#
    )
    .fetch_one(conn)
    .await
}
