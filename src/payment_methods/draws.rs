//! Which method a payer is shown: drawn at random among those with room, held for her visit.
//!
//! A draw holds one of the day's places while it lives, so that as many payers as there are places see a method.
//! Only the lock at submission decides; a draw that ran out is honoured while there is a place.

use sqlx::{PgConnection, PgPool};
use time::Duration;

use super::{Locked, MethodType, PaymentMethod};
use crate::{
    calendar::{Time, day_bounds},
    ids::{PaymentMethodId, UserId},
    money::Toman,
};

/// How long a draw is held after the payer last looked at it.
const VISIT: Duration = Duration::minutes(60);

/// Why a method takes no payment now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not the one that was drawn for this payer.
    NotDrawn,
    Inactive,
    /// Its daily count or amount leaves no room for this payment.
    Full,
}

/// The method for this payer's visit: the one she saw before while it still has room, otherwise drawn anew,
/// weighted by the share of its day that is left. With `wanted` (Toman) only methods that take that much count.
/// `None` when none has room.
///
/// # Errors
/// When the database fails.
pub async fn draw(
    db: &PgPool,
    user: UserId,
    wanted: Option<Toman>,
    now: Time,
) -> sqlx::Result<Option<PaymentMethod>> {
    let mut tx = db.begin().await?;
    // Draws are made one after the other: two at once would both take the last place.
    sqlx::query!("SELECT id FROM payment_methods WHERE status = 'ACTIVE' ORDER BY id FOR NO KEY UPDATE")
        .fetch_all(&mut *tx)
        .await?;
    let candidates = candidates(&mut tx, user, wanted, now).await?;
    let Some(chosen) = choose(&candidates, rand::random()) else {
        release(&mut tx, user).await?;
        tx.commit().await?;
        return Ok(None);
    };
    sqlx::query!(
        "INSERT INTO payment_draws (user_id, payment_method_id, drawn_at, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE
         SET payment_method_id = excluded.payment_method_id, drawn_at = excluded.drawn_at,
             expires_at = excluded.expires_at",
        user.0,
        chosen.id.0,
        now,
        now + VISIT
    )
    .execute(&mut *tx)
    .await?;
    let method = PaymentMethod { room: chosen.room, ..find(&mut tx, chosen.id).await? };
    tx.commit().await?;
    Ok(Some(method))
}

struct Candidate {
    id: PaymentMethodId,
    /// What is left of its day, 0 to 1; 1 without limits.
    share_left: f64,
    /// What it still takes today, Toman; `None` is any amount.
    room: Option<Toman>,
    /// This payer saw it before.
    held: bool,
}

async fn candidates(
    conn: &mut PgConnection,
    user: UserId,
    wanted: Option<Toman>,
    now: Time,
) -> sqlx::Result<Vec<Candidate>> {
    let (since, until) = day_bounds(now);
    sqlx::query_as!(
        Candidate,
        r#"SELECT m.id AS "id: PaymentMethodId",
                  least(1 - (used.count + held.count)::float8 / m.daily_limit_count,
                        1 - used.amount::float8 / m.daily_limit_amount, 1) AS "share_left!",
                  m.daily_limit_amount - used.amount AS "room: Toman",
                  EXISTS (SELECT FROM payment_draws d
                          WHERE d.user_id = $1 AND d.payment_method_id = m.id AND d.expires_at > $2) AS "held!"
           FROM payment_methods m
           CROSS JOIN (SELECT payment_min FROM settings LIMIT 1) s
           CROSS JOIN LATERAL (
               SELECT count(*) AS count, coalesce(sum(p.amount), 0)::bigint AS amount FROM payments p
               WHERE p.payment_method_id = m.id AND p.status IN ('PENDING', 'APPROVED')
                 AND p.created_at >= $3 AND p.created_at < $4
           ) used
           CROSS JOIN LATERAL (
               SELECT count(*) AS count FROM payment_draws d
               WHERE d.payment_method_id = m.id AND d.user_id <> $1 AND d.expires_at > $2
           ) held
           WHERE m.status = 'ACTIVE'
             AND (m.daily_limit_count IS NULL OR used.count + held.count < m.daily_limit_count)
             AND (m.daily_limit_amount IS NULL
                  OR used.amount + greatest($5::bigint, s.payment_min) <= m.daily_limit_amount)
           ORDER BY m.id"#,
        user.0,
        now,
        since,
        until,
        wanted.map_or(0, |amount| amount.0)
    )
    .fetch_all(conn)
    .await
}

/// The held one, or the one that `roll` (0 to 1) falls on when each has the room that is left in it.
fn choose(candidates: &[Candidate], roll: f64) -> Option<&Candidate> {
    if let Some(held) = candidates.iter().find(|candidate| candidate.held) {
        return Some(held);
    }
    // A method with any room can be drawn, however little of its day is left.
    let weight = |candidate: &Candidate| candidate.share_left.max(0.01);
    let mut at = roll * candidates.iter().map(weight).sum::<f64>();
    for candidate in candidates {
        at -= weight(candidate);
        if at < 0.0 {
            return Some(candidate);
        }
    }
    candidates.last()
}

