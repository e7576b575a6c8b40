//! Which method a payer is shown, and what it takes in a day.

use std::collections::BTreeSet;

use rad_panel::{
    money::Toman,
    payment_methods::{self, Refusal},
    payments::{self, SubmitError},
};
use sqlx::PgPool;
use time::Duration;

use super::{card, claim, limited_card, pay, try_pay, wallet};
use crate::support::TestApp;

async fn drawn(app: &TestApp, user: rad_panel::ids::UserId) -> Option<i64> {
    payment_methods::draw(&app.db, user, None, app.clock.now()).await.unwrap().map(|method| method.id.0)
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_refresh_does_not_change_the_card(db: PgPool) {
    let app = TestApp::start(db).await;
    for n in 0..8 {
        card(&app.db, &format!("کارت {n}")).await;
    }
    let first = drawn(&app, app.reza).await;
    for _ in 0..10 {
        app.clock.advance(Duration::minutes(50));
        assert_eq!(drawn(&app, app.reza).await, first);
    }
    let mut seen = BTreeSet::new();
    for _ in 0..40 {
        app.clock.advance(Duration::minutes(61));
        seen.insert(drawn(&app, app.reza).await);
    }
    assert!(seen.len() > 1, "every new visit drew the same of eight cards");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_card_without_room_or_out_of_use_is_not_drawn(db: PgPool) {
    let app = TestApp::start(db).await;
    assert_eq!(drawn(&app, app.reza).await, None);
    let counted = limited_card(&app.db, "یکی در روز", Some(1), None).await;
    pay(&app, app.reza, 50_000).await;
    assert_eq!(drawn(&app, app.reza).await, None, "its one payment was made");
    let summed = limited_card(&app.db, "صد هزار در روز", None, Some(100_000)).await;
    pay(&app, app.reza, 95_000).await;
    assert_eq!(drawn(&app, app.reza).await, None, "less than the smallest payment is left");
    sqlx::query!("UPDATE payment_methods SET status = 'INACTIVE' WHERE id = $1", summed.0)
        .execute(&app.db)
        .await
        .unwrap();
    app.clock.advance(Duration::DAY);
    assert_eq!(drawn(&app, app.reza).await, Some(counted.0), "a new day");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_day_of_a_limit_is_the_day_in_tehran(db: PgPool) {
    let app = TestApp::start(db).await;
    limited_card(&app.db, "یکی در روز", Some(1), None).await;
    app.clock.set(time::macros::datetime!(2026-11-22 20:29 UTC));
    pay(&app, app.reza, 50_000).await;
    assert_eq!(drawn(&app, app.mina).await, None, "23:59 in Tehran");
    app.clock.set(time::macros::datetime!(2026-11-22 20:30 UTC));
    assert!(drawn(&app, app.mina).await.is_some(), "midnight in Tehran");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn rejected_and_withdrawn_payments_give_their_place_back(db: PgPool) {
    let app = TestApp::start(db).await;
    limited_card(&app.db, "یکی در روز", Some(1), Some(50_000)).await;
    let rejected = pay(&app, app.reza, 50_000).await;
    payments::reject(&app.db, rejected, app.sara, "پول نرسیده است.", app.clock.now()).await.unwrap();
    let withdrawn = pay(&app, app.reza, 50_000).await;
    payments::withdraw(&app.db, withdrawn, app.reza, app.clock.now()).await.unwrap();
    let approved = pay(&app, app.reza, 50_000).await;
    payments::approve(&app.db, approved, app.sara, payments::ApprovalInput::default(), app.clock.now())
        .await
        .unwrap();
    assert_eq!(drawn(&app, app.reza).await, None);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_draw_holds_a_place_until_its_visit_ends(db: PgPool) {
    let app = TestApp::start(db).await;
    limited_card(&app.db, "یکی در روز", Some(1), None).await;
    assert!(drawn(&app, app.reza).await.is_some());
    assert_eq!(drawn(&app, app.mina).await, None, "Reza is looking at the last place");
    app.clock.advance(Duration::minutes(61));
    assert!(drawn(&app, app.mina).await.is_some(), "Reza has left");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_draw_that_ran_out_counts_only_while_there_is_a_place(db: PgPool) {
    let app = TestApp::start(db).await;
    let method = limited_card(&app.db, "یکی در روز", Some(1), None).await;
    drawn(&app, app.reza).await;
    app.clock.advance(Duration::minutes(61));
    let late = claim(&app.db, app.reza, method, 20_000).await;
    drawn(&app, app.mina).await;
    let result = payments::submit(&app.db, app.reza, &late, app.clock.now()).await;
    assert!(matches!(result, Err(SubmitError::Method(Refusal::Full))), "Mina holds the place: {result:?}");
    app.clock.advance(Duration::minutes(61));
    payments::submit(&app.db, app.reza, &late, app.clock.now()).await.unwrap();
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn two_payers_at_once_cannot_break_a_limit(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    for round in 0..20 {
        let method = limited_card(&app.db, &format!("دور {round}"), None, Some(100_000)).await;
        sqlx::query!("UPDATE payment_methods SET status = 'INACTIVE' WHERE id <> $1", method.0)
            .execute(&app.db)
            .await
            .unwrap();
        drawn(&app, app.reza).await;
        drawn(&app, app.mina).await;
        let before = (wallet(&app, app.reza).await.1, wallet(&app, app.mina).await.1);
        let (a, b) =
            (claim(&app.db, app.reza, method, 60_000).await, claim(&app.db, app.mina, method, 60_000).await);
        let (one, other) = tokio::join!(
            payments::submit(&app.db, app.reza, &a, now),
            payments::submit(&app.db, app.mina, &b, now)
        );
        assert!(one.is_ok() ^ other.is_ok(), "{one:?} and {other:?}");
        let loser = one.err().or(other.err()).unwrap();
        assert!(matches!(loser, SubmitError::MethodRoom { room: Toman(40_000) }), "{loser:?}");
        let after = (wallet(&app, app.reza).await.1, wallet(&app, app.mina).await.1);
        assert_eq!(after.0 + after.1 - before.0 - before.1, 60_000, "the loser was charged nothing");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_card_that_is_full_or_gone_charges_nothing(db: PgPool) {
    let app = TestApp::start(db).await;
    let method = limited_card(&app.db, "ملی", Some(5), None).await;
    drawn(&app, app.reza).await;
    let new = claim(&app.db, app.reza, method, 20_000).await;
    sqlx::query!("UPDATE payment_methods SET status = 'INACTIVE'").execute(&app.db).await.unwrap();
    let inactive = payments::submit(&app.db, app.reza, &new, app.clock.now()).await;
    assert!(matches!(inactive, Err(SubmitError::Method(Refusal::Inactive))), "{inactive:?}");
    let other = card(&app.db, "ملت").await;
    let never_drawn = claim(&app.db, app.reza, other, 20_000).await;
    let result = payments::submit(&app.db, app.reza, &never_drawn, app.clock.now()).await;
    assert!(matches!(result, Err(SubmitError::Method(Refusal::NotDrawn))), "{result:?}");
    assert_eq!(wallet(&app, app.reza).await, (0, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_draw_for_an_amount_looks_for_a_card_that_takes_it(db: PgPool) {
    let app = TestApp::start(db).await;
    let small = limited_card(&app.db, "کوچک", None, Some(100_000)).await;
    assert_eq!(drawn(&app, app.reza).await, Some(small.0));
    let wanted = Some(Toman(500_000));
    assert!(payment_methods::draw(&app.db, app.reza, wanted, app.clock.now()).await.unwrap().is_none());
    let large = card(&app.db, "بزرگ").await;
    let found = payment_methods::draw(&app.db, app.reza, wanted, app.clock.now()).await.unwrap().unwrap();
    assert_eq!((found.id, found.room), (large, None));
    assert!(try_pay(&app, app.reza, 500_000).await.is_ok());
    app.finish().await;
}
