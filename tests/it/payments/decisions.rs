//! Each way a payment can end, by its rows in the ledger.

use rad_panel::{
    ledger::EntryType::{ChargeApproved, ChargePending, ChargeRejected},
    money::Toman,
    payments::{self, ApprovalInput, DecideError, Status},
};
use sqlx::PgPool;

use super::{card, crypto, pay, rows, wallet};
use crate::support::TestApp;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_submitted_payment_is_pending_credit(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 500_000).await;
    assert_eq!(rows(&app, payment).await, [(ChargePending, 0, 500_000)]);
    assert_eq!(wallet(&app, app.reza).await, (0, 500_000));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_approved_payment_moves_its_credit_to_confirmed(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 500_000).await;
    payments::approve(&app.db, payment, app.sara, ApprovalInput::default(), app.clock.now()).await.unwrap();
    assert_eq!(rows(&app, payment).await, [(ChargePending, 0, 500_000), (ChargeApproved, 500_000, -500_000)]);
    assert_eq!(wallet(&app, app.reza).await, (500_000, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_corrected_amount_is_what_counts(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 500_000).await;
    let input =
        ApprovalInput { actual: Some(Toman(50_000)), note: Some("یک صفر کمتر بود".to_owned()) };
    payments::approve(&app.db, payment, app.sara, input, app.clock.now()).await.unwrap();
    assert_eq!(rows(&app, payment).await[1], (ChargeApproved, 50_000, -500_000));
    assert_eq!(wallet(&app, app.reza).await, (50_000, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_bonus_of_crypto_counts_only_on_approval_and_is_rounded_down(db: PgPool) {
    let app = TestApp::start(db).await;
    crypto(&app.db).await;
    let payment = pay(&app, app.reza, 100_009).await;
    assert_eq!(wallet(&app, app.reza).await, (0, 100_009));
    payments::approve(&app.db, payment, app.sara, ApprovalInput::default(), app.clock.now()).await.unwrap();
    assert_eq!(rows(&app, payment).await[1], (ChargeApproved, 110_009, -100_009));
    let corrected = pay(&app, app.reza, 100_000).await;
    let input = ApprovalInput { actual: Some(Toman(20_000)), note: None };
    payments::approve(&app.db, corrected, app.sara, input, app.clock.now()).await.unwrap();
    assert_eq!(rows(&app, corrected).await[1], (ChargeApproved, 22_000, -100_000));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_changed_bonus_does_not_change_what_was_promised(db: PgPool) {
    let app = TestApp::start(db).await;
    crypto(&app.db).await;
    let payment = pay(&app, app.reza, 100_000).await;
    sqlx::query!("UPDATE payment_methods SET bonus_percent = 0").execute(&app.db).await.unwrap();
    payments::approve(&app.db, payment, app.sara, ApprovalInput::default(), app.clock.now()).await.unwrap();
    assert_eq!(wallet(&app, app.reza).await, (110_000, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_rejected_payment_takes_its_pending_credit_back(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 500_000).await;
    payments::reject(&app.db, payment, app.sara, "پول نرسیده است.", app.clock.now()).await.unwrap();
    assert_eq!(rows(&app, payment).await, [(ChargePending, 0, 500_000), (ChargeRejected, 0, -500_000)]);
    assert_eq!(wallet(&app, app.reza).await, (0, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_rejection_may_take_the_wallet_below_zero_and_starts_the_clock(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 500_000).await;
    // What was spent meanwhile: the admin takes it by hand.
    app.give_credit(app.reza, -300_000).await;
    app.clock.advance(time::Duration::MINUTE);
    payments::reject(&app.db, payment, app.sara, "پول نرسیده است.", app.clock.now()).await.unwrap();
    let balance = app.balance(app.reza).await;
    assert_eq!((balance.total(), balance.negative_since), (Toman(-300_000), Some(app.clock.now())));
    let next = pay(&app, app.reza, 300_000).await;
    payments::approve(&app.db, next, app.sara, ApprovalInput::default(), app.clock.now()).await.unwrap();
    assert_eq!(app.balance(app.reza).await.negative_since, None);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_payer_may_withdraw_her_own_payment_and_nobody_elses(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 500_000).await;
    let stranger = payments::withdraw(&app.db, payment, app.mina, app.clock.now()).await;
    assert!(matches!(stranger, Err(DecideError::NotFound)), "{stranger:?}");
    payments::withdraw(&app.db, payment, app.reza, app.clock.now()).await.unwrap();
    assert_eq!(rows(&app, payment).await, [(ChargePending, 0, 500_000), (ChargeRejected, 0, -500_000)]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn whoever_comes_second_is_told_what_was_decided_by_whom_and_when(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 500_000).await;
    let decided_at = app.clock.now();
    payments::approve(&app.db, payment, app.sara, ApprovalInput::default(), decided_at).await.unwrap();
    app.clock.advance(time::Duration::MINUTE);
    let now = app.clock.now();
    let late = [
        payments::approve(&app.db, payment, app.sara, ApprovalInput::default(), now).await,
        payments::reject(&app.db, payment, app.sara, "دیر", now).await,
        payments::withdraw(&app.db, payment, app.reza, now).await,
    ];
    for result in late {
        let Err(DecideError::AlreadyDecided(decision)) = result else { panic!("{result:?}") };
        assert_eq!(
            (decision.status, decision.by.as_str(), decision.at),
            (Status::Approved, "sara", decided_at)
        );
    }
    assert_eq!(wallet(&app, app.reza).await, (500_000, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_decision_needs_a_payment_a_reason_and_a_possible_amount(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.reza, 500_000).await;
    let now = app.clock.now();
    let nobody = payments::reject(&app.db, rad_panel::ids::PaymentId(999), app.sara, "x", now).await;
    assert!(matches!(nobody, Err(DecideError::NotFound)), "{nobody:?}");
    let silent = payments::reject(&app.db, payment, app.sara, "  ", now).await;
    assert!(matches!(silent, Err(DecideError::ReasonMissing)), "{silent:?}");
    for amount in [0, -5, 100_000_001, i64::MAX] {
        let input = ApprovalInput { actual: Some(Toman(amount)), note: None };
        let wrong = payments::approve(&app.db, payment, app.sara, input, now).await;
        assert!(matches!(wrong, Err(DecideError::AmountOutOfRange { max: Toman(100_000_000) })), "{wrong:?}");
    }
    assert_eq!(wallet(&app, app.reza).await, (0, 500_000));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn every_decision_is_written_down_with_its_doer(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let first = pay(&app, app.reza, 500_000).await;
    let second = pay(&app, app.reza, 20_000).await;
    payments::approve(&app.db, first, app.sara, ApprovalInput::default(), app.clock.now()).await.unwrap();
    payments::withdraw(&app.db, second, app.reza, app.clock.now()).await.unwrap();
    let deeds = sqlx::query!(
        "SELECT action, actor_id FROM audit_log WHERE subject_type = 'payment' AND subject_id = ANY ($1) ORDER BY id",
        &[first.0, second.0]
    )
    .fetch_all(&app.db)
    .await
    .unwrap();
    let deeds: Vec<_> = deeds.iter().map(|deed| (deed.action.as_str(), deed.actor_id)).collect();
    let (sara, reza) = (Some(app.sara.0), Some(app.reza.0));
    let submitted = ("payment.submit", reza);
    assert_eq!(deeds, [submitted, submitted, ("payment.approve", sara), ("payment.withdraw", reza)]);
    app.finish().await;
}
