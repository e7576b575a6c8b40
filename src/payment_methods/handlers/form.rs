//! The form of a method: filled, read, and shown with what is wrong.

use std::ops::RangeInclusive;

use askama::Template;

use super::{BankPart, bank_of_card, bank_of_sheba, stored_name, views::grouped};
use crate::{
    calendar::Time,
    ids::PaymentMethodId,
    locale::Tr,
    payment_methods::{COINS, Draft, MethodType, Network, queries::Stored},
    persian::{CardError, CardNumber, Sheba, ShebaError, is_invisible, latin_digits},
    web::{Fields, Page},
};

/// The bonus of a new crypto method, per cent.
pub const USUAL_BONUS: i64 = 10;
/// The longest name, holder or bank, characters.
const MAX_LINE: usize = 60;
const MAX_NOTES: usize = 500;
const BONUS: RangeInclusive<i64> = 0..=100;
const COUNTS: RangeInclusive<i64> = 1..=100_000;
/// A day's amount, Toman: at most a hundred billion.
const AMOUNTS: RangeInclusive<i64> = 1..=100_000_000_000;

#[derive(Template)]
#[template(path = "payment_methods/form.html")]
pub struct FormPage {
    page: Page,
    form: Fields,
    /// Where the form is sent to.
    action: String,
    method_type: MethodType,
    found: BankPart,
    is_new: bool,
    is_active: bool,
    /// Money may have gone to the number: it stays.
    is_fixed: bool,
    /// What happened meanwhile; empty without a conflict.
    conflict: String,
}

impl FormPage {
    /// The form of a new method.
    pub fn new(page: Page, method_type: MethodType, form: Fields) -> Self {
        let t = page.t;
        Self {
            page: page.titled(t.methods_new()),
            found: BankPart::of(&t, form.value("card_number"), form.value("sheba")),
            form,
            action: super::LIST.to_owned(),
            method_type,
            is_new: true,
            is_active: true,
            is_fixed: false,
            conflict: String::new(),
        }
    }

    /// The form of this method.
    pub fn of(page: Page, id: PaymentMethodId, stored: &Stored, form: Fields) -> Self {
        let title = stored.draft.alias.clone();
        let new = Self::new(page, stored.draft.method_type, form);
        Self {
            page: new.page.titled(title),
            form: new.form,
            action: format!("{}/{id}", super::LIST),
            is_new: false,
            is_active: stored.is_active,
            is_fixed: stored.is_fixed,
            ..new
        }
    }

    /// Says who was first.
    pub fn with_conflict(mut self, by: Option<(String, Time)>) -> Self {
        if let Some((who, at)) = by {
            self.conflict = self.page.t.forms_conflict(self.page.t.datetime(at), who);
        }
        self
    }

    fn is_card(&self) -> bool {
        self.method_type == MethodType::Card
    }

    fn is_crypto(&self) -> bool {
        self.method_type == MethodType::Crypto
    }

    /// The types as tabs: address, name, whether it is this one.
    fn tabs(&self) -> Vec<(String, String, bool)> {
        [MethodType::Card, MethodType::Sheba, MethodType::Crypto]
            .into_iter()
            .map(|other| {
                let address = format!("{}?type={}", super::NEW, other.code());
                (address, other.label(&self.page.t), other == self.method_type)
            })
            .collect()
    }

    /// The coins: value, what is shown, whether it is chosen.
    fn coins(&self) -> Vec<(String, String, bool)> {
        let chosen = self.form.get("coin");
        let coin = |(coin, network): (&str, Network)| {
            let value = format!("{coin}/{}", network.code());
            let is_chosen = value == chosen;
            (value, format!("{coin} · {}", network.code()), is_chosen)
        };
        COINS.into_iter().map(coin).collect()
    }

    /// Attributes of the number's field.
    fn number_attributes(&self) -> &'static str {
        match (self.is_fixed, self.method_type) {
            (true, _) => "readonly",
            (false, MethodType::Card) => {
                "spellcheck=false hx-get=/admin/payment-methods/bank hx-trigger='input changed delay:200ms' hx-target='#bank-found' hx-swap=outerHTML hx-sync=this:replace"
            }
            (false, MethodType::Sheba) => {
                "spellcheck=false autocapitalize=characters hx-get=/admin/payment-methods/bank hx-trigger='input changed delay:200ms' hx-target='#bank-found' hx-swap=outerHTML hx-sync=this:replace"
            }
            (false, MethodType::Crypto) => "spellcheck=false autocapitalize=none",
        }
    }
}

