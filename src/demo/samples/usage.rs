//! Traffic of the sample accounts, and one that somebody switched off by hand.

use sqlx::PgPool;

use crate::{
    calendar::Time,
    demo::simulator::{Simulator, user::Status},
};

/// Found switched off on the server, though nobody did so here.
const SWITCHED_OFF: &str = "shop_cam";
/// So many days of usage at the most.
const DAYS: i64 = 14;

/// Lets the accounts be used over the last days, once.
///
/// # Errors
/// When the database fails.
pub async fn use_accounts(db: &PgPool, simulator: &Simulator, now: Time) -> sqlx::Result<()> {
    let accounts = sqlx::query!(
        "SELECT m.order_id, m.username, o.created_at, m.data_limit_bytes
         FROM marzban_users m JOIN orders o ON o.id = m.order_id
         WHERE NOT EXISTS (SELECT FROM usage_samples) AND on_hold_seconds IS NULL
           AND (m.expire_at IS NULL OR m.expire_at > $1)
         ORDER BY m.order_id",
        now
    )
    .fetch_all(db)
    .await?;
    if accounts.is_empty() {
        return Ok(());
    }
    for account in accounts {
        let days = (now - account.created_at).whole_days().min(DAYS);
        let a_day = account.data_limit_bytes.unwrap_or(40 << 30) / 40;
        let mut used = 0;
        for day in (0..=days).rev() {
            // Uneven, but the same in each demo.
            used += a_day * ((account.order_id * 7 + day * 5) % 11) / 10;
            sqlx::query!(
                "INSERT INTO usage_samples (order_id, at, lifetime_bytes) VALUES ($1, date_trunc('hour', $2::timestamptz), $3)",
                account.order_id,
                now - time::Duration::days(day),
                used
            )
            .execute(db)
            .await?;
        }
        simulator.traffic(&account.username, used);
        sqlx::query!(
            "UPDATE marzban_users SET data_used_bytes = $2, lifetime_used_bytes = $2, online_at = $3 WHERE order_id = $1",
            account.order_id,
            used,
            now
        )
        .execute(db)
        .await?;
    }
    simulator.mutate(SWITCHED_OFF, |user| user.status = Status::Disabled);
    Ok(())
}
