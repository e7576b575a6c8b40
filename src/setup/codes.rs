//! The codes. Each start makes one of its own, for nobody can say again what is kept as a digest; those of earlier
//! starts and of other instances stay good beside it.

use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};

use crate::{
    accounts,
    calendar::Time,
    persian::{latin_digits, normalize},
};

/// So many of the newest codes are good: a panel that starts again and again must not fill the table.
const KEPT: i64 = 100;

/// A new code, or `None` where there is an admin already.
///
/// # Errors
/// When the database fails.
pub async fn new_code(db: &PgPool, now: Time) -> sqlx::Result<Option<String>> {
    let mut tx = db.begin().await?;
    lock(&mut tx).await?;
    if accounts::is_there_an_admin(&mut tx).await? {
        return Ok(None);
    }
    // Twelve letters and digits that nobody takes for one another: 59 bits.
    let code = accounts::one_time_password();
    sqlx::query!("INSERT INTO setup_codes (digest, created_at) VALUES ($1, $2)", &digest(&code), now)
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        "DELETE FROM setup_codes
         WHERE digest NOT IN (SELECT digest FROM setup_codes ORDER BY created_at DESC, digest LIMIT $1)",
        KEPT
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Some(code))
}

/// Tells whoever starts the panel how the first admin is made, where there is none. `base` is the panel's address. On
/// standard output and not in the log, which is kept and copied.
///
/// # Errors
/// When the database fails.
pub async fn announce(db: &PgPool, base: &str, now: Time) -> sqlx::Result<()> {
    let Some(code) = new_code(db, now).await? else { return Ok(()) };
    tracing::warn!("there is no admin yet: the setup code stands on standard output");
    println!("There is no admin yet. Open {base}/setup and give this code: {code}");
    Ok(())
}

/// Whether the code is one of those.
pub(super) async fn is_good(conn: &mut PgConnection, typed: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM setup_codes WHERE digest = $1) AS "good!""#,
        &digest(typed)
    )
    .fetch_one(conn)
    .await
}

/// Makes the transactions that end with the first admin wait for each other; the trigger on `users` does the same.
pub(super) async fn lock(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('the first admin', 0))")
        .execute(conn)
        .await?;
    Ok(())
}

/// The digest of a code as it may be typed: with or without its strokes, in capitals, in Persian digits.
fn digest(code: &str) -> Vec<u8> {
    let plain: String = latin_digits(&normalize(code))
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    Sha256::digest(plain).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_however_it_is_typed() {
        let code = digest("ab2c-d3ef-gh45");
        for typed in
            ["AB2C-D3EF-GH45", " ab2cd3efgh45 ", "ab2c d3ef gh45", "ab۲c-d۳ef-gh۴۵", "ab2c–d3ef–gh45"]
        {
            assert_eq!(digest(typed), code, "{typed}");
        }
        assert_ne!(digest("ab2c-d3ef-gh44"), code);
    }
}
