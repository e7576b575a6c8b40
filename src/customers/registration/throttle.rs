//! Nobody registers by the hundred: so many attempts in an hour from one address, and so many altogether. Whole
//! mobile networks share an address, so that it is not as few as for wrong passwords.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use sqlx::PgPool;

use crate::calendar::Time;

/// Attempts from one address in [`WINDOW`].
const FROM_ADDRESS: i64 = 10;
/// Attempts of all strangers in [`WINDOW`].
const ALTOGETHER: i64 = 200;
const WINDOW: Duration = Duration::from_secs(3600);

/// Counts an attempt; `Some` is how long to wait where there were too many, and then it is not counted.
pub async fn knock(db: &PgPool, address: IpAddr, now: Time) -> sqlx::Result<Option<Duration>> {
    let address = household(address).to_string();
    let mut tx = db.begin().await?;
    // One after the other, so that many at once can't slip through.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('registration', 0))")
        .execute(&mut *tx)
        .await?;
    let decisive = sqlx::query_scalar!(
        r#"SELECT max(attempted_at) FROM (
               SELECT min(attempted_at) AS attempted_at FROM (
                   SELECT attempted_at FROM registration_attempts
                   WHERE address = ($1::text)::inet AND attempted_at > $2 ORDER BY attempted_at DESC LIMIT $3
               ) by_address HAVING count(*) = $3
               UNION ALL
               SELECT min(attempted_at) FROM (
                   SELECT attempted_at FROM registration_attempts
                   WHERE attempted_at > $2 ORDER BY attempted_at DESC LIMIT $4
               ) altogether HAVING count(*) = $4
           ) oldest"#,
        address,
        now - WINDOW,
        FROM_ADDRESS,
        ALTOGETHER
    )
    .fetch_one(&mut *tx)
    .await?;
    if let Some(oldest) = decisive {
        return Ok(Some(((oldest + WINDOW) - now).try_into().unwrap_or(WINDOW)));
    }
    sqlx::query!(
        "INSERT INTO registration_attempts (address, attempted_at) VALUES (($1::text)::inet, $2)",
        address,
        now
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(None)
}

/// An IPv6 customer has 2^64 addresses of her own, which count as one.
fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// Forgets the attempts that no longer count.
///
/// # Errors
/// When the database fails.
pub async fn forget(db: &PgPool, now: Time) -> sqlx::Result<u64> {
    Ok(sqlx::query!("DELETE FROM registration_attempts WHERE attempted_at < $1", now - 2 * WINDOW)
        .execute(db)
        .await?
        .rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_one_household_count_together() {
        let household = |text: &str| household(text.parse().unwrap()).to_string();
        assert_eq!(household("2001:db8:1:2:3:4:5:6"), household("2001:db8:1:2::9"));
        assert_ne!(household("2001:db8:1:2::1"), household("2001:db8:1:3::1"));
        assert_ne!(household("192.0.2.1"), household("192.0.2.2"));
    }
}
