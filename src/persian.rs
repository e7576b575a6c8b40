//! Persian and Arabic script on the way in and out: digits, letters, card numbers, SHEBA, phones.

/// `text` with its Latin digits as Persian ones.
pub fn persian_digits(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '0'..='9' => char::from_u32('۰' as u32 + (c as u32 - '0' as u32)).unwrap_or(c),
            _ => c,
        })
        .collect()
}
