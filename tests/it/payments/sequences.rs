//! Any order of events keeps the invariants of money.

use proptest::{prelude::*, strategy::ValueTree};
use rad_panel::{
    MIGRATOR,
    ids::PaymentId,
    ledger,
    money::Toman,
    payments::{self, ApprovalInput},
};
use sqlx::PgPool;

use super::{card, crypto, try_pay, wallet};
use crate::support::TestApp;

#[derive(Clone, Debug)]
enum Step {
    Submit(i64),
    Approve(usize, Option<i64>),
    Reject(usize),
    Withdraw(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (9_990..300_000_i64).prop_map(Step::Submit),
        2 => (0..8_usize, proptest::option::of(-1..300_000_i64)).prop_map(|(n, actual)| Step::Approve(n, actual)),
        1 => (0..8_usize).prop_map(Step::Reject),
        1 => (0..8_usize).prop_map(Step::Withdraw),
    ];
    prop::collection::vec(step, 1..25)
}

/// What the wallet must be, kept beside the panel by the rules alone.
#[derive(Default)]
struct Model {
    confirmed: i64,
    /// Id, amount, bonus in per cent.
    waiting: Vec<(PaymentId, i64, i64)>,
    all: Vec<PaymentId>,
}

impl Model {
    fn pick(&self, n: usize) -> Option<PaymentId> {
        (!self.all.is_empty()).then(|| self.all[n % self.all.len()])
    }

    fn take(&mut self, id: PaymentId) -> Option<(i64, i64)> {
        let at = self.waiting.iter().position(|(waiting, ..)| *waiting == id)?;
        let (_, amount, bonus) = self.waiting.remove(at);
        Some((amount, bonus))
    }

    fn is_waiting(&self, id: PaymentId) -> bool {
        self.waiting.iter().any(|(waiting, ..)| *waiting == id)
    }
}

async fn run(app: &TestApp, model: &mut Model, step: &Step) {
    let now = app.clock.now();
    match *step {
        Step::Submit(amount) => {
            let submitted = try_pay(app, app.reza, amount).await;
            assert_eq!(submitted.is_ok(), amount >= 10_000, "{submitted:?}");
            if let Ok(submitted) = submitted {
                let bonus =
                    sqlx::query_scalar!("SELECT bonus_percent FROM payments WHERE id = $1", submitted.id.0)
                        .fetch_one(&app.db)
                        .await
                        .unwrap();
                model.waiting.push((submitted.id, amount, i64::from(bonus)));
                model.all.push(submitted.id);
            }
        }
        Step::Approve(n, actual) => {
            let Some(id) = model.pick(n) else { return };
            let input = ApprovalInput { actual: actual.map(Toman), note: None };
            let result = payments::approve(&app.db, id, app.sara, input, now).await;
            let possible = model.is_waiting(id) && actual.is_none_or(|amount| amount > 0);
            assert_eq!(result.is_ok(), possible, "{result:?}");
            if possible {
                let (amount, bonus) = model.take(id).unwrap();
                let arrived = actual.unwrap_or(amount);
                model.confirmed += arrived + arrived * bonus / 100;
            }
        }
        Step::Reject(n) => {
            let Some(id) = model.pick(n) else { return };
            let result = payments::reject(&app.db, id, app.sara, "نرسید", now).await;
            assert_eq!(result.is_ok(), model.take(id).is_some(), "{result:?}");
        }
        Step::Withdraw(n) => {
            let Some(id) = model.pick(n) else { return };
            let result = payments::withdraw(&app.db, id, app.reza, now).await;
            assert_eq!(result.is_ok(), model.take(id).is_some(), "{result:?}");
        }
    }
    let pending: i64 = model.waiting.iter().map(|(_, amount, _)| amount).sum();
    assert_eq!(wallet(app, app.reza).await, (model.confirmed, pending), "after {step:?}");
    let violations = ledger::verify(&mut app.db.acquire().await.unwrap()).await.unwrap();
    assert_eq!(violations, Vec::new(), "after {step:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn any_sequence_of_events_keeps_the_invariants_of_money(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    crypto(&app.db).await;
    let mut model = Model::default();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..40 {
        let sequence = steps().new_tree(&mut runner).unwrap().current();
        for step in &sequence {
            run(&app, &mut model, step).await;
        }
    }
    assert!(model.all.len() > 100, "only {} payments were made", model.all.len());
    app.finish().await;
}