async fn find(conn: &mut PgConnection, id: PaymentMethodId) -> sqlx::Result<PaymentMethod> {
    sqlx::query_as!(
        PaymentMethod,
        r#"SELECT id AS "id: PaymentMethodId", type AS "method_type: MethodType", alias, holder, bank, card_number,
                  sheba, coin, network, wallet_address, bonus_percent, NULL::bigint AS "room: Toman"
           FROM payment_methods WHERE id = $1"#,
        id.0
    )
    .fetch_one(conn)
    .await
}

/// The method that is held for this payer's visit, if there is one, without drawing any.
///
/// # Errors
/// When the database fails.
pub async fn drawn(conn: &mut PgConnection, user: UserId, now: Time) -> sqlx::Result<Option<PaymentMethod>> {
    let held = candidates(conn, user, None, now).await?.into_iter().find(|candidate| candidate.held);
    let Some(held) = held else { return Ok(None) };
    Ok(Some(PaymentMethod { room: held.room, ..find(conn, held.id).await? }))
}

/// The payer is still there: what was drawn for her is held for another visit from now, also if it had run out.
///
/// # Errors
/// When the database fails.
pub async fn stay(conn: &mut PgConnection, user: UserId, now: Time) -> sqlx::Result<()> {
    sqlx::query!("UPDATE payment_draws SET expires_at = $2 WHERE user_id = $1", user.0, now + VISIT)
        .execute(conn)
        .await?;
    Ok(())
}

/// Gives the place of the payer's draw back.
///
/// # Errors
/// When the database fails.
pub async fn release(conn: &mut PgConnection, user: UserId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM payment_draws WHERE user_id = $1", user.0).execute(conn).await?;
    Ok(())
}

/// Locks the method until the caller's transaction ends and says whether it takes a payment from this payer now.
/// Lock it before the wallet: every submission does.
///
/// # Errors
/// When the database fails.
pub async fn lock_for_payment(
    conn: &mut PgConnection,
    id: PaymentMethodId,
    user: UserId,
    now: Time,
) -> sqlx::Result<Result<Locked, Refusal>> {
    let method = sqlx::query!(
        r#"SELECT type AS "method_type: MethodType", status, bonus_percent, daily_limit_count, daily_limit_amount
           FROM payment_methods WHERE id = $1 FOR NO KEY UPDATE"#,
        id.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(method) = method else { return Ok(Err(Refusal::NotDrawn)) };
    let (since, until) = day_bounds(now);
    let day = sqlx::query!(
        r#"SELECT (SELECT expires_at > $3 FROM payment_draws
                   WHERE user_id = $2 AND payment_method_id = $1) AS holds_place,
                  (SELECT count(*) FROM payment_draws
                   WHERE user_id <> $2 AND payment_method_id = $1 AND expires_at > $3) AS "held_by_others!",
                  count(*) AS "count!", coalesce(sum(amount), 0)::bigint AS "amount!: Toman"
           FROM payments
           WHERE payment_method_id = $1 AND status IN ('PENDING', 'APPROVED')
             AND created_at >= $4 AND created_at < $5"#,
        id.0,
        user.0,
        now,
        since,
        until
    )
    .fetch_one(conn)
    .await?;
    let Some(holds_place) = day.holds_place else { return Ok(Err(Refusal::NotDrawn)) };
    if method.status != "ACTIVE" {
        return Ok(Err(Refusal::Inactive));
    }
    // A draw that ran out may not take a place that somebody else holds.
    let taken = day.count + if holds_place { 0 } else { day.held_by_others };
    if method.daily_limit_count.is_some_and(|limit| taken >= i64::from(limit)) {
        return Ok(Err(Refusal::Full));
    }
    Ok(Ok(Locked {
        bonus_percent: method.bonus_percent,
        needs_hash: method.method_type == MethodType::Crypto,
        room: method.daily_limit_amount.map(|limit| Toman(limit) - day.amount),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: i64, share_left: f64, held: bool) -> Candidate {
        Candidate { id: PaymentMethodId(id), share_left, room: None, held }
    }

    #[test]
    fn a_method_is_drawn_in_proportion_to_what_is_left_of_its_day() {
        let candidates = [candidate(1, 0.75, false), candidate(2, 0.25, false)];
        let drawn = |roll| choose(&candidates, roll).unwrap().id.0;
        assert_eq!((drawn(0.0), drawn(0.74), drawn(0.76), drawn(0.999)), (1, 1, 2, 2));
    }

    #[test]
    fn the_method_that_was_seen_before_stays_whatever_the_roll() {
        let candidates = [candidate(1, 1.0, false), candidate(2, 0.1, true), candidate(3, 1.0, false)];
        assert!([0.0, 0.5, 0.99].iter().all(|roll| choose(&candidates, *roll).unwrap().id.0 == 2));
    }

    #[test]
    fn without_candidates_nothing_is_drawn() {
        assert!(choose(&[], 0.3).is_none());
    }
}
