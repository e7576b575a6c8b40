//! How the shop does, in words, as a chart, and by who and what sold most.

use sqlx::PgConnection;

use crate::{
    calendar::Time,
    locale::{Language, Tr},
    money::Toman,
    overview::{
        Span,
        figures::{self, Pair, Top},
    },
    web::chart::{Columns, Point},
};

/// Days of the chart.
const DAYS: u16 = 30;
/// Rows of the lists of who and what sold most.
const ROWS: i64 = 5;
/// Days of the chart from one label to the next.
const LABEL_EVERY: usize = 7;

/// The figures of a period.
pub struct Sales {
    pub tabs: Vec<Tab>,
    /// What it is compared with.
    pub compared: String,
    pub stats: Vec<Stat>,
}

/// A choice of period.
pub struct Tab {
    pub href: String,
    pub label: String,
    pub is_current: bool,
}

/// One figure.
pub struct Stat {
    pub label: String,
    pub value: String,
    /// How it was before.
    pub note: String,
    /// `ok` for more, `bad` for less, or nothing.
    pub kind: &'static str,
}

impl Sales {
    /// Reads them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn load(conn: &mut PgConnection, t: &Tr, span: Span, now: Time) -> sqlx::Result<Self> {
        let figures = figures::figures(conn, &span.at(now)).await?;
        let tabs = Span::ALL.into_iter().map(|one| Tab {
            href: format!("/admin?period={}#sales", one.code()),
            label: match one {
                Span::Day => t.overview_today(),
                Span::Week => t.overview_this_week(),
                Span::Month => t.overview_this_month(),
            },
            is_current: one == span,
        });
        Ok(Self {
            tabs: tabs.collect(),
            compared: match span {
                Span::Day => t.overview_than_yesterday(),
                Span::Week => t.overview_than_last_week(),
                Span::Month => t.overview_than_last_month(),
            },
            stats: vec![
                Stat::new(t, t.overview_sales(), figures.sales, |n| t.amount(Toman(n))),
                Stat::new(t, t.overview_arrived(), figures.payments, |n| t.amount(Toman(n))),
                Stat::new(t, t.overview_new_accounts(), figures.new_accounts, |n| t.number(n)),
                Stat {
                    label: t.overview_active_accounts(),
                    value: t.number(figures.active),
                    note: t.overview_at_the_moment(),
                    kind: "",
                },
            ],
        })
    }
}

impl Stat {
    fn new(t: &Tr, label: String, pair: Pair, show: impl Fn(i64) -> String) -> Self {
        let before = show(pair.before);
        let note = match change(pair) {
            Some(percent) if percent > 0 => t.overview_more(before, t.number(percent)),
            Some(percent) if percent < 0 => t.overview_less(before, t.number(-percent)),
            _ => t.overview_before(before),
        };
        let kind = match pair.now.cmp(&pair.before) {
            std::cmp::Ordering::Greater => "ok",
            std::cmp::Ordering::Less => "bad",
            std::cmp::Ordering::Equal => "",
        };
        Self { label, value: show(pair.now), note, kind }
    }
}

/// By how many per cent it is more than before; `None` where that says nothing.
fn change(pair: Pair) -> Option<i64> {
    if pair.before <= 0 {
        return None;
    }
    let percent = (i128::from(pair.now) - i128::from(pair.before)) * 100 / i128::from(pair.before);
    i64::try_from(percent).ok()
}

/// The sales of the last days.
///
/// # Errors
/// When the database fails.
pub async fn chart(conn: &mut PgConnection, t: &Tr, now: Time) -> sqlx::Result<Columns> {
    let days = figures::days(conn, DAYS, now).await?;
    let total = Toman(days.iter().map(|(_, sales)| sales.0).sum());
    let best = days.iter().max_by_key(|(_, sales)| *sales).copied().unwrap_or((now, Toman::ZERO));
    let last = days.len().saturating_sub(1);
    let points = days.iter().enumerate().map(|(at, (day, sales))| Point {
        label: t.date(*day),
        // Counted from today, so that the newest label is today's.
        short: if (last - at).is_multiple_of(LABEL_EVERY) { day_and_month(t, *day) } else { String::new() },
        value: sales.0,
        shown: t.amount(*sales),
    });
    let texts = [
        t.overview_chart(t.number(DAYS)),
        t.overview_chart_about(t.date(best.0), t.amount(best.1), t.amount(total)),
        t.overview_day(),
    ];
    Ok(Columns::new("sales-chart", texts, points.collect(), t.language, |n| short_amount(t, n)))
}

