//! What the database refuses whoever asks, the owner of its tables included.

use rad_panel::{
    ids::{OrderId, PaymentId},
    ledger::{EntryType, Posting, Reference},
    money::Toman,
    payments,
};
use sqlx::{PgConnection, PgPool};

use super::{by_hand, post};
use crate::{
    payments::{card, pay},
    support::TestApp,
};

/// The SQLSTATE and the message with which the statements were refused, at the latest at commit.
async fn refused(db: &PgPool, statements: &str) -> (String, String) {
    let mut tx = db.begin().await.unwrap();
    let error = match sqlx::raw_sql(statements).execute(&mut *tx).await {
        Ok(_) => tx.commit().await.expect_err(statements),
        Err(error) => error,
    };
    let error = error.into_database_error().expect("the database says no");
    (error.code().unwrap().into_owned(), error.message().to_owned())
}

/// A row of the ledger as somebody would write it past the panel.
fn row(user: i64, seq: i64, before: i64, delta: i64, after: i64) -> String {
    format!(
        "INSERT INTO transactions (user_id, seq, type, confirmed_delta, pending_delta, balance_before, balance_after,
             confirmed_after, pending_after, reference_type, notes, created_at)
         VALUES ({user}, {seq}, 'CHARGE_MANUAL', {delta}, 0, {before}, {after}, {after}, 0, 'MANUAL', 'forged', now());"
    )
}

