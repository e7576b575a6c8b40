//! Several accounts at once: choosing and acting on them, and making several by one form.

pub mod batch;
pub mod selection;
pub mod several;

use crate::{locale::Tr, money::Toman, orders::bulk::Trouble};

/// Why one of several was not done, in words.
fn words(t: &Tr, why: Trouble, amount: Option<Toman>) -> String {
    let amount = t.amount(amount.unwrap_or(Toman::ZERO));
    match why {
        Trouble::NotFound | Trouble::WrongStatus => t.changes_wrong_status(),
        Trouble::Busy => t.changes_busy(),
        Trouble::SwitchedOff => t.changes_switched_off(),
        Trouble::NotAllowed => t.changes_not_allowed(),
        Trouble::Unreadable => t.changes_unreadable(),
        Trouble::NotOurs => t.changes_refused_not_ours(),
        Trouble::RefundChanged => t.changes_refund_changed(amount),
        Trouble::BuyerDisabled => t.bulk_buyer_disabled(),
        Trouble::PlanInactive => t.bulk_plan_inactive(),
        Trouble::PriceChanged => t.bulk_price_changed(amount),
        Trouble::BelowZero => t.changes_below_zero(amount),
        Trouble::NotEnough => t.bulk_not_enough(amount),
        Trouble::UsernameTaken => t.bulk_name_taken(),
        Trouble::Username => t.orders_username_characters(),
        Trouble::FormUsed => t.changes_form_used(),
    }
}
