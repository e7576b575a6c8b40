//! Today, this week, this month, and the same stretch of the period before: half a day is compared with half a day.

use time::Duration;

use crate::calendar::{JalaliDate, Time};

/// What the figures are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Span {
    #[default]
    Day,
    /// Since Saturday.
    Week,
    /// Since the first of the Jalali month.
    Month,
}

/// A stretch of time and the one it is compared with, UTC; ends are exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub since: Time,
    pub until: Time,
    pub before_since: Time,
    pub before_until: Time,
}

impl Span {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The word in the page's address.
    pub fn code(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The period that holds `now`, up to now, and as much of the one before.
    pub fn at(self, now: Time) -> Period {
        let today = JalaliDate::from_time(now);
        let since = match self {
            Self::Day => today.start(),
            Self::Week => today.start() - Duration::days(i64::from(today.weekday())),
            Self::Month => first_of_month(today),
        };
        let before_since = match self {
            Self::Day => since - Duration::DAY,
            Self::Week => since - Duration::WEEK,
            Self::Month => first_of_month(JalaliDate::from_time(since - Duration::DAY)),
        };
        // A short month ends before the long one after it.
        Period { since, until: now, before_since, before_until: (before_since + (now - since)).min(since) }
    }
}

fn first_of_month(day: JalaliDate) -> Time {
    day.start() - Duration::days(i64::from(day.day()) - 1)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn half_a_period_is_compared_with_half_of_the_one_before() {
        // 3 Azar 1405, a Tuesday, 12:00 in Tehran.
        let now = datetime!(2026-11-24 08:30 UTC);
        let start = |day: &str| JalaliDate::parse(day).unwrap().start();
        let half = Duration::hours(12);
        for (span, since, before) in [
            (Span::Day, "1405/09/03", "1405/09/02"),
            (Span::Week, "1405/08/30", "1405/08/23"),
            (Span::Month, "1405/09/01", "1405/08/01"),
        ] {
            let period = span.at(now);
            assert_eq!((period.since, period.until), (start(since), now), "{span:?}");
            assert_eq!(period.before_since, start(before), "{span:?}");
            assert_eq!(period.before_until - period.before_since, now - period.since, "{span:?}");
        }
        assert_eq!(Span::Day.at(now).before_until, start("1405/09/02") + half);
    }

    #[test]
    fn a_month_is_never_compared_with_more_than_the_month_before() {
        // 31 Farvardin 1405 after Esfand 1404, which has 29 days.
        let now = JalaliDate::parse("1405/01/31").unwrap().start() + Duration::HOUR;
        let period = Span::Month.at(now);
        assert_eq!(period.before_since, JalaliDate::parse("1404/12/01").unwrap().start());
        assert_eq!(period.before_until, period.since);
        let first = JalaliDate::parse("1405/01/01").unwrap().start();
        assert_eq!(Span::Month.at(first).before_until, Span::Month.at(first).before_since);
    }
}
