//! How Python and Pydantic read dates and word their complaints.

use time::{Date, PrimitiveDateTime, Time, UtcOffset, macros::format_description};

/// Pydantic's words for a bad UUID; it counts from 1.
pub fn uuid_error(text: &str, error: uuid::Error) -> String {
    let odd = text.chars().enumerate().find(|(_, c)| !c.is_ascii_hexdigit() && *c != '-');
    match odd {
        Some((i, c)) => format!(
            "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `{c}` at {}",
            i + 1
        ),
        None => error.to_string(),
    }
}

/// `'a', 'b' or 'c'`.
pub fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| format!("'{w}'")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// An ISO 8601 date or date and time, and its offset if it names one.
pub fn iso(text: &str) -> Option<(PrimitiveDateTime, Option<UtcOffset>)> {
    let date = format_description!("[year]-[month]-[day]");
    let day = Date::parse(text.get(..10)?, &date).ok()?;
    let Some(rest) = text.get(11..) else {
        return (text.len() == 10).then(|| (PrimitiveDateTime::new(day, Time::MIDNIGHT), None));
    };
    let time = Time::parse(rest.get(..8)?, &format_description!("[hour]:[minute]:[second]")).ok()?;
    let zone = rest[8..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone {
        "" => None,
        "Z" => Some(UtcOffset::UTC),
        _ => Some(
            UtcOffset::parse(zone, &format_description!("[offset_hour sign:mandatory]:[offset_minute]"))
                .ok()?,
        ),
    };
    Some((PrimitiveDateTime::new(day, time), offset))
}
