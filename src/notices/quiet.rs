//! Quiet hours: a span of the day in Tehran in which what can wait is not sent.

use time::Duration;

use crate::calendar::{TEHRAN, Time, day_bounds};

/// Minutes after midnight in Tehran; the span may cross midnight. Its end does not belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QuietHours {
    pub from: i16,
    pub until: i16,
}

impl QuietHours {
    /// When what comes at `now` may be sent: now, or when the quiet ends.
    pub fn sendable_at(self, now: Time) -> Time {
        let local = now.to_offset(TEHRAN);
        let minute = i16::from(local.hour()) * 60 + i16::from(local.minute());
        let within = |from: i16, until: i16| (from..until).contains(&minute);
        let (today, crosses) = (day_bounds(now).0, self.from > self.until);
        let end = today + Duration::minutes(i64::from(self.until));
        match (crosses, minute >= self.from) {
            (false, _) if within(self.from, self.until) => end,
            (true, true) => end + Duration::DAY,
            (true, false) if minute < self.until => end,
            _ => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn what_comes_in_the_night_waits_for_the_morning() {
        // 23:00 to 07:30 in Tehran.
        let night = QuietHours { from: 23 * 60, until: 7 * 60 + 30 };
        let morning = datetime!(2026-11-24 04:00 UTC);
        for quiet in [
            datetime!(2026-11-23 19:30 UTC),
            datetime!(2026-11-23 23:00 UTC),
            datetime!(2026-11-24 03:59:59 UTC),
        ] {
            assert_eq!(night.sendable_at(quiet), morning, "{quiet}");
        }
        for loud in [datetime!(2026-11-23 19:29:59 UTC), morning, datetime!(2026-11-24 12:00 UTC)] {
            assert_eq!(night.sendable_at(loud), loud);
        }
    }

    #[test]
    fn a_span_within_one_day_is_quiet_only_there() {
        // 14:00 to 16:00 in Tehran.
        let noon = QuietHours { from: 14 * 60, until: 16 * 60 };
        assert_eq!(noon.sendable_at(datetime!(2026-11-24 11:00 UTC)), datetime!(2026-11-24 12:30 UTC));
        for loud in [datetime!(2026-11-24 10:29 UTC), datetime!(2026-11-24 12:30 UTC)] {
            assert_eq!(noon.sendable_at(loud), loud);
        }
    }
}
