//! Bringing the confirmed accounts in, one after the other.
//!
//! Safe to repeat, and to be cut off anywhere: the order's number is set aside first, then the server is given the note
//! with it, then the order is stored. Where it can't be, also because the import was stopped meanwhile, the account gets
//! its old note back. Two runs of one import, or two imports, never work against each other: an account under way has one
//! number.

use std::time::{Duration, Instant};

use sqlx::PgPool;

use super::{
    super::jobs::put_off,
    Verdict as Fate, is_of_a_panel,
    settle::{self, Hindrance, Item, Settled},
};
use crate::{
    calendar::Clock,
    ids::{ImportId, OrderId},
    jobs::{Job, Verdict},
    panel::{Cause, Noted, Outcome, Refusal, Server, note_of},
};

/// Accounts that are looked up together.
const PORTION: i64 = 100;
/// So often an account is tried that the server, being well, can't change.
const TRIES: i32 = 3;
/// Accounts that another import works on, or that failed, are tried again after this.
const LATER: Duration = Duration::from_secs(5);

/// What came of one account.
enum Came {
    Settled,
    Later,
    /// The server can't be asked.
    Away(Cause),
}

/// Brings in what is left of an import; of one that was stopped, sets right what was begun.
pub async fn take(db: &PgPool, server: &Server, clock: &Clock, job: &Job) -> Verdict {
    let Some(id) = job.payload.get("import").and_then(serde_json::Value::as_i64).map(ImportId) else {
        return Verdict::Fail { error: "the job names no import".to_owned() };
    };
    match advance(db, server, clock, id).await {
        Ok(Ended::Whole) => Verdict::Done,
        Ok(Ended::SomeLater) => {
            Verdict::Retry { after: LATER, error: "some accounts are to be tried again".to_owned() }
        }
        Ok(Ended::Away(cause)) => put_off(job, format!("the server is away: {cause:?}")),
        Err(error) => put_off(job, error.to_string()),
    }
}

/// How a run ended.
enum Ended {
    Whole,
    SomeLater,
    Away(Cause),
}

async fn advance(db: &PgPool, server: &Server, clock: &Clock, id: ImportId) -> sqlx::Result<Ended> {
    let mut after = 0;
    let mut some_later = false;
    loop {
        let items = settle::left(db, id, after, PORTION).await?;
        let Some(last) = items.last() else { break };
        after = last.place;
        for item in items {
            let began = Instant::now();
            match one(db, server, clock, item).await? {
                Came::Settled => {}
                Came::Later => some_later = true,
                Came::Away(cause) => {
                    let name = format!("{cause:?}");
                    sqlx::query!("UPDATE order_imports SET trouble = $2 WHERE id = $1", id.0, name)
                        .execute(db)
                        .await?;
                    return Ok(Ended::Away(cause));
                }
            }
            // The server has as long for others as it had for us.
            tokio::time::sleep(began.elapsed()).await;
        }
    }
    if some_later {
        return Ok(Ended::SomeLater);
    }
    sqlx::query!(
        "UPDATE order_imports SET status = 'DONE', finished_at = $2, trouble = NULL
         WHERE id = $1 AND status = 'RUNNING'
           AND NOT EXISTS (SELECT FROM order_import_items WHERE import_id = $1 AND outcome IS NULL)",
        id.0,
        clock.now()
    )
    .execute(db)
    .await?;
    Ok(Ended::Whole)
}

