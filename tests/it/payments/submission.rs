//! What is taken and what is refused, below the pages.

use rad_panel::{
    ledger::EntryType::ChargePending,
    payment_methods,
    payments::{self, NewPayment, SubmitError},
};
use sqlx::PgPool;

use super::{card, claim, crypto, receipt, rows, wallet};
use crate::support::TestApp;

async fn draw(app: &TestApp, user: rad_panel::ids::UserId) {
    payment_methods::draw(&app.db, user, None, app.clock.now()).await.unwrap().unwrap();
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn only_amounts_between_the_limits_of_the_shop_are_taken(db: PgPool) {
    let app = TestApp::start(db).await;
    let method = card(&app.db, "ملی").await;
    for amount in [i64::MIN, -50_000, 0, 9_999, 100_000_001, i64::MAX] {
        draw(&app, app.reza).await;
        let new = claim(&app.db, app.reza, method, amount).await;
        let result = payments::submit(&app.db, app.reza, &new, app.clock.now()).await;
        assert!(matches!(result, Err(SubmitError::AmountOutOfRange { .. })), "{amount}: {result:?}");
    }
    assert_eq!(wallet(&app, app.reza).await, (0, 0));
    for amount in [10_000, 100_000_000] {
        draw(&app, app.reza).await;
        let new = claim(&app.db, app.reza, method, amount).await;
        let taken = payments::submit(&app.db, app.reza, &new, app.clock.now()).await.unwrap();
        assert_eq!(rows(&app, taken.id).await, [(ChargePending, 0, amount)]);
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn crypto_needs_a_hash_that_was_never_used(db: PgPool) {
    let app = TestApp::start(db).await;
    let method = crypto(&app.db).await;
    draw(&app, app.reza).await;
    let bare = claim(&app.db, app.reza, method, 20_000).await;
    let result = payments::submit(&app.db, app.reza, &bare, app.clock.now()).await;
    assert!(matches!(result, Err(SubmitError::HashMissing)), "{result:?}");
    let with_hash = NewPayment { transaction_hash: Some("abcdef0123456789".to_owned()), ..bare };
    payments::submit(&app.db, app.reza, &with_hash, app.clock.now()).await.unwrap();
    draw(&app, app.mina).await;
    let reused = NewPayment {
        transaction_hash: with_hash.transaction_hash.clone(),
        ..claim(&app.db, app.mina, method, 20_000).await
    };
    let result = payments::submit(&app.db, app.mina, &reused, app.clock.now()).await;
    assert!(matches!(result, Err(SubmitError::HashTaken)), "{result:?}");
    assert_eq!(wallet(&app, app.mina).await, (0, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_receipt_proves_one_payment_of_the_one_who_uploaded_it(db: PgPool) {
    let app = TestApp::start(db).await;
    let method = card(&app.db, "ملی").await;
    draw(&app, app.reza).await;
    let of_mina = NewPayment {
        receipt: receipt(&app.db, app.mina).await,
        ..claim(&app.db, app.reza, method, 20_000).await
    };
    let result = payments::submit(&app.db, app.reza, &of_mina, app.clock.now()).await;
    assert!(matches!(result, Err(SubmitError::ReceiptUnusable)), "{result:?}");
    let own = claim(&app.db, app.reza, method, 20_000).await;
    payments::submit(&app.db, app.reza, &own, app.clock.now()).await.unwrap();
    draw(&app, app.reza).await;
    let again = NewPayment { receipt: own.receipt, ..claim(&app.db, app.reza, method, 20_000).await };
    let result = payments::submit(&app.db, app.reza, &again, app.clock.now()).await;
    assert!(matches!(result, Err(SubmitError::ReceiptUnusable)), "{result:?}");
    assert_eq!(wallet(&app, app.reza).await, (0, 20_000));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn two_people_may_use_the_same_form_id(db: PgPool) {
    let app = TestApp::start(db).await;
    let method = card(&app.db, "ملی").await;
    draw(&app, app.reza).await;
    draw(&app, app.mina).await;
    let one = claim(&app.db, app.reza, method, 20_000).await;
    let other = NewPayment { request_id: one.request_id, ..claim(&app.db, app.mina, method, 30_000).await };
    let one = payments::submit(&app.db, app.reza, &one, app.clock.now()).await.unwrap();
    let other = payments::submit(&app.db, app.mina, &other, app.clock.now()).await.unwrap();
    assert!(one.id != other.id && !other.again);
    app.finish().await;
}
