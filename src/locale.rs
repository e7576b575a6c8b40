//! What people read: Fluent messages in Persian and English, one typed method of [`Tr`] per message,
//! and numbers in the digits of the language.

use std::{fmt::Display, str::FromStr, sync::LazyLock};

use fluent::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use unic_langid::langid;

use crate::money::Toman;

mod generated {
    include!(concat!(env!("OUT_DIR"), "/messages.rs"));
}

/// A language of the panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::Type, serde::Serialize, serde::Deserialize)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    Fa,
    En,
}

impl Language {
    /// The code, as in `<html lang>` and in the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Fa => "fa",
            Self::En => "en",
        }
    }

    /// The writing direction, as in `<html dir>`.
    pub fn direction(self) -> &'static str {
        match self {
            Self::Fa => "rtl",
            Self::En => "ltr",
        }
    }
}

impl FromStr for Language {
    type Err = ();

    fn from_str(code: &str) -> Result<Self, ()> {
        match code {
            "fa" => Ok(Self::Fa),
            "en" => Ok(Self::En),
            _ => Err(()),
        }
    }
}

/// Which digits a person's Persian pages show; English ones have their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Digits {
    #[default]
    Persian,
    Latin,
}

impl Digits {
    /// The code, as in the cookie and in the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Persian => "persian",
            Self::Latin => "latin",
        }
    }
}

impl FromStr for Digits {
    type Err = ();

    fn from_str(code: &str) -> Result<Self, ()> {
        [Self::Persian, Self::Latin].into_iter().find(|digits| digits.code() == code).ok_or(())
    }
}

static FA: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle(langid!("fa"), generated::FA));
static EN: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle(langid!("en"), generated::EN));

fn bundle(language: unic_langid::LanguageIdentifier, messages: &str) -> FluentBundle<FluentResource> {
    // The build has parsed these very texts: an error here can only repeat one that it reported.
    let resource = FluentResource::try_new(messages.to_owned()).unwrap_or_else(|(resource, _)| resource);
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // Off: people copy these texts, and invisible marks would go along into links and card numbers.
    bundle.set_use_isolating(false);
    if let Err(errors) = bundle.add_resource(resource) {
        tracing::error!(?errors, "a message stands twice");
    }
    bundle
}

/// One entry, counted from 0, of a message that is a list separated by commas; empty if there is none.
pub(crate) fn nth(list: &str, index: usize) -> &str {
    list.split(',').nth(index).map_or("", str::trim)
}

/// The messages of one language.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tr {
    pub language: Language,
    script: Digits,
}

impl Tr {
    /// The messages of `language`.
    pub const fn new(language: Language) -> Self {
        Self { language, script: Digits::Persian }
    }

    /// The same with these digits in Persian text.
    #[must_use]
    pub const fn in_digits(self, script: Digits) -> Self {
        Self { script, ..self }
    }

    fn in_persian_digits(&self) -> bool {
        self.language == Language::Fa && self.script == Digits::Persian
    }

