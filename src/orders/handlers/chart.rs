//! How an account was used, as a chart of its days.

use sqlx::PgPool;

use crate::{
    calendar::Time,
    ids::{OrderId, UserId},
    locale::Tr,
    orders::{GB, history},
    web::chart::{Columns, Point},
};

/// Days of the chart, and from one label to the next.
const DAYS: i32 = 14;
const LABEL_EVERY: usize = 4;

/// What this owner's account used each day; `None` where nothing is known or nothing was used.
///
/// # Errors
/// When the database fails.
pub async fn usage_chart(
    db: &PgPool,
    t: &Tr,
    owner: UserId,
    order: OrderId,
    now: Time,
) -> sqlx::Result<Option<Columns>> {
    let days = history::days(db, owner, order, DAYS, now).await?;
    let Some(most) = days.iter().max_by_key(|day| day.bytes).filter(|day| day.bytes > 0) else {
        return Ok(None);
    };
    // The scale is round in units of this size: below a GB in MB, above in thousandths of a GB.
    let unit = if most.bytes < GB { 1 << 20 } else { GB / 1000 };
    let total = days.iter().map(|day| day.bytes).sum();
    let about = t.orders_usage_chart_about(t.date(most.start), t.bytes(most.bytes), t.bytes(total));
    let is_labelled = |at: usize| (days.len() - 1 - at).is_multiple_of(LABEL_EVERY);
    let points = days.iter().enumerate().map(|(at, day)| Point {
        label: t.date(day.start),
        short: if is_labelled(at) { day_and_month(t, day.start) } else { String::new() },
        value: day.bytes / unit,
        shown: t.bytes(day.bytes),
    });
    let texts = [t.orders_usage_chart(), about, t.orders_usage_chart_day()];
    let tick = |n| t.bytes(n * unit);
    Ok(Some(Columns::new("usage-chart", texts, points.collect(), t.language, tick)))
}

/// The day without its year.
fn day_and_month(t: &Tr, day: Time) -> String {
    let date = t.date(day);
    date.split_once(['/', '-']).map_or(date.clone(), |(_, rest)| rest.to_owned())
}