/// The day without its year.
fn day_and_month(t: &Tr, day: Time) -> String {
    let date = t.date(day);
    date.split_once(['/', '-']).map_or(date.clone(), |(_, rest)| rest.to_owned())
}

/// An amount in thousands or millions of Toman, for a scale.
fn short_amount(t: &Tr, amount: i64) -> String {
    if amount.abs() >= 1_000_000 {
        let tenths = amount / 100_000;
        let whole = t.number(tenths / 10);
        let point = if t.language == Language::Fa { '\u{66B}' } else { '.' };
        let number =
            if tenths % 10 == 0 { whole } else { format!("{whole}{point}{}", t.digits((tenths % 10).abs())) };
        t.overview_millions(number)
    } else if amount.abs() >= 1_000 {
        t.overview_thousands(t.number(amount / 1_000))
    } else {
        t.number(amount)
    }
}

/// One row of who or what sold most.
pub struct TopRow {
    /// Empty without a page of its own.
    pub href: String,
    pub name: String,
    pub sales: String,
    pub count: String,
    /// Its share of the first row, as a bar: where it begins, and how long it is, in per cent.
    pub bar: (i64, i64),
}

/// Who and what sold most in the period.
///
/// # Errors
/// When the database fails.
pub async fn tops(
    conn: &mut PgConnection,
    t: &Tr,
    span: Span,
    now: Time,
) -> sqlx::Result<(Vec<TopRow>, Vec<TopRow>)> {
    let period = span.at(now);
    let agents = figures::top_agents(conn, &period, ROWS).await?;
    let plans = figures::top_plans(conn, &period, ROWS).await?;
    Ok((rows(t, &agents, "/admin/agents"), rows(t, &plans, "/admin/plans")))
}

fn rows<Id: std::fmt::Display>(t: &Tr, tops: &[Top<Id>], base: &str) -> Vec<TopRow> {
    let most = tops.first().map_or(1, |top| top.sales.0.max(1));
    let row = |top: &Top<Id>| {
        let part = i64::try_from(i128::from(top.sales.0.max(0)) * 100 / i128::from(most)).unwrap_or(100);
        TopRow {
            href: top.id.as_ref().map(|id| format!("{base}/{id}")).unwrap_or_default(),
            name: if top.id.is_some() { top.name.clone() } else { t.overview_customers() },
            sales: t.amount(top.sales),
            count: t.overview_count(t.number(top.count)),
            bar: (if t.language == Language::Fa { 100 - part } else { 0 }, part),
        }
    };
    tops.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_per_cent_of_what_was() {
        let change = |now, before| change(Pair { now, before });
        assert_eq!(change(150, 100), Some(50));
        assert_eq!(change(0, 100), Some(-100));
        assert_eq!(change(100, 0), None, "more than nothing is no per cent");
        assert_eq!(change(100, -5), None);
        assert_eq!(change(i64::MAX, 1), None, "out of range says nothing");
    }

    #[test]
    fn a_scale_has_short_amounts() {
        let en = Tr::new(Language::En);
        let fa = Tr::new(Language::Fa);
        for (amount, short) in
            [(0, "0"), (900, "900"), (50_000, "50k"), (1_500_000, "1.5M"), (-2_000_000, "\u{2212}2M")]
        {
            assert_eq!(short_amount(&en, amount), short);
        }
        assert_eq!(short_amount(&fa, 1_500_000), "۱٫۵ میلیون");
    }
}
