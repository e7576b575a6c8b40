//! Reading all accounts of the server, a stretch at a time, so that it has time for others.
//!
//! Safe to repeat: what was read is stored with how far it reaches, and an account is stored once. Accounts that are
//! deleted meanwhile move the places behind them, so each stretch begins a little before the end of the one before; where
//! it shows nothing that is known, it is looked further back.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    super::jobs::{code, put_off},
    READ,
    places::{Places, look},
};
use crate::{
    audit::Actor,
    calendar::{Clock, Time},
    ids::ImportId,
    jobs::{self, Job, NewJob, Verdict},
    panel::{Cause, Server},
};

/// Accounts of one list: a quarter of a second of the server's time.
pub const STRETCH: usize = 50;
/// So many places are looked at again.
const OVERLAP: u64 = 5;
/// The server has at least this long for others between two lists.
const BREATH: Duration = Duration::from_millis(50);
/// After so many in a row that can't be shown it is the server that is ill.
const HIDDEN: u32 = 10;

/// Begins to read the server's accounts. The same form again, or a reading that is under way, gives that one.
///
/// # Errors
/// When the database fails.
pub async fn begin(db: &PgPool, by: Actor, request_id: Uuid, now: Time) -> sqlx::Result<ImportId> {
    let mut tx = db.begin().await?;
    // One at a time for each admin: pressing twice in two tabs reads once.
    sqlx::query!("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE", by.user.0)
        .fetch_one(&mut *tx)
        .await?;
    let before = sqlx::query_scalar!(
        r#"SELECT id AS "id: ImportId" FROM order_imports
           WHERE requested_by = $1 AND (request_id = $2 OR status = 'READING') ORDER BY id DESC LIMIT 1"#,
        by.user.0,
        request_id
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(id) = before {
        return Ok(id);
    }
    let id = sqlx::query_scalar!(
        r#"INSERT INTO order_imports (requested_by, request_id, created_at) VALUES ($1, $2, $3)
           RETURNING id AS "id: ImportId""#,
        by.user.0,
        request_id,
        now
    )
    .fetch_one(&mut *tx)
    .await?;
    let job = NewJob {
        kind: READ,
        payload: json!({ "import": id }),
        unique_key: Some(format!("import-read:{id}")),
        run_at: now,
    };
    jobs::enqueue(&mut tx, &job, now).await?;
    by.record(&mut tx, "order.read_server", ("import", Some(id.0)), json!({}), now).await?;
    tx.commit().await?;
    Ok(id)
}

/// Reads the server's accounts to their end.
pub async fn read(db: &PgPool, server: &Server, clock: &Clock, job: &Job) -> Verdict {
    let Some(id) = job.payload.get("import").and_then(serde_json::Value::as_i64).map(ImportId) else {
        return Verdict::Fail { error: "the job names no import".to_owned() };
    };
    match advance(db, server, clock, id).await {
        Ok(None) => Verdict::Done,
        Ok(Some(cause)) => put_off(job, format!("the server can't be read: {cause:?}")),
        Err(error) => put_off(job, error.to_string()),
    }
}

/// `Some` says why the server could not be read on.
async fn advance(db: &PgPool, server: &Server, clock: &Clock, id: ImportId) -> sqlx::Result<Option<Cause>> {
    let Some(mut end) = reached(db, id).await? else { return Ok(None) };
    // Also after a rest, in which places may have moved.
    let mut start = end.saturating_sub(OVERLAP);
    let mut hidden = 0;
    loop {
        let began = Instant::now();
        let places = match look(server, start, STRETCH).await {
            Ok(places) => places,
            Err(cause) => return trouble(db, id, cause).await,
        };
        hidden = if places.ends_hidden && places.count == 1 { hidden + 1 } else { 0 };
        if hidden >= HIDDEN {
            return trouble(db, id, Cause::Server5xx).await;
        }
        let covered = start + places.count;
        let is_last = !places.ends_hidden && places.total.is_some_and(|total| covered >= total);
        let is_joined = start >= end || start == 0;
        let Some(new) = store(db, id, &places, covered).await? else { return Ok(None) };
        if !is_joined && new == places.count && places.count > 0 {
            // Nothing known among them: more has moved than was looked at again.
            start = start.saturating_sub(STRETCH as u64);
        } else if places.total.is_some_and(|total| total < start) {
            // So many have gone that the list ends before this place.
            start = places.total.unwrap_or(0).saturating_sub(STRETCH as u64);
        } else if is_last {
            finish(db, id, clock.now()).await?;
            return Ok(None);
        } else {
            end = covered;
            // One that can't be shown would spoil the next list as well.
            start = if places.ends_hidden { covered } else { covered.saturating_sub(OVERLAP) };
        }
        tokio::time::sleep(began.elapsed().max(BREATH)).await;
    }
}

/// How far an import was read that is still being read.
async fn reached(db: &PgPool, id: ImportId) -> sqlx::Result<Option<u64>> {
    let read = sqlx::query_scalar!(
        "SELECT accounts_read FROM order_imports WHERE id = $1 AND status = 'READING'",
        id.0
    );
    Ok(read.fetch_optional(db).await?.map(|read| u64::try_from(read).unwrap_or(0)))
}

/// Stores what was read, and how far it reaches. Returns how many of them are new; `None` where nobody wants them any
/// more. What the server can't show has no name to know it by: it counts where nothing was read before.
async fn store(db: &PgPool, id: ImportId, places: &Places, covered: u64) -> sqlx::Result<Option<u64>> {
    let mut tx = db.begin().await?;
    let wanted = sqlx::query!(
        "UPDATE order_imports SET accounts_read = greatest(accounts_read, $2), trouble = NULL,
             accounts_total = coalesce($3, accounts_total), hidden = hidden + CASE WHEN $4 AND $2 > accounts_read THEN 1 ELSE 0 END
         WHERE id = $1 AND status = 'READING'",
        id.0,
        i64::try_from(covered).unwrap_or(i64::MAX),
        places.total.map(|total| i64::try_from(total).unwrap_or(i64::MAX)),
        places.ends_hidden
    )
    .execute(&mut *tx)
    .await?;
    if wanted.rows_affected() == 0 {
        return Ok(None);
    }
    let accounts = &places.accounts;
    let new = sqlx::query!(
        "INSERT INTO order_import_items (import_id, username, status, expire_at, on_hold_seconds, data_limit_bytes,
             keeper, note, created_at)
         SELECT $1, a.username, a.status, a.expire_at, a.on_hold_seconds, a.data_limit_bytes, a.keeper, a.note,
                a.created_at
         FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
                     $9::timestamptz[]) WITH ORDINALITY
              AS a (username, status, expire_at, on_hold_seconds, data_limit_bytes, keeper, note, created_at, nth)
         ORDER BY a.nth
         ON CONFLICT ON CONSTRAINT order_import_items_username_key DO NOTHING",
        id.0,
        &accounts.iter().map(|account| account.username.clone()).collect::<Vec<_>>(),
        &accounts.iter().map(|account| code(account.status).to_owned()).collect::<Vec<_>>(),
        &accounts.iter().map(|account| account.expire_at).collect::<Vec<_>>() as &[Option<Time>],
        &accounts.iter().map(|account| account.on_hold_seconds).collect::<Vec<_>>() as &[Option<i64>],
        &accounts.iter().map(|account| account.data_limit_bytes).collect::<Vec<_>>() as &[Option<i64>],
        &accounts.iter().map(|account| account.keeper.clone()).collect::<Vec<_>>() as &[Option<String>],
        &accounts.iter().map(|account| account.note.clone().unwrap_or_default()).collect::<Vec<_>>(),
        &accounts.iter().map(|account| account.created_at).collect::<Vec<_>>()
    )
    .execute(&mut *tx)
    .await?;
    let odd = sqlx::query!(
        "INSERT INTO order_import_items (import_id, username, outcome)
         SELECT $1, name, 'UNREADABLE' FROM unnest($2::text[]) AS name
         ON CONFLICT ON CONSTRAINT order_import_items_username_key DO NOTHING",
        id.0,
        &places.unreadable
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Some(new.rows_affected() + odd.rows_affected() + u64::from(places.ends_hidden)))
}

/// Writes down why the reading waits, for the page.
async fn trouble(db: &PgPool, id: ImportId, cause: Cause) -> sqlx::Result<Option<Cause>> {
    sqlx::query!("UPDATE order_imports SET trouble = $2 WHERE id = $1", id.0, format!("{cause:?}"))
        .execute(db)
        .await?;
    Ok(Some(cause))
}

/// What the panel itself has made stands among them too; the admin chooses from the others.
async fn finish(db: &PgPool, id: ImportId, now: Time) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE order_imports SET status = CASE WHEN accounts_read = 0 THEN 'STOPPED' ELSE 'READ' END,
             finished_at = CASE WHEN accounts_read = 0 THEN $2::timestamptz END
         WHERE id = $1 AND status = 'READING'",
        id.0,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}
