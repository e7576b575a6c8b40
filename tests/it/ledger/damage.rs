//! Damage done with the triggers off, as by a bad restore or by hand: verifying finds each kind, and only that.

use rad_panel::{
    ids::{OrderId, PaymentId, PlanId},
    ledger::{EntryType, Posting, Reference},
    money::Toman,
    orders::{
        self, NewOrder,
        changes::{self, By, Deletion, Renewal},
    },
    payments::{self, ApprovalInput},
};
use sqlx::PgPool;
use uuid::Uuid;

use super::{by_hand, post, violations};
use crate::{
    payments::{card, crypto, pay},
    support::TestApp,
};

/// Three payments (approved with a bonus, rejected, pending), two living orders and a refunded one.
async fn full_shop(db: PgPool) -> (TestApp, [PaymentId; 3]) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    app.give_credit(app.reza, 500_000).await;
    crypto(&app.db).await;
    let approved = pay(&app, app.reza, 200_000).await;
    payments::approve(&app.db, approved, app.sara, ApprovalInput::default(), now).await.unwrap();
    sqlx::query("UPDATE payment_methods SET status = 'INACTIVE'").execute(&app.db).await.unwrap();
    sqlx::query("DELETE FROM payment_draws").execute(&app.db).await.unwrap();
    card(&app.db, "ملی").await;
    let rejected = pay(&app, app.reza, 60_000).await;
    payments::reject(&app.db, rejected, app.sara, "نیامده", now).await.unwrap();
    let pending = pay(&app, app.reza, 70_000).await;
    let plan = app.plan("ماهانه", 30, Some(30), 90_000).await;
    for username in ["first_one", "second_one", "third_one"] {
        let new = NewOrder {
            buyer: app.reza,
            plan,
            price_seen: Toman(90_000),
            username,
            alias: "",
            note: "",
            on_hold: false,
            request_id: Uuid::new_v4(),
        };
        orders::place(&app.db, &new, now).await.unwrap();
        // One is made, one stays on its way, and the last one is refused.
        if username == "first_one" {
            assert_eq!(app.run_jobs().await, 1);
        }
    }
    let (failed,): (i64,) = sqlx::query_as(
        "UPDATE orders SET status = 'FAILED', failure_reason = 'REFUSED' WHERE marzban_username = 'third_one' RETURNING id",
    )
    .fetch_one(&app.db)
    .await
    .unwrap();
    let refund = Posting {
        entry_type: EntryType::OrderRefund,
        reference: Reference::Order(failed.into()),
        ..by_hand(app.reza, 90_000)
    };
    post(&app.db, &refund, now).await.unwrap();
    change(&app, plan).await;
    assert_eq!(violations(&app.db).await, Vec::<String>::new(), "a shop in order has nothing to report");
    (app, [approved, rejected, pending])
}

/// Of two more orders, one is renewed twice, the second time in vain, and the other is deleted with its refund.
async fn change(app: &TestApp, plan: PlanId) {
    let now = app.clock.now();
    let (by, marzban) = (By::Owner(app.reza.into()), &app.state.server);
    let mut made = Vec::new();
    for username in ["renewed_one", "deleted_one"] {
        let new = NewOrder {
            buyer: app.reza,
            plan,
            price_seen: Toman(90_000),
            username,
            alias: "",
            note: "",
            on_hold: false,
            request_id: Uuid::new_v4(),
        };
        app.give_credit(app.reza, 200_000).await;
        made.push(orders::place(&app.db, &new, now).await.unwrap());
    }
    app.run_jobs().await;
    let renewal =
        |order: OrderId| Renewal { order, plan, price_seen: Toman(90_000), request_id: Uuid::new_v4() };
    changes::renew(&app.db, &renewal(made[0]), by, now).await.unwrap();
    app.run_jobs().await;
    let deletion = Deletion { order: made[1], refund_seen: None, request_id: Uuid::new_v4() };
    changes::delete(&app.db, marzban, &deletion, by, now).await.unwrap();
    app.run_jobs().await;
    assert!(marzban.delete_account("renewed_one").await.done().is_some());
    changes::renew(&app.db, &renewal(made[0]), by, now).await.unwrap();
    app.run_jobs().await;
}

