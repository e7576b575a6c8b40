//! Methods as the owner's pages show them.

use sqlx::PgConnection;

use super::{Draft, MethodType};
use crate::{
    calendar::{JalaliDate, Time, day_bounds},
    ids::PaymentMethodId,
    money::Toman,
};

/// What went to a method in a time: payments that wait or were approved.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    pub count: i64,
    /// Toman.
    pub amount: Toman,
}

/// A method of the owner's list.
#[derive(Clone, Debug)]
pub struct MethodRow {
    pub id: PaymentMethodId,
    pub draft: Draft,
    pub is_active: bool,
    pub today: Use,
    pub month: Use,
    /// The days of this month, by which a daily limit makes a monthly one.
    pub days: i64,
}

/// The start of the Jalali month of `now`, and its days.
fn month(now: Time) -> (Time, i64) {
    let today = JalaliDate::from_time(now);
    let (year, month) = (today.year(), today.month());
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let first = JalaliDate::new(year, month, 1).unwrap_or(today).start();
    let end = JalaliDate::new(next.0, next.1, 1).unwrap_or(today).start();
    (first, (end - first).whole_days())
}

/// All methods with what went to them today and this month in Tehran, those on offer first.
pub async fn all(conn: &mut PgConnection, now: Time) -> sqlx::Result<Vec<MethodRow>> {
    let (today, tomorrow) = day_bounds(now);
    let (month, days) = month(now);
    let rows = sqlx::query!(
        r#"SELECT m.id AS "id: PaymentMethodId", m.type AS "method_type: MethodType", m.alias, m.holder, m.bank,
                  coalesce(m.card_number, m.sheba, m.wallet_address, '') AS "number!", m.coin, m.network,
                  m.bonus_percent, m.daily_limit_count, m.daily_limit_amount AS "daily_limit_amount: Toman", m.notes,
                  m.status = 'ACTIVE' AS "is_active!", used.today_count AS "today_count!",
                  used.today_amount AS "today_amount!: Toman", used.month_count AS "month_count!",
                  used.month_amount AS "month_amount!: Toman"
           FROM payment_methods m
           CROSS JOIN LATERAL (
               SELECT count(*) AS month_count, coalesce(sum(p.amount), 0)::bigint AS month_amount,
                      count(*) FILTER (WHERE p.created_at >= $1) AS today_count,
                      coalesce(sum(p.amount) FILTER (WHERE p.created_at >= $1), 0)::bigint AS today_amount
               FROM payments p
               WHERE p.payment_method_id = m.id AND p.status IN ('PENDING', 'APPROVED')
                 AND p.created_at >= $2 AND p.created_at < $3
           ) used
           ORDER BY m.status, m.id"#,
        today,
        month,
        tomorrow
    )
    .fetch_all(conn)
    .await?;
    let rows = rows.into_iter().map(|row| MethodRow {
        id: row.id,
        draft: Draft {
            method_type: row.method_type,
            alias: row.alias,
            holder: row.holder,
            bank: row.bank,
            number: row.number,
            coin: row.coin,
            network: row.network,
            bonus_percent: row.bonus_percent,
            daily_limit_count: row.daily_limit_count,
            daily_limit_amount: row.daily_limit_amount,
            notes: row.notes,
        },
        is_active: row.is_active,
        today: Use { count: row.today_count, amount: row.today_amount },
        month: Use { count: row.month_count, amount: row.month_amount },
        days,
    });
    Ok(rows.collect())
}

/// One method as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    pub draft: Draft,
    pub is_active: bool,
    /// Money may have gone to its number: it stays.
    pub is_fixed: bool,
    pub updated_at: Time,
}

/// One method; `None` when there is none of this number.
pub async fn find(conn: &mut PgConnection, id: PaymentMethodId, now: Time) -> sqlx::Result<Option<Stored>> {
    let row = sqlx::query!(
        r#"SELECT type AS "method_type: MethodType", alias, holder, bank,
                  coalesce(card_number, sheba, wallet_address, '') AS "number!", coin, network, bonus_percent,
                  daily_limit_count, daily_limit_amount AS "daily_limit_amount: Toman", notes,
                  status = 'ACTIVE' AS "is_active!", updated_at,
                  EXISTS (SELECT FROM payments p WHERE p.payment_method_id = m.id)
                  OR EXISTS (SELECT FROM payment_draws d WHERE d.payment_method_id = m.id AND d.expires_at > $2)
                  AS "is_fixed!"
           FROM payment_methods m WHERE id = $1"#,
        id.0,
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Stored {
        draft: Draft {
            method_type: row.method_type,
            alias: row.alias,
            holder: row.holder,
            bank: row.bank,
            number: row.number,
            coin: row.coin,
            network: row.network,
            bonus_percent: row.bonus_percent,
            daily_limit_count: row.daily_limit_count,
            daily_limit_amount: row.daily_limit_amount,
            notes: row.notes,
        },
        is_active: row.is_active,
        is_fixed: row.is_fixed,
        updated_at: row.updated_at,
    }))
}

/// Who changed a method last, and when; `None` when nobody has yet.
pub async fn last_change(
    conn: &mut PgConnection,
    id: PaymentMethodId,
) -> sqlx::Result<Option<(String, Time)>> {
    let row = sqlx::query!(
        r#"SELECT u.username, l.created_at FROM audit_log l JOIN users u ON u.id = l.actor_id
           WHERE l.subject_type = 'payment_method' AND l.subject_id = $1
             AND l.action IN ('payment_method.create', 'payment_method.update')
           ORDER BY l.id DESC LIMIT 1"#,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.username, row.created_at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_has_the_days_of_its_calendar() {
        for (date, days) in
            [((1405, 1, 31), 31), ((1405, 9, 2), 30), ((1405, 12, 29), 29), ((1403, 12, 30), 30)]
        {
            let day = JalaliDate::new(date.0, date.1, date.2).unwrap();
            assert_eq!(month(day.start()), (JalaliDate::new(date.0, date.1, 1).unwrap().start(), days));
        }
    }
}
