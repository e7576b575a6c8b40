//! The ledger: what the database itself refuses, what posting keeps, what verifying finds.

mod damage;
mod random;
mod refusals;

use std::time::Duration;

use rad_panel::{
    calendar::Time,
    ids::UserId,
    ledger::{self, Balance, Entry, EntryType, Posting, Reference, StatementFilter},
    money::Toman,
    payments,
};
use sqlx::PgPool;

use crate::{
    payments::{card, pay},
    support::TestApp,
};

/// An adjustment by hand.
pub fn by_hand(user: UserId, toman: i64) -> Posting {
    Posting {
        user,
        entry_type: EntryType::ChargeManual,
        confirmed: Toman(toman),
        pending: Toman(0),
        reference: Reference::Manual,
        notes: "counted by hand".to_owned(),
        by: None,
    }
}

/// Posts in a transaction of its own.
pub async fn post(db: &PgPool, posting: &Posting, now: Time) -> sqlx::Result<Balance> {
    let mut tx = db.begin().await?;
    let (_, balance) = ledger::post(&mut tx, posting, now).await?;
    tx.commit().await?;
    Ok(balance)
}

/// What verifying says about this database: the rules that are broken.
pub async fn violations(db: &PgPool) -> Vec<String> {
    let mut conn = db.acquire().await.unwrap();
    ledger::verify(&mut conn).await.unwrap().into_iter().map(|violation| violation.rule).collect()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_time_below_zero_counts_from_the_crossing_and_ends_at_zero(db: PgPool) {
    let app = TestApp::start(db).await;
    let start = app.clock.now();
    let hour = |n: u64| start + Duration::from_secs(3600 * n);
    let steps = [
        (100, None),
        (-100, None),         // exactly zero is not below
        (-1, Some(hour(2))),  // the crossing
        (-50, Some(hour(2))), // deeper, still since then
        (50, Some(hour(2))),  // higher, but still below
        (1, None),            // zero again
        (-5, Some(hour(6))),  // a new crossing has a new time
        (1_000, None),
    ];
    for (i, (toman, since)) in (0..).zip(steps) {
        let balance = post(&app.db, &by_hand(app.reza, toman), hour(i)).await.unwrap();
        assert_eq!(balance.negative_since, since, "after step {i}");
        assert_eq!(app.balance(app.reza).await, balance, "what was told is what is stored");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn fifty_postings_at_once_leave_no_hole_and_lose_nothing(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    let posts = (1..=50).map(|i| {
        let db = app.db.clone();
        let posting = by_hand(app.reza, if i % 3 == 0 { -i } else { i });
        tokio::spawn(async move { post(&db, &posting, now).await })
    });
    for outcome in futures_util::future::join_all(posts).await {
        outcome.unwrap().unwrap();
    }
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
        "SELECT seq, balance_before, balance_after FROM transactions WHERE user_id = $1 ORDER BY seq",
    )
    .bind(app.reza.0)
    .fetch_all(&app.db)
    .await
    .unwrap();
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
    assert!(rows.windows(2).all(|pair| pair[0].2 == pair[1].1), "each row begins where the last one ended");
    let sum: i64 = (1..=50).map(|i| if i % 3 == 0 { -i } else { i }).sum();
    assert_eq!(app.balance(app.reza).await.confirmed, Toman(sum));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn wallets_of_two_people_do_not_wait_for_each_other(db: PgPool) {
    let app = TestApp::start(db).await;
    let mut held = app.db.begin().await.unwrap();
    ledger::lock(&mut held, app.reza).await.unwrap();
    let posting = by_hand(app.mina, 5);
    let other = post(&app.db, &posting, app.clock.now());
    tokio::time::timeout(Duration::from_secs(5), other).await.expect("nobody holds Mina's wallet").unwrap();
    let posting = by_hand(app.reza, 5);
    let same = post(&app.db, &posting, app.clock.now());
    tokio::time::timeout(Duration::from_millis(300), same).await.expect_err("Reza's wallet is held");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_rolled_back_was_never_posted(db: PgPool) {
    let app = TestApp::start(db).await;
    let mut tx = app.db.begin().await.unwrap();
    ledger::post(&mut tx, &by_hand(app.reza, 7), app.clock.now()).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(app.balance(app.reza).await, Balance::default());
    let (_, first) = {
        let mut tx = app.db.begin().await.unwrap();
        let posted = ledger::post(&mut tx, &by_hand(app.reza, 8), app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        posted
    };
    assert_eq!(first.confirmed, Toman(8));
    let seq: i64 = sqlx::query_scalar("SELECT last_seq FROM wallets WHERE user_id = $1")
        .bind(app.reza.0)
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!(seq, 1, "the rolled back row took no number");
}

#[test]
fn a_balance_below_zero_is_shown_as_pending_credit_that_was_spent() {
    let balance = |confirmed, pending| Balance {
        confirmed: Toman(confirmed),
        pending: Toman(pending),
        negative_since: None,
    };
    for (confirmed, pending, shown_confirmed, shown_pending, total) in
        [(100, 50, 100, 50, 150), (-30, 50, 0, 20, 20), (-80, 50, 0, -30, -30), (0, 0, 0, 0, 0)]
    {
        let balance = balance(confirmed, pending);
        assert_eq!(balance.spendable_confirmed(), Toman(shown_confirmed));
        assert_eq!(balance.spendable_pending(), Toman(shown_pending));
        assert_eq!(balance.total(), Toman(total));
    }
    // What was spent of the pending credit counts against the ceiling.
    assert_eq!(balance(100, 50).spendable(Toman(20)), Toman(120));
    assert_eq!(balance(-15, 50).spendable(Toman(20)), Toman(5));
    assert_eq!(balance(-15, 50).spendable(Toman(0)), Toman(-15), "an end user has no ceiling at all");
}

async fn page(app: &TestApp, user: UserId, filter: StatementFilter, limit: i64) -> Vec<Entry> {
    let mut conn = app.db.acquire().await.unwrap();
    ledger::statement(&mut conn, user, &filter, limit).await.unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_pages_of_a_statement_show_each_row_once_newest_first(db: PgPool) {
    let app = TestApp::start(db).await;
    for i in 1..=23 {
        post(&app.db, &by_hand(app.reza, i), app.clock.now()).await.unwrap();
        post(&app.db, &by_hand(app.mina, -i), app.clock.now()).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut filter = StatementFilter::default();
    loop {
        let rows = page(&app, app.reza, filter, 10).await;
        let Some(last) = rows.last() else { break };
        assert!(rows.len() <= 10 && seen.len() < 100, "the pages do not end");
        filter.before_seq = Some(last.seq);
        // A row that arrives while somebody turns pages moves nothing.
        post(&app.db, &by_hand(app.reza, 1_000), app.clock.now()).await.unwrap();
        seen.extend(rows.iter().map(|row| (row.seq, row.amount().0)));
    }
    assert_eq!(seen, (1..=23).rev().map(|i| (i, i)).collect::<Vec<_>>());
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_statement_is_narrowed_by_type_and_time_and_says_who_and_why(db: PgPool) {
    let app = TestApp::start(db).await;
    let start = app.clock.now();
    card(&app.db, "ملی").await;
    app.give_credit(app.reza, 100_000).await;
    app.clock.advance(time::Duration::hours(1));
    let payment = pay(&app, app.reza, 50_000).await;
    app.clock.advance(time::Duration::hours(1));
    payments::reject(&app.db, payment, app.sara, "رسید خوانا نیست", app.clock.now()).await.unwrap();

    let types = async |filter| -> Vec<EntryType> {
        page(&app, app.reza, filter, 10).await.iter().map(|row| row.entry_type).collect()
    };
    use EntryType::{ChargeManual, ChargePending, ChargeRejected};
    let all = StatementFilter::default();
    assert_eq!(types(all).await, [ChargeRejected, ChargePending, ChargeManual]);
    assert_eq!(types(StatementFilter { entry_type: Some(ChargePending), ..all }).await, [ChargePending]);
    let second_hour = start + time::Duration::hours(1);
    assert_eq!(
        types(StatementFilter { since: Some(second_hour), ..all }).await,
        [ChargeRejected, ChargePending]
    );
    assert_eq!(types(StatementFilter { until: Some(second_hour), ..all }).await, [ChargeManual], "exclusive");
    assert_eq!(types(StatementFilter { entry_type: Some(EntryType::OrderRefund), ..all }).await, []);

    let rows = page(&app, app.reza, all, 10).await;
    assert_eq!((rows[0].notes.as_str(), rows[0].by_username.as_deref()), ("رسید خوانا نیست", Some("sara")));
    assert_eq!(
        (rows[0].payment_id, rows[0].amount(), rows[0].balance_after),
        (Some(payment), Toman(-50_000), Toman(100_000))
    );
    assert_eq!(rows[1].by_username.as_deref(), Some("reza"));
    assert!(page(&app, app.mina, all, 10).await.is_empty(), "another's rows are another's");
}
