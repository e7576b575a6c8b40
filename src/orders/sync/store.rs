//! Accounts as they are stored, and the news of them written down.

use std::collections::HashMap;

use sqlx::{PgConnection, PgExecutor, PgPool};

use super::{
    super::{
        Status,
        drift::{self, Drift, News},
        history::{self, Step},
        jobs::code,
    },
    Swept,
};
use crate::{calendar::Time, ids::OrderId, panel::Account};

/// News older than this is asked for by the schedule: with a run every five minutes each account is read about every half hour.
const STALE: time::Duration = time::Duration::minutes(25);
/// So long after its end an account is asked about once a day only.
const ENDED: time::Duration = time::Duration::days(7);
const DAILY: time::Duration = time::Duration::days(1);

/// An account as it is stored.
#[derive(Clone, Debug)]
pub(in crate::orders) struct Known {
    pub order: OrderId,
    pub username: String,
    pub status: Status,
    pub expire_at: Option<Time>,
    pub on_hold_seconds: Option<i64>,
    pub data_limit_bytes: Option<i64>,
    pub lifetime_used_bytes: i64,
    pub subscription_url: String,
    pub keys: Option<String>,
    pub drift: Vec<Drift>,
    pub ours_expire_at: Option<Time>,
    pub ours_data_limit_bytes: Option<i64>,
    /// What was written since is newer than what is about to be asked.
    pub last_synced_at: Time,
}

/// The accounts that are due and that nobody is changing, those first that were asked about longest ago; or this one, due or not.
pub(super) async fn known(
    db: &PgPool,
    one: Option<OrderId>,
    limit: usize,
    now: Time,
) -> sqlx::Result<Vec<Known>> {
    let rows = sqlx::query!(
        r#"SELECT m.order_id AS "order: OrderId", m.username, o.status AS "status: Status", m.expire_at,
                  m.on_hold_seconds, m.data_limit_bytes, m.lifetime_used_bytes, m.subscription_url, m.keys, m.drift,
                  m.ours_expire_at, m.ours_data_limit_bytes, m.last_synced_at
           FROM marzban_users m JOIN orders o ON o.id = m.order_id
           WHERE o.status IN ('ACTIVE', 'DISABLED')
             AND NOT EXISTS (SELECT FROM order_changes c WHERE c.order_id = o.id AND c.status = 'WAITING')
             AND CASE WHEN $5::bigint IS NOT NULL THEN m.order_id = $5 ELSE
                 m.last_synced_at < $1 AND (m.asked_at IS NULL OR m.asked_at < $1)
                 AND (m.expire_at IS NULL OR m.expire_at > $2 OR m.asked_at IS NULL OR m.asked_at < $3) END
           ORDER BY m.asked_at NULLS FIRST, m.order_id LIMIT $4"#,
        now - STALE,
        now - ENDED,
        now - DAILY,
        i64::try_from(limit).unwrap_or(i64::MAX),
        one.map(|order| order.0)
    )
    .fetch_all(db)
    .await?;
    let known = rows.into_iter().map(|row| Known {
        order: row.order,
        username: row.username,
        status: row.status,
        expire_at: row.expire_at,
        on_hold_seconds: row.on_hold_seconds,
        data_limit_bytes: row.data_limit_bytes,
        lifetime_used_bytes: row.lifetime_used_bytes,
        subscription_url: row.subscription_url,
        keys: row.keys,
        drift: Drift::from_codes(&row.drift),
        ours_expire_at: row.ours_expire_at,
        ours_data_limit_bytes: row.ours_data_limit_bytes,
        last_synced_at: row.last_synced_at,
    });
    Ok(known.collect())
}