/// Sets a number aside, gives the server the note, stores the order.
async fn one(db: &PgPool, server: &Server, clock: &Clock, mut item: Item) -> sqlx::Result<Came> {
    let Some(order) = set_aside(db, &item).await? else { return not_now(db, server, &item).await };
    item.order = Some(order);
    let ours = note_of(order);
    loop {
        match server.set_note(&item.username, &item.note, &ours).await {
            Outcome::Done(Noted::Set(account)) => {
                let settled = settle::settle(db, &item, order, &account, clock.now()).await?;
                return after(db, server, &item, settled).await;
            }
            Outcome::Done(Noted::Other { note }) if is_of_a_panel(&note) => {
                return leave_out(db, &item, Fate::Foreign).await;
            }
            // Somebody wrote another note since it was read: that one is to be kept.
            Outcome::Done(Noted::Other { note }) => {
                settle::keep_note(db, &item, &note).await?;
                item.note = note;
            }
            Outcome::Refused(Refusal::NotFound) => return leave_out(db, &item, Fate::Gone).await,
            Outcome::Refused(_) => return leave_unsure(db, &item, Fate::Refused).await,
            Outcome::Unknown(cause) => return unknown(db, server, &item, cause, Fate::Unreadable).await,
        }
    }
}

/// An account that can't have a number now; one that had it before may have its note.
async fn not_now(db: &PgPool, server: &Server, item: &Item) -> sqlx::Result<Came> {
    match settle::hindrance(db, item).await? {
        Hindrance::Ended => Ok(Came::Settled),
        Hindrance::Owned => give_back(db, server, item, Fate::Owned).await,
        Hindrance::Stopped => give_back(db, server, item, Fate::Stopped).await,
        Hindrance::UnderWay => Ok(Came::Later),
    }
}

/// Where the order could not be stored, the server gets its old note back.
async fn after(db: &PgPool, server: &Server, item: &Item, settled: Settled) -> sqlx::Result<Came> {
    let fate = match settled {
        Settled::Taken | Settled::Before => return Ok(Came::Settled),
        Settled::Owned => Fate::Owned,
        Settled::NoPlan => Fate::NoPlan,
        Settled::Stopped => Fate::Stopped,
    };
    give_back(db, server, item, fate).await
}

/// Leaves an account out once it has its old note again. Until the server says so, it stays to be done.
async fn give_back(db: &PgPool, server: &Server, item: &Item, fate: Fate) -> sqlx::Result<Came> {
    let Some(order) = item.order else { return leave_out(db, item, fate).await };
    match server.set_note(&item.username, &note_of(order), &item.note).await {
        // Another note than ours is somebody's own.
        Outcome::Done(_) | Outcome::Refused(Refusal::NotFound) => leave_out(db, item, fate).await,
        Outcome::Refused(_) => leave_unsure(db, item, fate).await,
        Outcome::Unknown(cause) => unknown(db, server, item, cause, fate).await,
    }
}

/// The server does not say what came of a note: it is away, or can't change this account.
async fn unknown(db: &PgPool, server: &Server, item: &Item, cause: Cause, fate: Fate) -> sqlx::Result<Came> {
    let is_its_own = matches!(cause, Cause::Server5xx | Cause::BadAnswer);
    if !is_its_own || !server.health().await.reachable {
        return Ok(Came::Away(cause));
    }
    if settle::count_try(db, item).await? < TRIES {
        return Ok(Came::Later);
    }
    leave_unsure(db, item, fate).await
}

async fn leave_out(db: &PgPool, item: &Item, fate: Fate) -> sqlx::Result<Came> {
    settle::leave_out(db, item, fate, false).await?;
    Ok(Came::Settled)
}

/// Leaves an account out that the server won't change, and that may have our note.
async fn leave_unsure(db: &PgPool, item: &Item, fate: Fate) -> sqlx::Result<Came> {
    tracing::warn!(username = item.username, order = ?item.order, "an account may have a note that is no order's");
    settle::leave_out(db, item, fate, true).await?;
    Ok(Came::Settled)
}

/// The number that the account's order gets; `None` where it can't have one now.
async fn set_aside(db: &PgPool, item: &Item) -> sqlx::Result<Option<OrderId>> {
    match settle::set_aside(db, item).await {
        Err(error) if is_under_way(&error) => Ok(None),
        other => other,
    }
}

fn is_under_way(error: &sqlx::Error) -> bool {
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    constraint == Some("order_import_items_under_way_key")
}
