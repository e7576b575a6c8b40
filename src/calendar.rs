//! The clock, and days as the shop knows them: Jalali dates in Asia/Tehran (UTC+3:30, no summer time).

/// An instant; stored and compared in UTC.
pub type Time = time::OffsetDateTime;