/// What stands in the form of a method.
pub fn fill(draft: &Draft, t: &Tr) -> Fields {
    let mut form = Fields::default();
    form.set("alias", draft.alias.as_str());
    form.set("holder", draft.holder.as_str());
    form.set(draft.method_type.field(), grouped(draft));
    // A bank that its number tells need not be typed, and follows the number.
    let told = match draft.method_type {
        MethodType::Card => bank_of_card(&draft.number),
        MethodType::Sheba => bank_of_sheba(&draft.number),
        MethodType::Crypto => None,
    };
    if told.map(stored_name).as_ref() != Some(&draft.bank) {
        form.set("bank", draft.bank.as_str());
    }
    if let (Some(coin), Some(network)) = (&draft.coin, &draft.network) {
        form.set("coin", format!("{coin}/{network}"));
    }
    form.set("bonus_percent", t.digits(draft.bonus_percent));
    if let Some(count) = draft.daily_limit_count {
        form.set("daily_limit_count", t.number(count));
    }
    if let Some(amount) = draft.daily_limit_amount {
        form.set("daily_limit_amount", t.number(amount.0));
    }
    form.set("notes", draft.notes.as_str());
    form
}

/// What was typed; `None` when something is wrong with it.
pub fn read(form: &mut Fields, method_type: MethodType, t: &Tr) -> Option<Draft> {
    let alias = form.line("alias", MAX_LINE, t);
    let is_crypto = method_type == MethodType::Crypto;
    let holder = if is_crypto { String::new() } else { form.line("holder", MAX_LINE, t) };
    let mut coin = None;
    let mut bonus = Some(0);
    let (number, told) = match method_type {
        MethodType::Card => read_card(form, t).map(|card| (card.to_string(), card.bank())),
        MethodType::Sheba => read_sheba(form, t).map(|sheba| (sheba.to_string(), sheba.bank())),
        MethodType::Crypto => {
            bonus = form.whole("bonus_percent", BONUS, t);
            read_address(form, t).map(|(name, network, address)| {
                coin = Some((name, network));
                (address, None)
            })
        }
    }
    .unzip();
    let mut bank = String::new();
    if !is_crypto {
        bank = form.optional_line("bank", MAX_LINE, t);
        match told {
            Some(Some(told)) if bank.is_empty() => bank = stored_name(told),
            Some(None) if bank.is_empty() => form.fail("bank", t.methods_bank_unknown()),
            _ => {}
        }
    }
    let count = form.optional_whole("daily_limit_count", COUNTS, t);
    let amount = form.optional_toman("daily_limit_amount", AMOUNTS, t);
    let notes = form.optional_line("notes", MAX_NOTES, t);
    let small = |n: i64| i32::try_from(n).ok();
    let draft = Draft {
        method_type,
        alias,
        holder,
        bank,
        number: number?,
        coin: coin.as_ref().map(|(coin, _)| coin.clone()),
        network: coin.map(|(_, network)| network),
        bonus_percent: bonus.and_then(small)?,
        daily_limit_count: count.and_then(small),
        daily_limit_amount: amount,
        notes,
    };
    form.is_ok().then_some(draft)
}

fn read_card(form: &mut Fields, t: &Tr) -> Option<CardNumber> {
    let message = match CardNumber::parse(form.value("card_number")) {
        Ok(card) => return Some(card),
        Err(CardError::Empty) => t.forms_missing(),
        Err(CardError::NotSixteenDigits) => t.methods_card_length(),
        Err(CardError::WrongCheckDigit) => t.methods_card_check(),
    };
    form.fail("card_number", message);
    None
}

fn read_sheba(form: &mut Fields, t: &Tr) -> Option<Sheba> {
    let message = match Sheba::parse(form.value("sheba")) {
        Ok(sheba) => return Some(sheba),
        Err(ShebaError::Empty) => t.forms_missing(),
        Err(ShebaError::NotTwentyFourDigits) => t.methods_sheba_length(),
        Err(ShebaError::WrongCheckDigits) => t.methods_sheba_check(),
    };
    form.fail("sheba", message);
    None
}

/// Coin, network and address.
fn read_address(form: &mut Fields, t: &Tr) -> Option<(String, String, String)> {
    let visible = |c: &char| !c.is_whitespace() && !is_invisible(*c);
    let address: String = latin_digits(form.value("wallet_address")).chars().filter(visible).collect();
    let chosen =
        COINS.into_iter().find(|(coin, network)| format!("{coin}/{}", network.code()) == form.get("coin"));
    if chosen.is_none() {
        form.fail("coin", t.methods_coin_missing());
    }
    if address.is_empty() {
        form.fail("wallet_address", t.forms_missing());
        return None;
    }
    let (coin, network) = chosen?;
    if !network.takes(&address) {
        form.fail("wallet_address", t.methods_address_wrong(network.code()));
        return None;
    }
    Some((coin.to_owned(), network.code().to_owned(), address))
}
