//! Pages that fail more often than they should. Each instance counts its own answers, and whoever finds too many
//! failures writes down when: the first of them tells the admins, and the last one's silence ends it.

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use time::Duration;

use super::{Kind, Notice, Recipients, Subject, raise};
use crate::calendar::Time;

/// Fewer failures are bad luck,
const FAILED: u32 = 20;
/// and so are those which are fewer than this share of all requests, in percent.
const PERCENT: u32 = 5;
/// When nobody finds too many failures for so long, they are over. What is counted is older already.
const SILENCE: Duration = Duration::minutes(5);

/// How one instance answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    pub all: u32,
    /// By our own fault.
    pub failed: u32,
    /// Counted over so long.
    pub minutes: i64,
}

impl Answered {
    fn fails_too_often(self) -> bool {
        self.failed >= FAILED && u64::from(self.failed) * 100 >= u64::from(self.all) * u64::from(PERCENT)
    }
}

/// Tells the admins when this instance fails too often and none has said so yet. Returns whether it did.
///
/// # Errors
/// When the database fails; the next look may tell it, as what was counted is still there.
pub async fn tell(db: &PgPool, answered: Answered, now: Time) -> sqlx::Result<bool> {
    if !answered.fails_too_often() {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    let before = sqlx::query_scalar!("SELECT errors_since FROM notice_settings FOR UPDATE");
    let is_news = before.fetch_one(&mut *tx).await?.is_none();
    sqlx::query!(
        "UPDATE notice_settings SET errors_since = coalesce(errors_since, $1), errors_seen_at = $1",
        now
    )
    .execute(&mut *tx)
    .await?;
    if is_news {
        let data = json!({ "count": answered.failed, "minutes": answered.minutes });
        raise(&mut tx, admins(Kind::ErrorRate, data), now).await?;
    }
    tx.commit().await?;
    Ok(is_news)
}

/// That it is over, once, in the caller's transaction.
pub(super) async fn over(conn: &mut PgConnection, now: Time) -> sqlx::Result<Option<Notice>> {
    let since = sqlx::query_scalar!(
        r#"WITH ended AS (
               SELECT errors_since AS since FROM notice_settings WHERE errors_seen_at <= $1 FOR UPDATE
           ), cleared AS (
               UPDATE notice_settings SET errors_since = NULL, errors_seen_at = NULL FROM ended
           )
           SELECT since AS "since!" FROM ended"#,
        now - SILENCE
    )
    .fetch_optional(conn)
    .await?;
    let minutes = |since: Time| (now - SILENCE - since).whole_minutes().max(1);
    Ok(since.map(|since| admins(Kind::ErrorsOver, json!({ "minutes": minutes(since) }))))
}

fn admins(kind: Kind, data: serde_json::Value) -> Notice {
    Notice { to: Recipients::Admins, kind, subject: Subject::Nothing, data, key: None }
}
