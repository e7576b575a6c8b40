//! Deeds in words. What was recorded under an action that has none yet is shown as it stands: a newer version of the
//! panel may have written it.

use serde_json::Value;

use crate::{calendar::Time, locale::Tr, money::Toman};

/// What the action says that was done; `subject` is the number of the payment or the order that it was done to.
/// `None` for an action that has no words.
pub fn words(t: &Tr, action: &str, subject: Option<i64>) -> Option<String> {
    let number = subject.map(|id| t.digits(id)).unwrap_or_default();
    Some(match action {
        "account.sign_in" => t.audit_sign_in(),
        "account.refuse_sign_in" => t.audit_refuse_sign_in(),
        "account.sign_out" => t.audit_sign_out(),
        "account.change_password" => t.audit_change_password(),
        "account.refuse_password" => t.audit_refuse_password(),
        "account.reset_password" => t.audit_reset_password(),
        "account.set_password" => t.audit_set_password(),
        "setup.refuse_code" => t.audit_refuse_setup_code(),
        "settings.hide_checklist" => t.audit_hide_checklist(),
        "settings.show_checklist" => t.audit_show_checklist(),
        "account.update_profile" => t.audit_update_profile(),
        "account.end_session" => t.audit_end_session(),
        "account.turn_on_two_factor" => t.audit_turn_on_two_factor(),
        "account.turn_off_two_factor" => t.audit_turn_off_two_factor(),
        "account.renew_recovery_codes" => t.audit_renew_recovery_codes(),
        "account.reset_two_factor" => t.audit_reset_two_factor(),
        "view_as.begin" => t.audit_begin_view(),
        "view_as.end" => t.audit_end_view(),
        "account.create_admin" => t.audit_create_admin(),
        "account.disable" => t.audit_disable_account(),
        "account.enable" => t.audit_enable_account(),
        "agent.create" => t.audit_create_agent(),
        "agent.update" => t.audit_update_agent(),
        "agent.put_off" => t.audit_put_off(),
        "agent.end_put_off" => t.audit_end_put_off(),
        "wallet.adjust" => t.audit_adjust_wallet(),
        "payment.submit" => t.audit_submit_payment(number),
        "payment.withdraw" => t.audit_withdraw_payment(number),
        "payment.approve" => t.audit_approve_payment(number),
        "payment.reject" => t.audit_reject_payment(number),
        "order.place" => t.audit_place_order(number),
        "order.reserve" => t.audit_reserve_order(number),
        "order.pay" => t.audit_pay_order(number),
        "order.cancel" => t.audit_cancel_order(number),
        "order.activate" => t.audit_activate_order(number),
        "order.fail" => t.audit_fail_order(number),
        "order.renew" => t.audit_renew_order(number),
        "order.renewed" => t.audit_order_renewed(number),
        "order.disable" => t.audit_disable_order(number),
        "order.disabled" => t.audit_order_disabled(number),
        "order.enable" => t.audit_enable_order(number),
        "order.enabled" => t.audit_order_enabled(number),
        "order.delete" => t.audit_delete_order(number),
        "order.deleted" => t.audit_order_deleted(number),
        "order.revoke" => t.audit_revoke_order(number),
        "order.revoked" => t.audit_order_revoked(number),
        "order.reset" => t.audit_reset_order(number),
        "order.begun_anew" => t.audit_order_begun_anew(number),
        "order.change_refused" => t.audit_change_refused(number),
        "order.change_cancelled" => t.audit_change_cancelled(number),
        "order.edit" => t.audit_edit_order(number),
        "order.read_server" => t.audit_read_server(),
        "order.import_all" => t.audit_import_orders(),
        "order.stop_import" => t.audit_stop_import(),
        "order.import" => t.audit_import_order(number),
        "order.move" => t.audit_move_order(number),
        "order.retry" => t.audit_retry_order(number),
        "plan.create" => t.audit_create_plan(),
        "plan.update" => t.audit_update_plan(),
        "plan.reprice" => t.audit_reprice_plan(),
        "plan.activate" => t.audit_activate_plan(),
        "plan.deactivate" => t.audit_deactivate_plan(),
        "plan.move" => t.audit_move_plan(),
        "payment_method.create" => t.audit_create_method(),
        "payment_method.update" => t.audit_update_method(),
        "payment_method.activate" => t.audit_activate_method(),
        "payment_method.deactivate" => t.audit_deactivate_method(),
        "customer.register" => t.audit_register(),
        "report.export" => t.audit_export_report(),
        "task.run" => t.audit_run_task(),
        "job.retry" => t.audit_retry_job(),
        "settings.require_two_factor" => t.audit_require_two_factor(),
        "settings.update_texts" => t.audit_update_texts(),
        "settings.open" => t.audit_open_switch(),
        "settings.close" => t.audit_close_switch(),
        "notices.update" => t.audit_update_notices(),
        "backup.download" => t.audit_download_backup(),
        "backup.copy" => t.audit_copy_backups(),
        "backup.restore" => t.audit_restore_backup(),
        "order.drift_set_there" => t.audit_set_there(number),
        "order.drift_taken_over" => t.audit_take_over(number),
        "settings.update" => t.audit_update_settings(),
        _ => return None,
    })
}

