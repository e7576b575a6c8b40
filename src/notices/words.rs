//! What notices say, in the page and in messages.

use serde_json::Value;

use super::{Couriers, Kind, Subject, Told, couriers::Button, page_of};
use crate::{calendar::Time, locale::Tr, money::Toman, role::Role};

/// A burst is told in so many lines; the rest in a number.
const LINES: usize = 20;

/// A notice in words.
pub(super) struct Words {
    pub title: String,
    pub text: String,
}

/// What a kind is called where it is switched.
pub(super) fn name(t: &Tr, kind: Kind) -> String {
    match kind {
        Kind::PaymentNew => t.notices_payment_new(),
        Kind::OrderFailed => t.notices_order_failed(),
        Kind::OrderLate => t.notices_order_late(),
        Kind::ChangesLate => t.notices_changes_late(),
        Kind::ServerDown => t.notices_server_down(),
        Kind::ServerBack => t.notices_server_back(),
        Kind::AgentBelowZero => t.notices_agent_below_zero(),
        Kind::BackupFailed => t.notices_backup_failed(),
        Kind::BackupNotCopied => t.notices_backup_not_copied(),
        Kind::TaskFailed => t.notices_task_failed(),
        Kind::ErrorRate => t.notices_error_rate(),
        Kind::ErrorsOver => t.notices_errors_over(),
        Kind::PaymentDecided => t.notices_payment_decided(),
        Kind::BelowZero => t.notices_below_zero(),
        Kind::AccountsDisabled => t.notices_accounts_disabled(),
        Kind::AccountsBack => t.notices_accounts_back(),
        Kind::OrderReady => t.notices_order_ready(),
        Kind::AccountsEnding => t.notices_accounts_ending(),
    }
}

/// What a notice says.
pub(super) fn words(t: &Tr, told: &Told) -> Words {
    let text = |key: &str| told.data.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = |key: &str| told.data.get(key).and_then(Value::as_i64).unwrap_or(0);
    let amount = |key: &str| t.amount(Toman(number(key)));
    let mut title = name(t, told.kind);
    let text = match told.kind {
        Kind::PaymentNew => t.notices_payment_new_text(amount("amount"), text("payer")),
        Kind::OrderFailed => t.notices_order_failed_text(text("username")),
        Kind::OrderLate => t.notices_order_late_text(text("username")),
        Kind::ChangesLate => t.notices_changes_late_text(t.number(number("count")), text("username")),
        Kind::ServerDown => cause(t, text("cause")),
        Kind::ServerBack => t.notices_server_back_text(t.number(number("minutes"))),
        Kind::AgentBelowZero => t.notices_agent_below_zero_text(text("agent"), amount("owed")),
        Kind::BackupFailed | Kind::BackupNotCopied => text("error").to_owned(),
        Kind::TaskFailed => t.notices_task_failed_text(text("error"), task(t, text("task"))),
        Kind::ErrorRate => t.notices_error_rate_text(t.number(number("count")), t.number(number("minutes"))),
        Kind::ErrorsOver => t.notices_errors_over_text(t.number(number("minutes"))),
        Kind::PaymentDecided if told.data.get("approved").and_then(Value::as_bool) == Some(true) => {
            title = t.notices_payment_approved();
            t.notices_payment_approved_text(amount("amount"))
        }
        Kind::PaymentDecided => {
            title = t.notices_payment_rejected();
            t.notices_payment_rejected_text(amount("amount"), text("reason"))
        }
        Kind::BelowZero => below_zero(t, told.created_at, number("deadline"), &amount("owed")),
        Kind::AccountsDisabled => t.notices_accounts_disabled_text(t.number(number("count"))),
        Kind::AccountsBack => t.notices_accounts_back_text(t.number(number("count"))),
        Kind::OrderReady => t.notices_order_ready_text(text("username")),
        Kind::AccountsEnding => {
            let names = told.data.get("usernames").and_then(Value::as_array).into_iter().flatten();
            let names: Vec<&str> = names.filter_map(Value::as_str).collect();
            t.notices_accounts_ending_text(t.number(number("count")), names.join(t.notices_comma().as_str()))
        }
    };
    Words { title, text }
}

fn below_zero(t: &Tr, told_at: Time, deadline: i64, owed: &str) -> String {
    let Ok(deadline) = Time::from_unix_timestamp(deadline) else { return String::new() };
    t.notices_below_zero_text(t.datetime(deadline), t.remaining(deadline - told_at), owed)
}

fn cause(t: &Tr, cause: &str) -> String {
    match cause {
        "Unauthorized" => t.upkeep_server_unauthorized(),
        "ProxyFailed" => t.upkeep_server_proxy(),
        "Server5xx" | "BadAnswer" => t.upkeep_server_wrong(),
        _ => t.upkeep_server_unreachable(),
    }
}

/// The words of the tasks that most often have something to tell; another is told by its code.
fn task(t: &Tr, code: &str) -> String {
    match code {
        "USAGE" => t.upkeep_usage(),
        "CLEANING" => t.upkeep_cleaning(),
        "VERIFICATION" => t.upkeep_verification(),
        other => other.to_owned(),
    }
}

/// A message for outside of the panel: one notice whole, several as lines.
pub(super) struct Message {
    pub title: String,
    pub body: String,
    pub buttons: Vec<Button>,
}

/// What a message says, with the addresses of our pages where the panel knows its own.
pub(super) fn message(t: &Tr, couriers: &Couriers, role: Role, told: &[Told]) -> Message {
    let mut lines = Vec::new();
    let (title, page) = match told {
        [one] => {
            let words = words(t, one);
            lines.push(words.text);
            (words.title, page_of(role, one.kind, one.subject))
        }
        many => {
            for one in many.iter().take(LINES) {
                let words = words(t, one);
                lines.push(format!("• {}: {}", words.title, words.text));
            }
            if many.len() > LINES {
                lines.push(t.notices_and_more(t.digits(many.len() - LINES)));
            }
            (t.notices_burst(t.digits(many.len())), "/notices".to_owned())
        }
    };
    if let Some(address) = couriers.address_of(&page) {
        lines.push(address);
    }
    let buttons = match told {
        [Told { kind: Kind::PaymentNew, subject: Subject::Payment(id), .. }] => {
            let rejection = format!("{page}#reason-{id}");
            let button = |label, page: &str| Some(Button { label, address: couriers.address_of(page)? });
            let both = [button(t.payments_approve(), &page), button(t.payments_reject(), &rejection)];
            both.into_iter().flatten().collect()
        }
        _ => Vec::new(),
    };
    Message { title, body: lines.join("\n"), buttons }
}