    /// A whole number, grouped, in the digits of the language.
    pub fn number(&self, n: impl Into<i64>) -> String {
        let n = n.into();
        let digits = n.unsigned_abs().to_string();
        let mut out = String::with_capacity(digits.len() * 3);
        if n < 0 {
            out.push_str(self.sign("\u{2212}"));
        }
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push(if self.in_persian_digits() { '٬' } else { ',' });
            }
            out.push(digit);
        }
        self.digits(&out)
    }

    /// In Persian text a mark keeps the sign on the left of its digits, where readers expect it.
    fn sign(&self, sign: &'static str) -> &'static str {
        match (self.language, sign) {
            (Language::Fa, "+") => "\u{200e}+",
            (Language::Fa, _) => "\u{200e}\u{2212}",
            (Language::En, sign) => sign,
        }
    }

    /// An amount with its unit.
    pub fn amount(&self, amount: Toman) -> String {
        self.toman(self.number(amount.0))
    }

    /// A change of an amount: with its sign and unit; zero has no sign.
    pub fn signed(&self, change: Toman) -> String {
        let plus = if change > Toman::ZERO { self.sign("+") } else { "" };
        self.toman(format!("{plus}{}", self.number(change.0)))
    }

    /// A size in bytes, in the binary units that Marzban counts in (1 GB = 2^30 bytes), to one decimal.
    pub fn bytes(&self, bytes: i64) -> String {
        let (mut unit, mut tenths) = (0, i128::from(bytes) * 10);
        // After rounding: 1023.96 MB is shown as 1 GB, not as 1024 MB.
        while unit < 4 && tenths.abs() >= 10 * 1024 {
            unit += 1;
            let size = 1_i128 << (10 * unit);
            tenths = (i128::from(bytes) * 10 + size / 2).div_euclid(size);
        }
        let sign = if tenths < 0 { "\u{2212}" } else { "" };
        let (whole, rest) = ((tenths.abs() / 10) as i64, tenths.abs() % 10);
        let mut size = format!("{sign}{}", self.number(whole));
        if rest > 0 {
            let point = if self.in_persian_digits() { '\u{66B}' } else { '.' };
            size = format!("{size}{point}{}", self.digits(rest));
        }
        match unit {
            0 => self.size_bytes(size),
            1 => self.size_kilobytes(size),
            2 => self.size_megabytes(size),
            3 => self.size_gigabytes(size),
            _ => self.size_terabytes(size),
        }
    }

    /// `text` with its digits in those of the language.
    pub fn digits(&self, text: impl Display) -> String {
        let text = text.to_string();
        if self.in_persian_digits() { crate::persian::persian_digits(&text) } else { text }
    }

    fn message(&self, id: &str, arguments: &[(&'static str, String)]) -> String {
        let bundle = if self.language == Language::Fa { &*FA } else { &*EN };
        let mut args = FluentArgs::with_capacity(arguments.len());
        for (name, value) in arguments {
            args.set(*name, self.argument(value));
        }
        let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
            tracing::error!(id, "a message is missing");
            return id.to_owned();
        };
        let text = bundle.format_pattern(pattern, Some(&args), &mut Vec::new());
        // The messages are written with Persian digits.
        match self.script {
            Digits::Latin if self.language == Language::Fa => crate::persian::latin_digits(&text),
            _ => text.into_owned(),
        }
    }

    /// English has plurals, which Fluent chooses by number; a Persian number is text, in its own digits.
    fn argument<'a>(&self, value: &'a str) -> FluentValue<'a> {
        let small_number = value.len() <= 6
            && value.bytes().all(|b| b.is_ascii_digit())
            && (value == "0" || !value.starts_with('0'));
        if self.language == Language::En && small_number {
            FluentValue::try_number(value)
        } else {
            FluentValue::from(value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FA: Tr = Tr::new(Language::Fa);
    const EN: Tr = Tr::new(Language::En);

    #[test]
    fn persian_pages_show_latin_digits_to_whoever_wants_them() {
        let t = FA.in_digits(Digits::Latin);
        assert_eq!(t.amount(Toman(1_200_000)), "1,200,000 تومان");
        assert_eq!((t.digits("۱405"), FA.digits("1405")), ("۱405".to_owned(), "۱۴۰۵".to_owned()));
        assert_eq!(t.bytes(1536), "1.5 کیلوبایت");
        assert!(t.errors_too_large_advice().contains("10 مگابایت"), "digits within a message change too");
        assert_eq!(EN.in_digits(Digits::Persian).number(1_000), "1,000");
    }

    #[test]
    fn amounts_stand_in_the_digits_of_the_language() {
        assert_eq!(FA.amount(Toman(1_200_000)), "۱٬۲۰۰٬۰۰۰ تومان");
        assert_eq!(EN.amount(Toman(-1_200_000)), "\u{2212}1,200,000 Toman");
        assert_eq!(FA.signed(Toman(5_000)), "\u{200e}+۵٬۰۰۰ تومان");
        assert_eq!(FA.amount(Toman(-5_000)), "\u{200e}\u{2212}۵٬۰۰۰ تومان");
        assert_eq!(EN.signed(Toman(-5_000)), "\u{2212}5,000 Toman");
        assert_eq!(EN.signed(Toman::ZERO), "0 Toman");
    }

    #[test]
    fn sizes_are_binary_and_have_one_decimal() {
        const GB: i64 = 1 << 30;
        assert_eq!(FA.bytes(12 * GB + GB / 2), "۱۲٫۵ گیگابایت");
        assert_eq!(EN.bytes(50 * GB), "50 GB");
        assert_eq!(EN.bytes(GB - 1), "1 GB");
        assert_eq!(EN.bytes(1536), "1.5 KB");
        assert_eq!(EN.bytes(1), "1 byte");
        assert_eq!(EN.bytes(0), "0 bytes");
        assert_eq!(EN.bytes(2048 * GB), "2 TB");
        assert_eq!(EN.bytes(i64::MAX), "8,388,608 TB");
        assert_eq!(EN.bytes(-GB), "\u{2212}1 GB");
    }
}
