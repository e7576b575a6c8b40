//! Any sequence of postings against a model that adds up with pencil and paper.

use std::{cell::RefCell, time::Duration};

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use rad_panel::{
    calendar::Time,
    ids::UserId,
    ledger::{self, Balance, StatementFilter},
    money::Toman,
};
use sqlx::PgPool;

use super::{by_hand, post, violations};
use crate::support::TestApp;

/// What the wallet must be.
#[derive(Default)]
struct Model {
    confirmed: i64,
    negative_since: Option<Time>,
    amounts: Vec<i64>,
}

impl Model {
    fn post(&mut self, toman: i64, now: Time) {
        self.confirmed += toman;
        self.amounts.push(toman);
        if self.confirmed >= 0 {
            self.negative_since = None;
        } else if self.negative_since.is_none() {
            self.negative_since = Some(now);
        }
    }

    fn balance(&self) -> Balance {
        Balance { confirmed: Toman(self.confirmed), pending: Toman(0), negative_since: self.negative_since }
    }
}

/// One step: an amount, and whether its transaction is given up.
fn steps() -> impl Strategy<Value = Vec<(i64, bool)>> {
    let amount = prop_oneof![4 => -300_i64..300, 1 => -9_000_000_000_i64..9_000_000_000];
    vec(
        (
            amount.prop_filter("a posting by hand moves something", |toman| *toman != 0),
            prop::bool::weighted(0.2),
        ),
        1..12,
    )
}

async fn follow(db: &PgPool, user: UserId, start: Time, steps: &[(i64, bool)]) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    for (i, (toman, given_up)) in (0..).zip(steps) {
        let now = start + Duration::from_secs(60 * i);
        if *given_up {
            let mut tx = db.begin().await.unwrap();
            ledger::post(&mut tx, &by_hand(user, *toman), now).await.unwrap();
            tx.rollback().await.unwrap();
        } else {
            model.post(*toman, now);
            prop_assert_eq!(post(db, &by_hand(user, *toman), now).await.unwrap(), model.balance());
        }
    }
    let mut conn = db.acquire().await.unwrap();
    prop_assert_eq!(ledger::balance(&mut conn, user).await.unwrap(), model.balance());
    let rows = ledger::statement(&mut conn, user, &StatementFilter::default(), 100).await.unwrap();
    let amounts: Vec<i64> = rows.iter().rev().map(|row| row.amount().0).collect();
    prop_assert_eq!(amounts, model.amounts);
    Ok(())
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn any_sequence_of_postings_ends_where_adding_up_ends(db: PgPool) {
    let app = TestApp::start(db).await;
    let start = app.clock.now();
    let cases = RefCell::new(Vec::new());
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    runner
        .run(&steps(), |steps| {
            cases.borrow_mut().push(steps);
            Ok(())
        })
        .unwrap();
    for steps in cases.into_inner() {
        // A fresh wallet per case; its owner needs no password.
        let user: i64 = sqlx::query_scalar(
            "INSERT INTO users (username, password_hash, role)
             VALUES ('case' || (SELECT count(*) FROM users), '', 'AGENT') RETURNING id",
        )
        .fetch_one(&app.db)
        .await
        .unwrap();
        ledger::open_wallet(&mut app.db.acquire().await.unwrap(), UserId(user)).await.unwrap();
        if let Err(error) = follow(&app.db, UserId(user), start, &steps).await {
            panic!("{error} after {steps:?}");
        }
    }
    assert_eq!(violations(&app.db).await, Vec::<String>::new());
}