fn with_wallet(user: i64, seq: i64, confirmed: i64) -> String {
    format!("UPDATE wallets SET confirmed = {confirmed}, last_seq = {seq} WHERE user_id = {user};")
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn no_row_of_the_ledger_is_ever_changed_or_removed_not_even_by_its_owner(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.reza, 100).await;
    let owns: bool = sqlx::query_scalar(
        "SELECT tableowner = current_user AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
         FROM pg_tables WHERE tablename = 'transactions'",
    )
    .fetch_one(&app.db)
    .await
    .unwrap();
    assert!(owns, "these tests speak as the owner");
    for statement in [
        "UPDATE transactions SET notes = 'nothing happened'",
        "UPDATE transactions SET id = DEFAULT",
        "DELETE FROM transactions",
        "TRUNCATE transactions",
        "TRUNCATE wallets CASCADE",
        "TRUNCATE payments CASCADE",
        "TRUNCATE users CASCADE",
    ] {
        let (code, message) = refused(&app.db, statement).await;
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("23001", "the ledger is never changed"),
            "{statement}"
        );
    }
    let (code, _) = refused(&app.db, "DELETE FROM wallets").await;
    assert_eq!(code, "23503", "a wallet with rows stays");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_row_that_does_not_continue_the_chain_is_refused(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.reza, 100).await;
    let reza = app.reza.0;
    for (what, statement) in [
        ("a hole", row(reza, 3, 100, 5, 105)),
        ("a row of the past", row(reza, 1, 0, 5, 5)),
        ("another beginning", row(reza, 2, 90, 5, 95)),
        ("the first row not from zero", row(app.mina.0, 1, 50, 5, 55)),
        ("the first row not the first", row(app.mina.0, 2, 0, 5, 5)),
    ] {
        let (code, message) = refused(&app.db, &statement).await;
        assert_eq!(code, "23000", "{what}: {message}");
        assert!(message.contains("does not continue row"), "{what}: {message}");
    }
    // Sums that don't add up, within the row and between its two kinds of credit.
    let (code, message) = refused(&app.db, &row(reza, 2, 100, 5, 106)).await;
    assert!(code == "23000" || message.contains("transactions_balance_adds_up"), "{code} {message}");
    let swapped =
        "INSERT INTO transactions (user_id, seq, type, confirmed_delta, pending_delta, balance_before,
            balance_after, confirmed_after, pending_after, reference_type, notes, created_at)
        VALUES ($1, 2, 'CHARGE_MANUAL', 5, 0, 100, 105, 100, 5, 'MANUAL', 'forged', now())"
            .replace("$1", &reza.to_string());
    assert_eq!(refused(&app.db, &swapped).await.0, "23000");
    // The row that does continue it goes through, so it was the chain that was refused above.
    let mut tx = app.db.begin().await.unwrap();
    let honest = format!("{}{}", row(reza, 2, 100, 5, 105), with_wallet(reza, 2, 105));
    sqlx::raw_sql(&honest).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn wallet_and_ledger_are_written_together_or_not_at_all(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.reza, 100).await;
    let reza = app.reza.0;
    for (what, statements) in [
        ("a wallet without a row", with_wallet(reza, 1, 1_000_000)),
        ("a number without a row", with_wallet(reza, 2, 100)),
        ("a row without its wallet", row(reza, 2, 100, 5, 105)),
        ("a row and another wallet", format!("{}{}", row(reza, 2, 100, 5, 105), with_wallet(reza, 2, 106))),
        ("pending credit of nothing", format!("UPDATE wallets SET pending = 5 WHERE user_id = {reza}")),
        (
            "a wallet that begins with credit",
            format!(
                "DELETE FROM wallets WHERE user_id = {0}; INSERT INTO wallets (user_id, confirmed) VALUES ({0}, 9)",
                app.mina.0
            ),
        ),
    ] {
        let (code, message) = refused(&app.db, &statements).await;
        assert_eq!(code, "23000", "{what}: {message}");
        assert!(message.contains("disagrees with its ledger"), "{what}: {message}");
    }
    assert_eq!(app.balance(app.reza).await.confirmed, Toman(100));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_pending_payment_exists_only_with_its_pending_credit(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 50_000).await;
    let copy = "INSERT INTO receipts (storage_key, uploaded_by, content_type, size_bytes, sha256, created_at)
            SELECT gen_random_uuid(), uploaded_by, content_type, size_bytes, sha256, created_at FROM receipts;
        INSERT INTO payments (user_id, payment_method_id, receipt_id, amount, request_id, created_at)
            SELECT user_id, payment_method_id, (SELECT max(id) FROM receipts), amount, gen_random_uuid(), created_at
            FROM payments;";
    let (code, message) = refused(&app.db, copy).await;
    assert_eq!(code, "23000", "a payment without credit: {message}");
    assert!(message.contains("disagrees"), "{message}");
    let decided = format!(
        "UPDATE payments SET status = 'WITHDRAWN', processed_at = now(), processed_by = user_id WHERE id = {payment}"
    );
    assert_eq!(refused(&app.db, &decided).await.0, "23000", "a payment decided without its ledger row");
    assert_eq!(refused(&app.db, "UPDATE payments SET amount = amount + 1").await.0, "23001");
    assert_eq!(refused(&app.db, "DELETE FROM payments").await.0, "23001");
    payments::withdraw(&app.db, payment, app.reza, app.clock.now()).await.unwrap();
    let again = "UPDATE payments SET status = 'PENDING', processed_at = NULL, processed_by = NULL";
    assert_eq!(refused(&app.db, again).await.0, "23001", "what was decided stays decided");
    app.finish().await;
}

async fn constraint(db: &PgPool, posting: &Posting, app: &TestApp) -> String {
    let error = post(db, posting, app.clock.now()).await.expect_err("no second effect");
    error.as_database_error().and_then(|e| e.constraint()).unwrap_or_default().to_owned()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_payment_has_each_money_effect_once(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 50_000).await;
    let effect = |entry_type, confirmed, pending| Posting {
        entry_type,
        confirmed: Toman(confirmed),
        pending: Toman(pending),
        reference: Reference::Payment(payment),
        ..by_hand(app.reza, 0)
    };
    let submitted = effect(EntryType::ChargePending, 0, 50_000);
    assert_eq!(constraint(&app.db, &submitted, &app).await, "transactions_payment_submitted_once");
    payments::approve(&app.db, payment, app.sara, Default::default(), app.clock.now()).await.unwrap();
    // Credit enough that only the rule stands in the way, and not the wallet's floor.
    pay(&app, app.reza, 70_000).await;
    let approved = effect(EntryType::ChargeApproved, 50_000, -50_000);
    assert_eq!(constraint(&app.db, &approved, &app).await, "transactions_payment_decided_once");
    let rejected = effect(EntryType::ChargeRejected, 0, -50_000);
    assert_eq!(constraint(&app.db, &rejected, &app).await, "transactions_payment_decided_once");
    app.finish().await;
}

