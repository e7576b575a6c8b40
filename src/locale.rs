//! What people read: Fluent messages in Persian and English, one typed method of [`Tr`] per message,
//! and numbers in the digits of the language.

use std::{fmt::Display, str::FromStr, sync::LazyLock};

use fluent::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use unic_langid::langid;

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

/// The messages of one language.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tr {
    pub language: Language,
}

impl Tr {
    /// The messages of `language`.
    pub fn new(language: Language) -> Self {
        Self { language }
    }

    /// A whole number, grouped, in the digits of the language.
    pub fn number(&self, n: impl Into<i64>) -> String {
        let n = n.into();
        let digits = n.unsigned_abs().to_string();
        let mut out = String::with_capacity(digits.len() * 3);
        if n < 0 {
            out.push('\u{2212}');
        }
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push(if self.language == Language::Fa { '٬' } else { ',' });
            }
            out.push(digit);
        }
        self.digits(&out)
    }

    /// `text` with its digits in those of the language.
    pub fn digits(&self, text: impl Display) -> String {
        let text = text.to_string();
        match self.language {
            Language::Fa => crate::persian::persian_digits(&text),
            Language::En => text,
        }
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
        bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
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
