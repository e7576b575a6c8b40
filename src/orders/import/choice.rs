//! What the admin decides about an import: which accounts, to whom, that it be done, and that it be stopped.

use serde_json::json;
use sqlx::PgPool;

use super::{super::queries::containing, Stage, TAKE};
use crate::{
    audit::Actor,
    calendar::Time,
    ids::{ImportId, UserId},
    jobs::{self, NewJob},
    persian::{latin_digits, normalize},
};

/// Which accounts, and to whom.
#[derive(Clone, Debug)]
pub struct Choice {
    /// A name with `*` for whatever may stand there; empty for all.
    pub pattern: String,
    /// Of the server's administrators; empty is nobody, `None` is all.
    pub keeper: Option<String>,
    /// A part of the note; empty for all.
    pub note: String,
    /// An active agent, or the admin herself.
    pub owner: UserId,
    /// The old note becomes the order's, where its owner sees it.
    pub keeps_notes: bool,
    /// Also those that bear the number of an order which is not there: sold before a backup was restored.
    pub takes_lost: bool,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    #[error("no such import")]
    NotFound,
    /// It is not, or no longer, to be chosen from.
    #[error("the import has gone on")]
    TooLate,
    /// Neither an active agent nor the admin who asks.
    #[error("orders can't be given there")]
    BadOwner,
    /// The choice is another one than was shown.
    #[error("the choice was changed meanwhile")]
    Changed,
    #[error("none of the accounts would be brought in")]
    Nothing,
    #[error("no plan is on offer")]
    NoPlan,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Stores a choice, for the dry run.
///
/// # Errors
/// See [`ChoiceError`].
pub async fn choose(db: &PgPool, id: ImportId, choice: &Choice, by: Actor) -> Result<(), ChoiceError> {
    let mut tx = db.begin().await?;
    check_owner(&mut tx, choice.owner, by).await?;
    let stored = sqlx::query!(
        "UPDATE order_imports SET choice = choice + 1, pattern = $2, name_like = $3, keeper = $4, note_typed = $5,
             note_like = $6, owner_id = $7, keeps_notes = $8, takes_lost = $9
         WHERE id = $1 AND status = 'READ'",
        id.0,
        choice.pattern,
        name_like(&choice.pattern),
        choice.keeper,
        choice.note,
        containing(&latin_digits(&normalize(&choice.note)).to_lowercase()),
        choice.owner.0,
        choice.keeps_notes,
        choice.takes_lost
    )
    .execute(&mut *tx)
    .await?;
    if stored.rows_affected() == 0 {
        return Err(missing(&mut tx, id).await?);
    }
    tx.commit().await?;
    Ok(())
}

async fn check_owner(conn: &mut sqlx::PgConnection, owner: UserId, by: Actor) -> Result<(), ChoiceError> {
    let role =
        sqlx::query_scalar!("SELECT role FROM users WHERE id = $1 AND status = 'ACTIVE' FOR SHARE", owner.0)
            .fetch_optional(conn)
            .await?;
    if role.as_deref() == Some("AGENT") || owner == by.user { Ok(()) } else { Err(ChoiceError::BadOwner) }
}

async fn missing(conn: &mut sqlx::PgConnection, id: ImportId) -> sqlx::Result<ChoiceError> {
    let known = sqlx::query_scalar!("SELECT id FROM order_imports WHERE id = $1", id.0);
    let known = known.fetch_optional(conn).await?.is_some();
    Ok(if known { ChoiceError::TooLate } else { ChoiceError::NotFound })
}

/// The pattern of LIKE for a name as it is typed: `*` stands for anything, capitals don't matter, nothing is everything.
fn name_like(typed: &str) -> String {
    let typed = latin_digits(typed.trim()).to_lowercase();
    if typed.is_empty() {
        return "%".to_owned();
    }
    typed.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_").replace('*', "%")
}

/// Confirms the choice that was shown: what becomes of each account is written down, and the job that brings them in is
/// stored. Confirmed again, nothing changes.
///
/// # Errors
/// See [`ChoiceError`].
pub async fn confirm(
    db: &PgPool,
    id: ImportId,
    choice_seen: i32,
    by: Actor,
    now: Time,
) -> Result<(), ChoiceError> {
    let mut tx = db.begin().await?;
    let import = sqlx::query!(
        r#"SELECT status AS "stage: Stage", choice, owner_id AS "owner: UserId" FROM order_imports WHERE id = $1
           FOR UPDATE"#,
        id.0
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(ChoiceError::NotFound)?;
    let owner = match (import.stage, import.owner) {
        (Stage::Read, Some(owner)) if import.choice == choice_seen => owner,
        (Stage::Running | Stage::Done, _) if import.choice == choice_seen => return Ok(()),
        (Stage::Read, _) => return Err(ChoiceError::Changed),
        _ => return Err(ChoiceError::TooLate),
    };
    check_owner(&mut tx, owner, by).await?;
    let has_plan = sqlx::query_scalar!(r#"SELECT nearest_plan(NULL, 0) IS NOT NULL AS "has!""#);
    if !has_plan.fetch_one(&mut *tx).await? {
        return Err(ChoiceError::NoPlan);
    }
    sqlx::query!(
        "UPDATE order_import_items i SET outcome = v.verdict FROM order_import_verdicts v
         WHERE i.import_id = $1 AND i.outcome IS NULL AND v.import_id = $1 AND v.place = i.place AND v.verdict <> 'TAKE'",
        id.0
    )
    .execute(&mut *tx)
    .await?;
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM order_import_items WHERE import_id = $1 AND outcome IS NULL"#,
        id.0
    )
    .fetch_one(&mut *tx)
    .await?;
    if count == 0 {
        return Err(ChoiceError::Nothing);
    }
    sqlx::query!(
        "UPDATE order_imports SET status = 'RUNNING', started_at = $2, confirmed_by = $3 WHERE id = $1",
        id.0,
        now,
        by.user.0
    )
    .execute(&mut *tx)
    .await?;
    let job = NewJob {
        kind: TAKE,
        payload: json!({ "import": id }),
        unique_key: Some(format!("import:{id}")),
        run_at: now,
    };
    jobs::enqueue(&mut tx, &job, now).await?;
    let name = sqlx::query_scalar!("SELECT username FROM users WHERE id = $1", owner.0);
    let detail = json!({ "to": name.fetch_one(&mut *tx).await?, "accounts": count });
    by.record(&mut tx, "order.import_all", ("import", Some(id.0)), detail, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Ends an import where it is. What was brought in stays; the rest is left as it is. An account under way may have a
/// note of ours: it stays open for the job, which gives it its old one back.
///
/// # Errors
/// When the database fails. Where it has ended already, nothing changes.
pub async fn stop(db: &PgPool, id: ImportId, by: Actor, now: Time) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    let stopped = sqlx::query!(
        "UPDATE order_imports SET status = 'STOPPED', finished_at = $2, trouble = NULL
         WHERE id = $1 AND status IN ('READING', 'READ', 'RUNNING')",
        id.0,
        now
    )
    .execute(&mut *tx)
    .await?;
    if stopped.rows_affected() == 0 {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE order_import_items SET outcome = 'STOPPED'
         WHERE import_id = $1 AND outcome IS NULL AND order_id IS NULL",
        id.0
    )
    .execute(&mut *tx)
    .await?;
    by.record(&mut tx, "order.stop_import", ("import", Some(id.0)), json!({}), now).await?;
    tx.commit().await?;
    Ok(())
}

/// Forgets what was read before `before`, notes and all: the orders that came of it stay, and so does what is known of an
/// account that may have a note of ours and no order. Returns how many imports went.
///
/// # Errors
/// When the database fails.
pub async fn forget(db: &PgPool, before: Time) -> sqlx::Result<u64> {
    let mut tx = db.begin().await?;
    sqlx::query!(
        "DELETE FROM order_import_items WHERE import_id IN (
             SELECT id FROM order_imports WHERE created_at < $1 AND status NOT IN ('READING', 'RUNNING'))
           AND (order_id IS NULL OR outcome = 'TAKEN')",
        before
    )
    .execute(&mut *tx)
    .await?;
    let gone = sqlx::query!(
        "DELETE FROM order_imports m WHERE created_at < $1 AND status NOT IN ('READING', 'RUNNING')
             AND NOT EXISTS (SELECT FROM order_import_items i WHERE i.import_id = m.id)",
        before
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(gone.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::name_like;

    #[test]
    fn a_star_stands_for_anything_and_nothing_else_does() {
        assert_eq!(name_like(""), "%");
        assert_eq!(name_like(" Ali* "), "ali%");
        assert_eq!(name_like("a_b%"), "a\\_b\\%");
        assert_eq!(name_like("*۱۲"), "%12");
    }
}