/// Writes down how the panel itself has just set an account: both agree. A look that began before counts no more, whatever
/// the clocks say.
pub(in crate::orders) async fn write_down(
    db: impl PgExecutor<'_>,
    order: OrderId,
    account: &Account,
    now: Time,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE marzban_users SET expire_at = $2, on_hold_seconds = $3, data_limit_bytes = $4, data_used_bytes = $5,
             lifetime_used_bytes = $6, status = $7, online_at = $8,
             last_synced_at = greatest(last_synced_at + interval '1 microsecond', $9),
             subscription_url = CASE WHEN keys <> $10 THEN $11 ELSE subscription_url END, keys = $10,
             drift = '{}', drift_since = NULL, missing_since = NULL, ours_expire_at = NULL,
             ours_data_limit_bytes = NULL
         WHERE order_id = $1",
        order.0,
        account.expire_at,
        account.on_hold_seconds,
        account.data_limit_bytes,
        account.data_used_bytes,
        account.lifetime_used_bytes,
        code(account.status),
        account.online_at,
        now,
        account.keys,
        account.subscription_url
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes down what the panel has just done with an account without setting its end or volume: where somebody changed
/// those on the server, that goes on to be told of.
pub(in crate::orders) async fn write_down_state(
    db: impl PgExecutor<'_>,
    order: OrderId,
    account: &Account,
    now: Time,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE marzban_users SET data_used_bytes = $2, lifetime_used_bytes = $3, status = $4, online_at = $5,
             last_synced_at = greatest(last_synced_at + interval '1 microsecond', $6), subscription_url = CASE WHEN keys <> $7 THEN $8 ELSE subscription_url END,
             keys = $7, drift = ARRAY(SELECT unnest(drift) INTERSECT SELECT unnest(ARRAY['EXPIRY', 'VOLUME'])),
             drift_since = CASE WHEN drift && ARRAY['EXPIRY', 'VOLUME'] THEN drift_since END, missing_since = NULL
         WHERE order_id = $1",
        order.0,
        account.data_used_bytes,
        account.lifetime_used_bytes,
        code(account.status),
        account.online_at,
        now,
        account.keys,
        account.subscription_url
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes down a page of news. The history first: it locks orders, as whoever changes one does before its account.
pub(super) async fn write(
    db: &PgPool,
    page: &[Known],
    news: &HashMap<OrderId, News>,
    asked_at: Time,
    swept: &mut Swept,
) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    let step = |known: &Known| match news.get(&known.order) {
        Some(News::Read(account)) if account.lifetime_used_bytes != known.lifetime_used_bytes => Some(Step {
            order: known.order,
            bytes: account.lifetime_used_bytes,
            before: known.lifetime_used_bytes,
            known_at: known.last_synced_at,
        }),
        _ => None,
    };
    let steps: Vec<Step> = page.iter().filter_map(step).collect();
    history::add(&mut tx, &steps, asked_at).await?;
    for known in page {
        let Some(found) = news.get(&known.order) else {
            continue;
        };
        if record(&mut tx, known, found, asked_at).await? {
            swept.drifted += 1;
        }
        match found {
            News::Read(_) => swept.read += 1,
            News::Unreadable => swept.unread += 1,
            News::Foreign | News::Missing => {}
        }
    }
    tx.commit().await
}

/// Writes down the news of one account, unless there is newer. Returns whether both disagree.
async fn record(conn: &mut PgConnection, known: &Known, news: &News, asked_at: Time) -> sqlx::Result<bool> {
    let verdict = drift::judge(known, news, asked_at);
    if verdict.kinds.iter().any(|kind| !known.drift.contains(kind)) {
        tracing::warn!(order = %known.order, username = known.username, drift = ?verdict.kinds,
            "the server says something else about an account");
    }
    let kinds: Vec<String> = verdict.kinds.iter().map(|kind| kind.code().to_owned()).collect();
    let is_missing = verdict.kinds.contains(&Drift::Missing);
    sqlx::query!(
        "UPDATE marzban_users SET asked_at = $3, drift = $4, ours_expire_at = $5, ours_data_limit_bytes = $6,
             drift_since = CASE WHEN $4 = '{}'::text[] THEN NULL ELSE coalesce(drift_since, $3) END,
             missing_since = CASE WHEN $7 THEN coalesce(missing_since, $3) END
         WHERE order_id = $1 AND last_synced_at = $2",
        known.order.0,
        known.last_synced_at,
        asked_at,
        &kinds,
        verdict.ours_expire_at,
        verdict.ours_data_limit_bytes,
        is_missing
    )
    .execute(&mut *conn)
    .await?;
    if let News::Read(account) = news {
        sqlx::query!(
            "UPDATE marzban_users SET expire_at = $3, on_hold_seconds = $4, data_limit_bytes = $5,
                 data_used_bytes = $6, lifetime_used_bytes = $7, status = $8, online_at = $9, keys = $10,
                 subscription_url = $11, last_synced_at = $12
             WHERE order_id = $1 AND last_synced_at = $2",
            known.order.0,
            known.last_synced_at,
            account.expire_at,
            account.on_hold_seconds,
            account.data_limit_bytes,
            account.data_used_bytes,
            account.lifetime_used_bytes,
            code(account.status),
            account.online_at,
            account.keys,
            drift::link(known, account),
            asked_at
        )
        .execute(conn)
        .await?;
    }
    Ok(!kinds.is_empty())
}
