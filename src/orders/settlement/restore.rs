//! Setting the server to what an account is here: the job behind it.

use serde_json::Value;
use sqlx::PgPool;

use super::{
    super::{Status, drift::Drift, jobs::put_off, sync},
    Lasting,
};
use crate::{
    calendar::Clock,
    ids::OrderId,
    jobs::{Job, Verdict},
    panel::{Account, Attempt, NewAccount, Outcome, Refusal, Server, Terms},
};

/// What an account is to be on the server.
struct Ours {
    username: String,
    status: Status,
    kinds: Vec<Drift>,
    lasting: Lasting,
    data_limit_bytes: Option<i64>,
    data_used_bytes: i64,
}

impl Ours {
    /// Whether the end and the volume are set as well; otherwise only whether it is on.
    fn sets_terms(&self) -> bool {
        self.kinds.iter().any(|kind| matches!(kind, Drift::Missing | Drift::Expiry | Drift::Volume))
    }
}

/// Sets an account on the server to what it is here, or makes it again.
pub async fn restore(db: &PgPool, server: &Server, clock: &Clock, job: &Job) -> Verdict {
    let Some(order) = job.payload.get("order").and_then(Value::as_i64).map(OrderId) else {
        return Verdict::Fail { error: "the job names no order".to_owned() };
    };
    match advance(db, server, clock, order, job.attempts).await {
        Ok(verdict) => verdict.unwrap_or_else(|unknown| put_off(job, unknown)),
        Err(error) => put_off(job, error.to_string()),
    }
}

/// One attempt; the inner error says why nothing is known.
async fn advance(
    db: &PgPool,
    server: &Server,
    clock: &Clock,
    order: OrderId,
    attempts: i32,
) -> sqlx::Result<Result<Verdict, String>> {
    let Some(ours) = ours(db, order).await? else { return Ok(Ok(Verdict::Done)) };
    match ask(server, order, &ours, attempts).await {
        Outcome::Done(account) => {
            let mut tx = db.begin().await?;
            if ours.sets_terms() {
                sync::write_down(&mut *tx, order, &account, clock.now()).await?;
            } else {
                sync::write_down_state(&mut *tx, order, &account, clock.now()).await?;
            }
            if ours.kinds.contains(&Drift::Missing) {
                sqlx::query!(
                    "UPDATE marzban_users SET subscription_url = $2 WHERE order_id = $1",
                    order.0,
                    account.subscription_url
                )
                .execute(&mut *tx)
                .await?;
            }
            tx.commit().await?;
            Ok(Ok(Verdict::Done))
        }
        Outcome::Refused(refusal) => {
            Ok(Ok(Verdict::Fail { error: format!("the server refused: {refusal:?}") }))
        }
        Outcome::Unknown(cause) => Ok(Err(format!("unknown outcome: {cause:?}"))),
    }
}

async fn ask(server: &Server, order: OrderId, ours: &Ours, attempts: i32) -> Outcome<Account> {
    let name = ours.username.as_str();
    // One that is made again counts from zero, and gets what was left.
    let used = if ours.kinds.contains(&Drift::Missing) { ours.data_used_bytes } else { 0 };
    let data_limit_bytes = ours.data_limit_bytes.and_then(|bytes| u64::try_from((bytes - used).max(1)).ok());
    let enabled = ours.status == Status::Active;
    if ours.kinds.contains(&Drift::Missing)
        && let Some(validity) = ours.lasting.validity()
    {
        let new = NewAccount { username: name.to_owned(), validity, data_limit_bytes, order };
        let attempt = if attempts <= 1 { Attempt::First } else { Attempt::Again };
        return match server.create_account(&new, attempt).await {
            Outcome::Done(_) if !enabled => server.set_enabled(name, false).await,
            made => made,
        };
    }
    match server.account(name).await {
        Outcome::Done(Some(account)) if account.belongs_to(order) => {}
        Outcome::Done(Some(_)) => return Outcome::Refused(Refusal::UsernameTaken),
        Outcome::Done(None) => return Outcome::Refused(Refusal::NotFound),
        Outcome::Refused(refusal) => return Outcome::Refused(refusal),
        Outcome::Unknown(cause) => return Outcome::Unknown(cause),
    }
    match ours.lasting.end {
        Some(end) if ours.sets_terms() => {
            server.restore(name, &Terms { end, data_limit_bytes, enabled }).await
        }
        _ => server.set_enabled(name, enabled).await,
    }
}

async fn ours(db: &PgPool, order: OrderId) -> sqlx::Result<Option<Ours>> {
    let row = sqlx::query!(
        r#"SELECT m.username, o.status AS "status: Status", m.drift,
                  CASE WHEN 'EXPIRY' = ANY (m.drift) THEN m.ours_expire_at ELSE m.expire_at END AS "end",
                  CASE WHEN 'EXPIRY' = ANY (m.drift) THEN NULL ELSE m.on_hold_seconds END AS on_hold_seconds,
                  CASE WHEN 'VOLUME' = ANY (m.drift) THEN m.ours_data_limit_bytes ELSE m.data_limit_bytes END
                      AS data_limit_bytes, m.data_used_bytes
           FROM orders o JOIN marzban_users m ON m.order_id = o.id
           WHERE o.id = $1 AND o.status IN ('ACTIVE', 'DISABLED') AND m.drift_since IS NOT NULL
             AND NOT EXISTS (SELECT FROM order_changes c WHERE c.order_id = o.id AND c.status = 'WAITING')"#,
        order.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Ours {
        username: row.username,
        status: row.status,
        kinds: Drift::from_codes(&row.drift),
        lasting: Lasting { end: row.end, on_hold_seconds: row.on_hold_seconds },
        data_limit_bytes: row.data_limit_bytes,
        data_used_bytes: row.data_used_bytes,
    }))
}
