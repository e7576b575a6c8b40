//! Payment methods: the cards, accounts and addresses that payers send money to.
//!
//! Invariant: a method takes no more payments in a Tehran day than its daily count and amount allow. Who submits
//! locks the method's row first, so that two payers at once can't both take the last place.

mod addresses;
mod create;
mod draws;
pub mod handlers;
mod queries;
mod service;

use crate::{
    ids::PaymentMethodId,
    money::Toman,
    persian::{CardNumber, Sheba},
};

pub use addresses::{COINS, Network};
pub use create::{Destination, NewMethod, create};
pub use draws::{Refusal, draw, drawn, lock_for_payment, release, stay};
pub use service::{ChangeError, Draft, add, set_active, update};

/// What a method is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MethodType {
    Card,
    Sheba,
    Crypto,
}

impl MethodType {
    /// The word that stands in the database and in addresses.
    pub fn code(self) -> &'static str {
        match self {
            Self::Card => "CARD",
            Self::Sheba => "SHEBA",
            Self::Crypto => "CRYPTO",
        }
    }

    /// The type of this word.
    pub fn of(code: &str) -> Option<Self> {
        [Self::Card, Self::Sheba, Self::Crypto].into_iter().find(|one| one.code() == code)
    }
}

/// What a payer needs to know of a method.
#[derive(Clone, Debug)]
pub struct PaymentMethod {
    pub id: PaymentMethodId,
    pub method_type: MethodType,
    /// The shop's own name for it.
    pub alias: String,
    pub holder: String,
    pub bank: String,
    /// 16 Latin digits.
    pub card_number: Option<String>,
    /// `IR` and 24 Latin digits.
    pub sheba: Option<String>,
    pub coin: Option<String>,
    pub network: Option<String>,
    pub wallet_address: Option<String>,
    /// What is credited on top of the amount at approval; CRYPTO only.
    pub bonus_percent: i32,
    /// What it still takes today, Toman; `None` is any amount.
    pub room: Option<Toman>,
}

impl PaymentMethod {
    /// Whether the payer must name the transaction's hash.
    pub fn needs_hash(&self) -> bool {
        self.method_type == MethodType::Crypto
    }

    /// The card number in blocks of four, for people to read.
    pub fn card_grouped(&self) -> Option<String> {
        let number = self.card_number.as_deref()?;
        Some(CardNumber::parse(number).map_or_else(|_| number.to_owned(), |card| card.grouped()))
    }

    /// The SHEBA in blocks of four, for people to read.
    pub fn sheba_grouped(&self) -> Option<String> {
        let number = self.sheba.as_deref()?;
        Some(Sheba::parse(number).map_or_else(|_| number.to_owned(), |sheba| sheba.grouped()))
    }
}

/// What a locked method allows now.
#[derive(Clone, Copy, Debug)]
pub struct Locked {
    pub bonus_percent: i32,
    pub needs_hash: bool,
    /// What it still takes today, Toman; `None` is any amount.
    pub room: Option<Toman>,
}