/// Runs the statement with nothing that could refuse it, looks, and takes it back.
async fn found_after(db: &PgPool, damage: &str) -> Vec<String> {
    let mut tx = db.begin().await.unwrap();
    for table in ["transactions", "wallets", "payments", "orders"] {
        sqlx::raw_sql(&format!("ALTER TABLE {table} DISABLE TRIGGER ALL")).execute(&mut *tx).await.unwrap();
    }
    for (table, constraint) in [
        ("wallets", "wallets_negative_since_kept"),
        ("transactions", "transactions_balance_adds_up"),
        ("transactions", "transactions_deltas_of_type"),
    ] {
        let sql = format!("ALTER TABLE {table} DROP CONSTRAINT {constraint}");
        sqlx::raw_sql(&sql).execute(&mut *tx).await.unwrap();
    }
    let done =
        sqlx::raw_sql(damage).execute(&mut *tx).await.unwrap_or_else(|error| panic!("{damage}: {error}"));
    assert!(done.rows_affected() > 0, "no row was damaged by {damage}");
    let found = rad_panel::ledger::verify(&mut tx).await.unwrap();
    tx.rollback().await.unwrap();
    found.into_iter().map(|violation| violation.rule).collect()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn verifying_finds_each_kind_of_damage(db: PgPool) {
    let (app, [approved, rejected, pending]) = full_shop(db).await;
    let reza = app.reza.0;
    let last = "seq = (SELECT max(seq) FROM transactions)";
    let done = "status = 'DONE'";
    let damages = [
        (format!("UPDATE wallets SET confirmed = confirmed + 1 WHERE user_id = {reza}"), "wallet differs"),
        (format!("UPDATE wallets SET last_seq = last_seq + 1 WHERE user_id = {reza}"), "wallet differs"),
        (format!("DELETE FROM transactions WHERE user_id = {reza} AND {last}"), "wallet differs"),
        (format!("DELETE FROM transactions WHERE user_id = {reza} AND seq = 1"), "does not continue"),
        (format!("UPDATE wallets SET pending = pending + 1 WHERE user_id = {reza}"), "pending credit differs"),
        (format!("DELETE FROM payments WHERE id = {pending}"), "pending credit differs"),
        (format!("UPDATE transactions SET balance_before = balance_before + 1 WHERE {last}"), "does not continue"),
        (format!("UPDATE transactions SET balance_after = balance_after + 1 WHERE {last}"), "does not continue"),
        (
            format!("UPDATE transactions SET confirmed_after = confirmed_after + 1, pending_after = pending_after - 1 WHERE {last}"),
            "does not continue",
        ),
        ("UPDATE transactions SET seq = seq + 100 WHERE seq = 3".to_owned(), "does not continue"),
        (format!("UPDATE wallets SET negative_since = now() WHERE user_id = {reza}"), "negative_since"),
        (format!("UPDATE payments SET credited_amount = credited_amount + 1 WHERE id = {approved}"), "effect of its status"),
        (
            format!("UPDATE payments SET status = 'APPROVED', approved_amount = amount, credited_amount = amount WHERE id = {rejected}"),
            "effect of its status",
        ),
        (
            format!("UPDATE payments SET status = 'REJECTED', admin_notes = 'x', processed_at = now(), processed_by = 1 WHERE id = {pending}"),
            "effect of its status",
        ),
        ("UPDATE orders SET amount = amount + 1 WHERE marzban_username = 'first_one'".to_owned(), "charged exactly once"),
        ("UPDATE orders SET status = 'CANCELLED' WHERE marzban_username = 'second_one'".to_owned(), "charged exactly once"),
        (
            "UPDATE orders SET status = 'FAILED', failure_reason = 'REFUSED' WHERE marzban_username = 'second_one'".to_owned(),
            "not paid back",
        ),
        (
            "UPDATE orders SET status = 'ACTIVE', failure_reason = NULL WHERE marzban_username = 'third_one'".to_owned(),
            "paid back although it lives",
        ),
        (format!("UPDATE order_changes SET amount = amount + 1 WHERE {done} AND kind = 'RENEW'"), "was not charged once"),
        (
            format!("UPDATE order_changes SET status = 'REFUSED', refusal = 'REFUSED' WHERE {done} AND kind = 'RENEW'"),
            "was not paid back as its end says",
        ),
        (
            "UPDATE order_changes SET status = 'DONE', refusal = NULL WHERE status = 'REFUSED'".to_owned(),
            "was not paid back as its end says",
        ),
        (
            format!("UPDATE order_changes SET refund_amount = refund_amount - 1 WHERE {done} AND kind = 'DELETE'"),
            "as it was reckoned",
        ),
        (
            format!("UPDATE order_changes SET refund_amount = 0 WHERE {done} AND kind = 'DELETE'"),
            "as it was reckoned",
        ),
        (
            format!("UPDATE order_changes SET status = 'CANCELLED' WHERE {done} AND kind = 'DELETE'"),
            "without a deletion",
        ),
    ];
    for (damage, rule) in damages {
        let found = found_after(&app.db, &damage).await;
        assert!(found.iter().any(|violation| violation.contains(rule)), "{damage} was reported as {found:?}");
    }
    assert_eq!(violations(&app.db).await, Vec::<String>::new());
}
