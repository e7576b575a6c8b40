//! Five failures in fifteen minutes, per user name or per address, close the door for a while. The count stands in
//! the database, so that neither a restart nor a second instance forgets it.

use std::{net::IpAddr, time::Duration};

use sqlx::{PgConnection, PgPool};

use crate::calendar::Time;

const FAILURES: i64 = 5;
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// Whether an attempt may be made.
#[derive(Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may, and counts as a failure until [`succeed`] says otherwise: so many at once can't slip through.
    Open(i64),
    Closed {
        wait: Duration,
    },
}

/// Asks for an attempt and notes it.
pub async fn begin(db: &PgPool, username: &str, address: IpAddr, now: Time) -> sqlx::Result<Gate> {
    let address = address.to_string();
    let mut tx = db.begin().await?;
    // In one order, so that two attempts never wait for each other.
    for key in [format!("sign-in address {address}"), format!("sign-in user {username}")] {
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", key).execute(&mut *tx).await?;
    }
    // The fifth newest failure decides: when it leaves the window, the door opens. A success forgives the
    // failures of its user name, but not those of the address, which may be trying other people's names.
    let decisive = sqlx::query_scalar!(
        r#"SELECT max(attempted_at) FROM (
               SELECT min(attempted_at) AS attempted_at FROM (
                   SELECT attempted_at FROM login_attempts
                   WHERE username = $1 AND NOT succeeded AND attempted_at > $3
                     AND attempted_at > coalesce((SELECT max(attempted_at) FROM login_attempts
                                                  WHERE username = $1 AND succeeded), '-infinity')
                   ORDER BY attempted_at DESC LIMIT $4
               ) by_username HAVING count(*) = $4
               UNION ALL
               SELECT min(attempted_at) FROM (
                   SELECT attempted_at FROM login_attempts
                   WHERE address = ($2::text)::inet AND NOT succeeded AND attempted_at > $3
                   ORDER BY attempted_at DESC LIMIT $4
               ) by_address HAVING count(*) = $4
           ) fifth"#,
        username,
        address,
        now - WINDOW,
        FAILURES
    )
    .fetch_one(&mut *tx)
    .await?;
    if let Some(fifth) = decisive {
        let wait = (fifth + WINDOW) - now;
        return Ok(Gate::Closed { wait: wait.try_into().unwrap_or(WINDOW) });
    }
    let attempt = sqlx::query_scalar!(
        "INSERT INTO login_attempts (username, address, attempted_at) VALUES (left($1, 64), ($2::text)::inet, $3)
         RETURNING id",
        username,
        address,
        now
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Gate::Open(attempt))
}

/// Notes that the attempt was a success.
pub async fn succeed(conn: &mut PgConnection, attempt: i64) -> sqlx::Result<()> {
    sqlx::query!("UPDATE login_attempts SET succeeded = true WHERE id = $1", attempt).execute(conn).await?;
    Ok(())
}

/// Takes an attempt back: it was neither a failure nor a success.
pub async fn withdraw(conn: &mut PgConnection, attempt: i64) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM login_attempts WHERE id = $1", attempt).execute(conn).await?;
    Ok(())
}

/// Forgives the failures of a user name.
pub async fn forgive(conn: &mut PgConnection, username: &str) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM login_attempts WHERE username = $1 AND NOT succeeded", username)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets the attempts that no longer count.
pub async fn forget(db: &PgPool, now: Time) -> sqlx::Result<u64> {
    Ok(sqlx::query!("DELETE FROM login_attempts WHERE attempted_at < $1", now - 2 * WINDOW)
        .execute(db)
        .await?
        .rows_affected())
}