async fn order(conn: &mut PgConnection, app: &TestApp) -> OrderId {
    let plan = app.plan("ماهانه", 30, Some(30), 90_000).await;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO orders (user_id, plan_id, plan_name, days, amount, marzban_username, status, request_id, created_at)
         VALUES ($1, $2, 'ماهانه', 30, 90000, 'sample', 'PROVISIONING', gen_random_uuid(), now()) RETURNING id",
    )
    .bind(app.reza.0)
    .bind(plan.0)
    .fetch_one(conn)
    .await
    .unwrap();
    OrderId(id)
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_order_is_charged_once_and_refunded_once_but_renewed_often(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.reza, 1_000_000).await;
    let order = order(&mut app.db.acquire().await.unwrap(), &app).await;
    let effect = |entry_type, confirmed| Posting {
        entry_type,
        reference: Reference::Order(order),
        ..by_hand(app.reza, confirmed)
    };
    let now = app.clock.now();
    for (entry_type, toman, rule) in [
        (EntryType::OrderCreated, -90_000, "transactions_order_charged_once"),
        (EntryType::OrderRefund, 90_000, "transactions_order_refunded_once"),
    ] {
        post(&app.db, &effect(entry_type, toman), now).await.unwrap();
        assert_eq!(constraint(&app.db, &effect(entry_type, toman), &app).await, rule);
    }
    for _ in 0..2 {
        post(&app.db, &effect(EntryType::OrderRenewed, -90_000), now).await.unwrap();
        post(&app.db, &effect(EntryType::OrderDisabled, 0), now).await.unwrap();
        post(&app.db, &effect(EntryType::OrderEnabled, 0), now).await.unwrap();
    }
    assert_eq!(app.balance(app.reza).await.confirmed, Toman(820_000));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_type_moves_only_the_credit_that_is_its_own(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    app.give_credit(app.reza, 1_000_000).await;
    let payment = pay(&app, app.reza, 50_000).await;
    let order = order(&mut app.db.acquire().await.unwrap(), &app).await;
    let posting = |entry_type, confirmed, pending, reference| Posting {
        entry_type,
        pending: Toman(pending),
        reference,
        ..by_hand(app.reza, confirmed)
    };
    let (of_payment, of_order) = (Reference::Payment(payment), Reference::Order(order));
    use EntryType as T;
    for wrong in [
        posting(T::ChargePending, 5, 5, of_payment),
        posting(T::ChargePending, 0, -5, of_payment),
        posting(T::ChargeApproved, -5, -50_000, of_payment),
        posting(T::ChargeRejected, 5, -50_000, of_payment),
        posting(T::ChargeManual, 5, 5, Reference::Manual),
        posting(T::ChargeManual, 0, 0, Reference::Manual),
        Posting { notes: String::new(), ..by_hand(app.reza, 5) },
        posting(T::OrderCreated, 5, 0, of_order),
        posting(T::OrderRenewed, 5, 0, of_order),
        posting(T::OrderRefund, -5, 0, of_order),
        posting(T::OrderDisabled, -5, 0, of_order),
        posting(T::OrderEnabled, 5, 0, of_order),
    ] {
        assert_eq!(constraint(&app.db, &wrong, &app).await, "transactions_deltas_of_type", "{wrong:?}");
    }
    for wrong in [
        posting(T::OrderCreated, -5, 0, of_payment),
        posting(T::ChargePending, 0, 5, of_order),
        posting(T::ChargeManual, 5, 0, of_payment),
        posting(T::OrderRefund, 5, 0, Reference::Manual),
        posting(T::OrderRefund, 5, 0, Reference::Payment(PaymentId(0))),
    ] {
        assert_eq!(constraint(&app.db, &wrong, &app).await, "transactions_reference_matches", "{wrong:?}");
    }
}
