//! A change of all prices by a percentage: worked out for a preview, then made with the very figures that were seen.

use serde_json::json;
use sqlx::PgPool;

use super::{
    PRICES,
    queries::PlanRow,
    service::{keep_prices, lock, write_down},
};
use crate::{audit::Actor, calendar::Time, ids::PlanId, money::Toman};

/// Prices are round: whole thousands of Toman.
const STEP: i128 = 1000;

/// What one plan costs before and after, public and agents' price, Toman.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    pub plan: PlanId,
    pub before: (Toman, Toman),
    pub after: (Toman, Toman),
}

/// Why no price was changed.
#[derive(Debug, thiserror::Error)]
pub enum RepriceError {
    /// A price, or the list of plans, is no longer as the preview showed it.
    #[error("prices changed meanwhile")]
    ChangedMeanwhile,
    /// An agents' price would not be below its public one, or a price out of its range.
    #[error("a price would break a rule")]
    Unsound,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Figures {
    /// The prices of this plan after a change by `percent`.
    pub fn of(plan: &PlanRow, percent: i64) -> Self {
        let before = (plan.price_public, plan.price_agent);
        Self { plan: plan.id, before, after: (changed(before.0, percent), changed(before.1, percent)) }
    }

    /// Whether the new prices obey the rules of plans.
    pub fn is_sound(&self) -> bool {
        let (public, agent) = self.after;
        agent < public && PRICES.contains(&public.0) && PRICES.contains(&agent.0)
    }
}

/// `price` changed by `percent`, to the nearest thousand; never below a thousand.
fn changed(price: Toman, percent: i64) -> Toman {
    let hundredfold = i128::from(price.0) * (100 + i128::from(percent));
    let steps = (hundredfold + 50 * STEP).div_euclid(100 * STEP).max(1);
    Toman(i64::try_from(steps * STEP).unwrap_or(i64::MAX))
}

/// Makes the prices those of `figures`, which name every plan. Prices that are so already are left alone.
///
/// # Errors
/// [`RepriceError`]; no price was changed.
pub async fn reprice(db: &PgPool, by: Actor, figures: &[Figures], now: Time) -> Result<(), RepriceError> {
    if !figures.iter().all(Figures::is_sound) {
        return Err(RepriceError::Unsound);
    }
    let mut tx = db.begin().await?;
    lock(&mut tx).await?;
    let current = sqlx::query!(
        r#"SELECT id AS "id: PlanId", price_public AS "price_public: Toman", price_agent AS "price_agent: Toman"
           FROM plans ORDER BY id"#
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut figures = figures.to_vec();
    figures.sort_by_key(|one| one.plan);
    let stands_at = |which: fn(&Figures) -> (Toman, Toman)| {
        current.len() == figures.len()
            && current
                .iter()
                .zip(&figures)
                .all(|(row, one)| row.id == one.plan && (row.price_public, row.price_agent) == which(one))
    };
    // The same form sent twice has been taken already.
    if stands_at(|one| one.after) {
        return Ok(());
    }
    if !stands_at(|one| one.before) {
        return Err(RepriceError::ChangedMeanwhile);
    }
    for one in figures.iter().filter(|one| one.before != one.after) {
        sqlx::query!(
            "UPDATE plans SET price_public = $2, price_agent = $3,
                    updated_at = greatest($4, updated_at + interval '1 microsecond')
             WHERE id = $1",
            one.plan.0,
            one.after.0.0,
            one.after.1.0,
            now
        )
        .execute(&mut *tx)
        .await?;
        keep_prices(&mut tx, Some(by.user), one.plan, Some(one.before), one.after, now).await?;
        let detail = json!({ "before": one.before, "after": one.after });
        write_down(&mut tx, by, "plan.reprice", Some(one.plan), detail, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_price_is_the_nearest_thousand() {
        for (price, percent, expected) in [
            (120_000, 10, 132_000),
            (85_000, 10, 94_000),
            (84_000, 10, 92_000),
            (85_000, -10, 77_000),
            (155_500, 1, 157_000),
            (1_000, -90, 1_000),
            (1, 1, 1_000),
            (1_000_000_000, 100, 2_000_000_000),
        ] {
            assert_eq!(changed(Toman(price), percent), Toman(expected), "{price} by {percent} %");
        }
    }
}
