//! Dates, times and spans as people read them: Jalali in Persian, Gregorian in English, in Tehran's time.

use time::Duration;

use super::{JalaliDate, TEHRAN, Time};
use crate::locale::{Language, Tr, nth};

impl Tr {
    /// The day: `۱۴۰۵/۰۹/۰۱`, or `2026-11-22` in English.
    pub fn date(&self, time: Time) -> String {
        match self.language {
            Language::Fa => self.digits(JalaliDate::from_time(time)),
            // time writes a date as ISO does.
            Language::En => time.to_offset(TEHRAN).date().to_string(),
        }
    }

    /// The day and the time of day in Tehran: `۱۴۰۵/۰۹/۰۱ ۱۴:۰۵`.
    pub fn datetime(&self, time: Time) -> String {
        format!("{} {}", self.date(time), self.clock_time(time))
    }

    /// The time of day in Tehran: `۱۴:۰۵`.
    pub fn clock_time(&self, time: Time) -> String {
        let local = time.to_offset(TEHRAN);
        self.digits(format!("{:02}:{:02}", local.hour(), local.minute()))
    }

    /// The day in words: `یکشنبه ۱ آذر ۱۴۰۵`, or `Sunday 22 November 2026` in English.
    pub fn long_date(&self, time: Time) -> String {
        let jalali = JalaliDate::from_time(time);
        let (year, month, day) = match self.language {
            Language::Fa => (jalali.year(), jalali.month(), jalali.day()),
            Language::En => {
                let date = time.to_offset(TEHRAN).date();
                (date.year(), u8::from(date.month()), date.day())
            }
        };
        let months = self.calendar_months();
        let weekdays = self.calendar_weekdays();
        self.calendar_long_date(
            self.digits(day),
            nth(&months, usize::from(month) - 1),
            nth(&weekdays, usize::from(jalali.weekday())),
            self.digits(year),
        )
    }

    /// How long ago `time` was, seen from `now`; further away than a week it is the date.
    pub fn ago(&self, time: Time, now: Time) -> String {
        let past = now - time;
        let days = (JalaliDate::from_time(now).start() - JalaliDate::from_time(time).start()).whole_days();
        match past.whole_minutes() {
            // Two machines' clocks may differ by a little.
            -1..=0 => self.ago_now(),
            minutes @ 1..=59 => self.ago_minutes(self.number(minutes)),
            // What happened late yesterday evening is still hours away in the morning.
            minutes @ 60..=719 => self.ago_hours(self.number(minutes / 60)),
            minutes if minutes > 0 && days == 0 => self.ago_hours(self.number(minutes / 60)),
            minutes if minutes > 0 && days == 1 => self.ago_yesterday(),
            minutes if minutes > 0 && days < 7 => self.ago_days(self.number(days)),
            _ => self.date(time),
        }
    }

    /// What is left of a span, in its largest unit, rounded down; a span that is over has 0 minutes left.
    pub fn remaining(&self, left: Duration) -> String {
        if left >= Duration::DAY {
            self.remaining_days(self.number(left.whole_days()))
        } else if left >= Duration::HOUR {
            self.remaining_hours(self.number(left.whole_hours()))
        } else if left >= Duration::MINUTE || left <= Duration::ZERO {
            self.remaining_minutes(self.number(left.whole_minutes().max(0)))
        } else {
            self.remaining_moments()
        }
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    const FA: Tr = Tr::new(Language::Fa);
    const EN: Tr = Tr::new(Language::En);

    #[test]
    fn dates_are_jalali_in_persian_and_gregorian_in_english() {
        let time = datetime!(2026-11-22 10:35 UTC);
        assert_eq!(FA.date(time), "۱۴۰۵/۰۹/۰۱");
        assert_eq!(FA.datetime(time), "۱۴۰۵/۰۹/۰۱ ۱۴:۰۵");
        assert_eq!(FA.long_date(time), "یکشنبه ۱ آذر ۱۴۰۵");
        assert_eq!(EN.date(time), "2026-11-22");
        assert_eq!(EN.datetime(time), "2026-11-22 14:05");
        assert_eq!(EN.long_date(time), "Sunday 22 November 2026");
        assert_eq!(EN.date(datetime!(2026-11-22 21:00 UTC)), "2026-11-23");
    }

    #[test]
    fn the_names_of_months_and_days_are_complete() {
        for t in [FA, EN] {
            assert_eq!(t.calendar_months().split(',').count(), 12);
            assert_eq!(t.calendar_weekdays().split(',').count(), 7);
        }
        assert_eq!(FA.long_date(datetime!(2027-03-20 12:00 UTC)), "شنبه ۲۹ اسفند ۱۴۰۵");
        assert_eq!(EN.long_date(datetime!(2026-12-25 12:00 UTC)), "Friday 25 December 2026");
    }

    #[test]
    fn the_past_is_told_as_people_tell_it() {
        let now = datetime!(2026-11-22 10:30 UTC);
        for (past, fa, en) in [
            (Duration::seconds(-20), "همین حالا", "just now"),
            (Duration::seconds(59), "همین حالا", "just now"),
            (Duration::minutes(1), "۱ دقیقه پیش", "1 minute ago"),
            (Duration::minutes(5), "۵ دقیقه پیش", "5 minutes ago"),
            (Duration::hours(2), "۲ ساعت پیش", "2 hours ago"),
            (Duration::hours(11), "۱۱ ساعت پیش", "11 hours ago"),
            (Duration::hours(13), "۱۳ ساعت پیش", "13 hours ago"),
            (Duration::hours(15), "دیروز", "yesterday"),
            (Duration::hours(37), "دیروز", "yesterday"),
            (Duration::hours(39), "۲ روز پیش", "2 days ago"),
            (Duration::days(7), "۱۴۰۵/۰۸/۲۴", "2026-11-15"),
            (Duration::hours(-3), "۱۴۰۵/۰۹/۰۱", "2026-11-22"),
        ] {
            assert_eq!((FA.ago(now - past, now).as_str(), EN.ago(now - past, now).as_str()), (fa, en));
        }
    }

    #[test]
    fn what_is_left_stands_in_its_largest_unit() {
        for (left, fa, en) in [
            (Duration::hours(80), "۳ روز", "3 days"),
            (Duration::days(1), "۱ روز", "1 day"),
            (Duration::minutes(359), "۵ ساعت", "5 hours"),
            (Duration::minutes(12), "۱۲ دقیقه", "12 minutes"),
            (Duration::seconds(30), "کمتر از یک دقیقه", "less than a minute"),
            (Duration::ZERO, "۰ دقیقه", "0 minutes"),
            (Duration::days(-3), "۰ دقیقه", "0 minutes"),
        ] {
            assert_eq!((FA.remaining(left).as_str(), EN.remaining(left).as_str()), (fa, en));
        }
    }
}
