//! Things that happen at the same instant.

use rad_panel::payments::{self, ApprovalInput, DecideError, Status};
use sqlx::PgPool;

use super::{card, claim, pay, wallet};
use crate::support::TestApp;

/// A pool that really does many things at once.
async fn wide(db: &PgPool) -> PgPool {
    sqlx::postgres::PgPoolOptions::new()
        .max_connections(8)
        .connect_with(db.connect_options().as_ref().clone())
        .await
        .unwrap()
}

fn lost(result: &Result<(), DecideError>) -> bool {
    matches!(result, Err(DecideError::AlreadyDecided(_)))
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn two_hundred_rounds_of_approve_against_approve_give_one_result_each(db: PgPool) {
    let app = TestApp::start(db).await;
    let pool = wide(&app.db).await;
    card(&app.db, "ملی").await;
    let now = app.clock.now();
    for round in 1..=200 {
        let payment = pay(&app, app.reza, 10_000).await;
        let approve = || payments::approve(&pool, payment, app.sara, ApprovalInput::default(), now);
        let (one, other) = tokio::join!(approve(), approve());
        assert!(one.is_ok() ^ other.is_ok(), "{one:?} and {other:?}");
        assert!(lost(&one) ^ lost(&other), "{one:?} and {other:?}");
        assert_eq!(wallet(&app, app.reza).await, (round * 10_000, 0));
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn two_hundred_rounds_of_approve_against_reject_give_one_result_each(db: PgPool) {
    let app = TestApp::start(db).await;
    let pool = wide(&app.db).await;
    card(&app.db, "ملی").await;
    let now = app.clock.now();
    let mut approved = 0;
    for round in 0..200 {
        let payment = pay(&app, app.reza, 10_000).await;
        let approve = payments::approve(&pool, payment, app.sara, ApprovalInput::default(), now);
        let reject = payments::reject(&pool, payment, app.sara, "پول نرسیده است.", now);
        // Who is polled first has a head start: give it to each in turn.
        let (approval, rejection) = if round % 2 == 0 {
            tokio::join!(approve, reject)
        } else {
            let (rejection, approval) = tokio::join!(reject, approve);
            (approval, rejection)
        };
        assert!(approval.is_ok() ^ rejection.is_ok(), "{approval:?} and {rejection:?}");
        let (loser, winner) = match (approval, rejection) {
            (Ok(()), Err(loser)) => (loser, Status::Approved),
            (Err(loser), Ok(())) => (loser, Status::Rejected),
            both => panic!("{both:?}"),
        };
        let DecideError::AlreadyDecided(decision) = loser else { panic!("{loser:?}") };
        assert_eq!(decision.status, winner);
        approved += i64::from(winner == Status::Approved);
        assert_eq!(wallet(&app, app.reza).await, (approved * 10_000, 0));
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn approve_reject_and_withdraw_at_once_give_one_result(db: PgPool) {
    let app = TestApp::start(db).await;
    let pool = wide(&app.db).await;
    card(&app.db, "ملی").await;
    let now = app.clock.now();
    for _ in 0..50 {
        let payment = pay(&app, app.reza, 10_000).await;
        let results = tokio::join!(
            payments::withdraw(&pool, payment, app.reza, now),
            payments::approve(&pool, payment, app.sara, ApprovalInput::default(), now),
            payments::reject(&pool, payment, app.sara, "پول نرسیده است.", now),
        );
        let results = [results.0, results.1, results.2];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert_eq!(results.iter().filter(|result| lost(result)).count(), 2, "{results:?}");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_same_form_sent_twice_at_once_makes_one_payment(db: PgPool) {
    let app = TestApp::start(db).await;
    let pool = wide(&app.db).await;
    let method = card(&app.db, "ملی").await;
    let now = app.clock.now();
    for round in 1..=30 {
        rad_panel::payment_methods::draw(&app.db, app.reza, None, now).await.unwrap();
        let one = claim(&app.db, app.reza, method, 10_000).await;
        // A browser that sends a file twice has it stored twice.
        let other = payments::NewPayment { receipt: super::receipt(&app.db, app.reza).await, ..one.clone() };
        let (one, other) = tokio::join!(
            payments::submit(&pool, app.reza, &one, now),
            payments::submit(&pool, app.reza, &other, now)
        );
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one.id, other.id);
        assert!(one.again ^ other.again);
        assert_eq!(wallet(&app, app.reza).await, (0, round * 10_000));
    }
    app.finish().await;
}
