//! Several accounts at once: one thing done with all that were chosen ([`selections`]), and several made by one
//! form ([`batches`]).
//!
//! Invariant: each account is one order or one change by the verbs that there are, in a transaction of its own,
//! under a form id that follows from the form's and its place. So whatever ends in the middle is done up to there
//! and not beyond, and the same form goes on and does nothing twice.

pub mod batches;
pub mod names;
pub mod preview;
pub mod queries;
pub mod selections;
pub mod sheet;

use std::time::Duration;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{PlaceError, Unaffordable, changes::ChangeError};
use crate::money::Toman;

/// At most so many accounts at a time.
pub const MOST: usize = 100;
/// How long one request goes on; what it did not reach is done by sending it again.
const BUDGET: Duration = Duration::from_secs(12);

/// Why one account is left out or was not done; nothing was charged for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Trouble {
    NotFound,
    Busy,
    SwitchedOff,
    WrongStatus,
    NotAllowed,
    Unreadable,
    NotOurs,
    /// So much less would be paid back now.
    RefundChanged,
    BuyerDisabled,
    PlanInactive,
    /// It costs so much now.
    PriceChanged,
    /// So much is owed.
    BelowZero,
    /// So much is missing.
    NotEnough,
    UsernameTaken,
    Username,
    FormUsed,
}

/// A trouble with its amount, where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub why: Trouble,
    pub amount: Option<Toman>,
}

impl Refusal {
    fn of(why: Trouble) -> Self {
        Self { why, amount: None }
    }

    fn with(why: Trouble, amount: Toman) -> Self {
        Self { why, amount: Some(amount) }
    }

    fn of_unaffordable(error: Unaffordable) -> sqlx::Result<Self> {
        Ok(match error {
            Unaffordable::BuyerDisabled => Refusal::of(Trouble::BuyerDisabled),
            Unaffordable::PlanInactive => Refusal::of(Trouble::PlanInactive),
            Unaffordable::PriceChanged { now } => Refusal::with(Trouble::PriceChanged, now),
            Unaffordable::BelowZero { owed } => Refusal::with(Trouble::BelowZero, owed),
            Unaffordable::NotEnough { missing } => Refusal::with(Trouble::NotEnough, missing),
            Unaffordable::Database(error) => return Err(error),
        })
    }

    fn of_change(error: ChangeError) -> sqlx::Result<Self> {
        Ok(match error {
            ChangeError::NotFound => Refusal::of(Trouble::NotFound),
            ChangeError::Busy => Refusal::of(Trouble::Busy),
            ChangeError::SwitchedOff => Refusal::of(Trouble::SwitchedOff),
            ChangeError::WrongStatus { .. } => Refusal::of(Trouble::WrongStatus),
            ChangeError::NotAllowed => Refusal::of(Trouble::NotAllowed),
            ChangeError::FormUsed { .. } => Refusal::of(Trouble::FormUsed),
            ChangeError::Unreadable(_) => Refusal::of(Trouble::Unreadable),
            ChangeError::NotOurs => Refusal::of(Trouble::NotOurs),
            ChangeError::RefundChanged { now } => Refusal::with(Trouble::RefundChanged, now),
            ChangeError::Unaffordable(why) => return Self::of_unaffordable(why),
            ChangeError::Database(error) => return Err(error),
        })
    }

    fn of_place(error: PlaceError) -> sqlx::Result<Self> {
        Ok(match error {
            PlaceError::BuyerDisabled => Refusal::of(Trouble::BuyerDisabled),
            PlaceError::PlanInactive => Refusal::of(Trouble::PlanInactive),
            PlaceError::PriceChanged { now } => Refusal::with(Trouble::PriceChanged, now),
            PlaceError::BelowZero { owed } => Refusal::with(Trouble::BelowZero, owed),
            PlaceError::NotEnough { missing } => Refusal::with(Trouble::NotEnough, missing),
            PlaceError::Username(_) => Refusal::of(Trouble::Username),
            PlaceError::UsernameTaken => Refusal::of(Trouble::UsernameTaken),
            PlaceError::FormUsed { .. } => Refusal::of(Trouble::FormUsed),
            PlaceError::Database(error) => return Err(error),
        })
    }
}

/// The id of the form for one of several: it follows from the form of all and from the number of the one.
pub(super) fn derived(form: Uuid, number: i64) -> Uuid {
    let digest = Sha256::new().chain_update(form.as_bytes()).chain_update(number.to_be_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_one_follows_from_the_form_and_its_number() {
        let (form, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(derived(form, 1), derived(form, 1));
        assert_ne!(derived(form, 1), derived(form, 2));
        assert_ne!(derived(form, 1), derived(other, 1));
        assert_ne!(derived(form, 1), form);
    }
}
