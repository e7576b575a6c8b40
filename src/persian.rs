//! Persian and Arabic script on the way in and out: digits, letters, card numbers, SHEBA, phones.
//! What is kept is canonical: Latin digits, Persian letters, nothing invisible but the meaningful ZWNJ.

mod bank;
mod card;
mod phone;
pub mod provinces;
mod sheba;

pub use bank::Bank;
pub use card::{CardError, CardNumber};
pub use phone::{Phone, PhoneError};
pub use sheba::{Sheba, ShebaError};

/// The unit of money as people write it behind an amount.
pub const TOMAN_WORDS: [&str; 3] = ["تومان", "تومن", "toman"];

const ZWNJ: char = '\u{200C}';

/// `text` with its Latin digits as Persian ones.
pub fn persian_digits(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '0'..='9' => char::from_u32('۰' as u32 + (c as u32 - '0' as u32)).unwrap_or(c),
            _ => c,
        })
        .collect()
}

/// `text` with its Persian and Arabic digits as Latin ones.
pub fn latin_digits(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '۰'..='۹' => char::from_u32('0' as u32 + (c as u32 - '۰' as u32)).unwrap_or(c),
            '٠'..='٩' => char::from_u32('0' as u32 + (c as u32 - '٠' as u32)).unwrap_or(c),
            _ => c,
        })
        .collect()
}

/// Marks that take no room: direction marks, joiners, the byte order mark, the soft hyphen.
pub fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}'
    )
}

/// Text as it is stored and compared: Persian ی and ک for the Arabic letters, one space for any blank,
/// no control or invisible characters. A ZWNJ stays between two letters, where it is spelling.
/// Digits stay as they are.
pub fn normalize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut pending = None;
    for c in text.chars() {
        if c == ZWNJ {
            pending = pending.or(Some(ZWNJ));
        } else if c.is_whitespace() {
            pending = Some(' ');
        } else if !is_invisible(c) && !c.is_control() {
            match pending.take() {
                Some(ZWNJ) if !(out.ends_with(char::is_alphanumeric) && c.is_alphabetic()) => {}
                Some(blank) if !out.is_empty() => out.push(blank),
                _ => {}
            }
            out.push(match c {
                'ي' | 'ى' => 'ی',
                'ك' => 'ک',
                _ => c,
            });
        }
    }
    out
}

/// A number that is a name (card, account, phone, tracking number) as it is stored: Latin digits, without
/// separators, blanks and invisible marks. Other characters stay, for the caller to refuse.
pub fn clean_number(text: &str) -> String {
    latin_digits(text)
        .chars()
        .filter(|c| {
            !c.is_whitespace()
                && !is_invisible(*c)
                && !matches!(c, '-' | '_' | '/' | '.' | ',' | '٬' | '،' | '٫' | '‐' | '‑' | '–' | '—')
        })
        .collect()
}

/// `digits` in blocks of four, for people to read.
fn in_fours(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() * 5 / 4);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && i.is_multiple_of(4) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn any_digits_become_latin_and_back() {
        assert_eq!(latin_digits("۰۱۲۳۴۵۶۷۸۹ ٠١٢٣٤٥٦٧٨٩ x7"), "0123456789 0123456789 x7");
        assert_eq!(persian_digits("a0123456789"), "a۰۱۲۳۴۵۶۷۸۹");
    }

    #[test]
    fn text_is_stored_in_persian_letters_without_invisible_marks() {
        assert_eq!(normalize("  علي\u{200f}   كريمي\t\n"), "علی کریمی");
        assert_eq!(normalize("می\u{200c}روم"), "می\u{200c}روم");
        assert_eq!(normalize("می\u{200c}\u{200c}روم"), "می\u{200c}روم");
        assert_eq!(normalize("\u{200c}رضا\u{200c} \u{200c}ک\u{200c}"), "رضا ک");
        assert_eq!(normalize("۱۲\u{200c}ماهه 12\u{0}"), "۱۲\u{200c}ماهه 12");
        assert_eq!(normalize(" \u{202b}\u{feff} "), "");
    }

    #[test]
    fn numbers_lose_what_people_type_between_the_digits() {
        assert_eq!(clean_number(" ۶۰۳۷-٩٩٧٥ 1234\u{200e}.5678 "), "6037997512345678");
        assert_eq!(clean_number("12a"), "12a");
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(text in "[a-zي-یک \\u{200c}\\u{200f}۱\\t.]*") {
            let once = normalize(&text);
            prop_assert_eq!(normalize(&once), once.clone());
            prop_assert_eq!(once.trim(), once.as_str());
        }

        #[test]
        fn digits_survive_the_way_to_persian_and_back(text in "[0-9a-z ,]*") {
            prop_assert_eq!(latin_digits(&persian_digits(&text)), text);
        }

        #[test]
        fn no_text_makes_a_parser_fail(text in "\\PC*") {
            let _ = (CardNumber::parse(&text), Sheba::parse(&text), Phone::parse(&text), normalize(&text));
        }
    }
}