/// What else the deed's detail says: amounts in Toman, the reason, and of what was changed, what it was and is.
pub fn note(t: &Tr, action: &str, detail: &Value) -> String {
    let Value::Object(fields) = detail else { return String::new() };
    let mut parts = Vec::new();
    for (field, value) in fields {
        match (field.as_str(), value) {
            ("request_id" | "transaction" | "payment_method_id" | "order_id" | "change" | "before", _)
            | (_, Value::Null | Value::Bool(false)) => {}
            ("amount", Value::Number(amount)) => {
                let amount = Toman(amount.as_i64().unwrap_or_default());
                parts.push(if action == "wallet.adjust" { t.signed(amount) } else { t.amount(amount) });
            }
            // Said once, where all is as claimed.
            ("actual" | "credited", value) if *value == detail["claimed"] => {}
            ("until" | "expire_at", Value::Number(until)) => {
                let until = until.as_i64().and_then(|until| Time::from_unix_timestamp(until).ok());
                parts.extend(until.map(|until| t.audit_until(t.datetime(until))));
            }
            ("reason", Value::String(reason)) => parts.push(why(t, reason)),
            ("name" | "alias", Value::String(text)) => parts.push(text.clone()),
            ("changes", Value::Object(changes)) => {
                parts.extend(changes.iter().map(|(field, change)| changed(t, field, &change[0], &change[1])));
            }
            ("after", after) => parts.extend(differences(t, &detail["before"], after)),
            (field, Value::Array(pair)) if pair.len() == 2 => {
                if pair[0] != pair[1] {
                    parts.push(changed(t, field, &pair[0], &pair[1]));
                }
            }
            (field, value) => parts.push(t.audit_fact(label(t, field), shown(t, field, value))),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

/// A reason as a person typed it, or one of the panel's own.
fn why(t: &Tr, reason: &str) -> String {
    match reason {
        "BY_OWNER" => t.audit_reason_by_owner(),
        "BY_ADMIN" => t.audit_reason_by_admin(),
        "NEGATIVE_CREDIT" => t.audit_reason_negative_credit(),
        typed => typed.to_owned(),
    }
}

/// What differs between two states of a thing; all that is set, where there was none before.
fn differences(t: &Tr, before: &Value, after: &Value) -> Vec<String> {
    match (before, after) {
        (Value::Null, Value::Object(after)) => {
            let set = after.iter().filter(|(_, value)| !is_empty(value));
            set.map(|(field, value)| t.audit_fact(label(t, field), shown(t, field, value))).collect()
        }
        (Value::Object(_), Value::Object(after)) => {
            let differ = after.iter().filter(|(field, value)| before[field.as_str()] != **value);
            differ.map(|(field, value)| changed(t, field, &before[field.as_str()], value)).collect()
        }
        // The prices of a plan: public, agents'.
        (Value::Array(_), Value::Array(_)) => [(0, "price_public"), (1, "price_agent")]
            .into_iter()
            .filter(|(at, _)| before[at] != after[at])
            .map(|(at, field)| changed(t, field, &before[at], &after[at]))
            .collect(),
        _ => Vec::new(),
    }
}

fn changed(t: &Tr, field: &str, old: &Value, new: &Value) -> String {
    t.audit_changed(label(t, field), shown(t, field, new), shown(t, field, old))
}

fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Null) || value.as_str().is_some_and(str::is_empty)
}

fn shown(t: &Tr, field: &str, value: &Value) -> String {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(amount) if is_money(field) => t.amount(Toman(amount)),
            Some(number) => t.number(number),
            None => t.digits(number),
        },
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Bool(true) => t.audit_yes(),
        Value::Bool(false) => t.audit_no(),
        Value::Null | Value::String(_) => t.audit_nothing(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Whether a field of this name is an amount of Toman.
fn is_money(field: &str) -> bool {
    ["amount", "price", "ceiling", "payment_m", "claimed", "actual", "credited", "refund"]
        .iter()
        .any(|word| field.contains(word))
}

/// What the pages call a field; one that they don't know keeps its own name.
fn label(t: &Tr, field: &str) -> String {
    match field {
        "username" => t.audit_field_username_tried(),
        "claimed" => t.audit_field_claimed(),
        "actual" => t.audit_field_actual(),
        "credited" => t.audit_field_credited(),
        "first_name" => t.agents_first_name(),
        "last_name" => t.agents_last_name(),
        "phone" => t.agents_phone(),
        "shop_name" => t.agents_shop_name(),
        "province" => t.agents_province(),
        "city" => t.agents_city(),
        "address" => t.agents_address(),
        "notes" => t.agents_notes(),
        "username_prefix" => t.agents_prefix(),
        "pending_ceiling" => t.agents_ceiling(),
        "name" => t.plans_name(),
        "days" => t.plans_days(),
        "data_limit_gb" | "gb" => t.plans_volume(),
        "plan" => t.orders_bought(),
        "refund" => t.payments_type_refunded(),
        "from" => t.audit_field_from(),
        "to" => t.audit_field_to(),
        "keeper" => t.import_keeper(),
        "note" => t.import_note(),
        "accounts" => t.audit_field_accounts(),
        "note_changed" => t.audit_field_note_changed(),
        "on_hold_seconds" => t.audit_field_on_hold_seconds(),
        "kept_disabled" => t.audit_field_kept_disabled(),
        "price_public" => t.plans_price_public(),
        "price_agent" => t.plans_price_agent(),
        "place" => t.audit_field_position(),
        "alias" => t.methods_alias(),
        "holder" => t.methods_holder(),
        "bank" => t.payment_methods_bank(),
        "number_ends" => t.audit_field_number_ends(),
        "coin" => t.payment_methods_coin(),
        "network" => t.payment_methods_network(),
        "bonus_percent" => t.methods_bonus(),
        "daily_limit_count" => t.methods_limit_count(),
        "daily_limit_amount" => t.methods_limit_amount(),
        "payment_min" => t.settings_payment_min(),
        "payment_max" => t.settings_payment_max(),
        "default_pending_ceiling" => t.settings_ceiling(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::locale::Language;

    const EN: Tr = Tr::new(Language::En);

    #[test]
    fn a_change_says_what_was_and_what_is() {
        let detail = json!({ "before": { "name": "A", "price_agent": 1000 }, "after": { "name": "A", "price_agent": 2000 } });
        assert_eq!(note(&EN, "plan.update", &detail), "Agents' price: 1,000 Toman → 2,000 Toman");
        let detail = json!({ "before": [5000, 1000], "after": [5000, 2000] });
        assert_eq!(note(&EN, "plan.reprice", &detail), "Agents' price: 1,000 Toman → 2,000 Toman");
        let detail = json!({ "changes": { "city": ["", "Yazd"] } });
        assert_eq!(note(&EN, "agent.update", &detail), "City: empty → Yazd");
        let detail = json!({ "after": { "alias": "A card", "coin": null, "notes": "" } });
        assert_eq!(note(&EN, "payment_method.create", &detail), "Name: A card");
    }

    #[test]
    fn what_nobody_knows_is_shown_as_it_stands() {
        assert_eq!(words(&EN, "moon.land", None), None);
        let detail = json!({ "amount": 1000, "crater": 7, "deep": { "x": [1] }, "none": null, "reason": "" });
        assert_eq!(note(&EN, "moon.land", &detail), "1,000 Toman · crater: 7 · deep: {\"x\":[1]}");
        for detail in [json!(null), json!([1]), json!("x"), json!({ "changes": 1, "after": 2, "until": "x" })]
        {
            note(&EN, "moon.land", &detail);
        }
    }
}
