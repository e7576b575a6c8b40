//! Who may ask for what, and what is charged to whom.

use futures_util::future::join_all;
use rad_panel::{
    accounts,
    orders::{Unaffordable, changes::By},
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::*;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_same_form_twice_at_once_renews_once_and_two_forms_wait_in_line(
    _: PgPoolOptions,
    connect: PgConnectOptions,
) {
    let db = PgPoolOptions::new().max_connections(25).connect_with(connect).await.unwrap();
    let app = TestApp::start(db.clone()).await;
    let (order, plan) = sold(&app, 10 * PRICE).await;
    let now = app.clock.now();
    let form = renewal(order, plan);
    let same = join_all((0..10).map(|_| changes::renew(&app.db, &form, owner(&app), now))).await;
    let first = *same[0].as_ref().unwrap();
    assert!(same.iter().all(|result| result.as_ref().is_ok_and(|change| *change == first)));
    let others: Vec<Renewal> = (0..10).map(|_| renewal(order, plan)).collect();
    let others = join_all(others.iter().map(|form| changes::renew(&app.db, form, owner(&app), now))).await;
    assert!(others.iter().all(|result| matches!(result, Err(ChangeError::Busy))));
    for by in [owner(&app), admin(&app), By::Panel] {
        assert!(matches!(disable(&app, order, by).await, Err(ChangeError::Busy)));
    }
    assert!(matches!(delete(&app, order).await, Err(ChangeError::Busy)));
    assert_eq!(credit(&app, app.reza).await, 9 * PRICE);
    assert_eq!(app.run_jobs().await, 1);

    let forms: Vec<Renewal> = (0..10).map(|_| renewal(order, plan)).collect();
    let results = join_all(forms.iter().map(|form| changes::renew(&app.db, form, owner(&app), now))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(credit(&app, app.reza).await, 8 * PRICE);
    assert_eq!(app.run_jobs().await, 1);
    let other = app.plan("دیگر", 60, None, PRICE).await;
    let changed = Renewal { plan: other, ..form };
    let used = changes::renew(&app.db, &changed, owner(&app), now).await;
    assert!(matches!(used, Err(ChangeError::FormUsed { change }) if change == first));
    let used = changes::disable(&app.db, order, owner(&app), form.request_id, now).await;
    assert!(matches!(used, Err(ChangeError::FormUsed { .. })));
    app.finish().await;
    db.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_renewal_needs_an_offer_at_the_price_that_was_seen_and_credit_for_it(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE - 1).await;
    let refused = |result: Result<(), ChangeError>| match result.unwrap_err() {
        ChangeError::Unaffordable(why) => why,
        other => panic!("{other:?}"),
    };
    let missing = refused(renew(&app, order, plan).await);
    assert!(matches!(missing, Unaffordable::NotEnough { missing: Toman(1) }));
    app.give_credit(app.reza, -2 * PRICE).await;
    let owed = refused(renew(&app, order, plan).await);
    assert!(matches!(owed, Unaffordable::BelowZero { owed } if owed.0 == PRICE + 1));
    // The admin can't do it for him either: the wallet is his.
    let now = app.clock.now();
    let by_admin = changes::renew(&app.db, &renewal(order, plan), admin(&app), now).await;
    assert!(matches!(refused(by_admin.map(|_| ())), Unaffordable::BelowZero { .. }));
    app.give_credit(app.reza, 9 * PRICE).await;
    sqlx::query("UPDATE plans SET price_agent = price_agent + 1").execute(&app.db).await.unwrap();
    let changed = refused(renew(&app, order, plan).await);
    assert!(matches!(changed, Unaffordable::PriceChanged { now: Toman(price) } if price == PRICE + 1));
    sqlx::query("UPDATE plans SET status = 'INACTIVE'").execute(&app.db).await.unwrap();
    assert!(matches!(refused(renew(&app, order, plan).await), Unaffordable::PlanInactive));
    accounts::disable(&app.db, app.reza, app.sara, now).await.unwrap();
    assert!(matches!(refused(renew(&app, order, plan).await), Unaffordable::BuyerDisabled));
    assert_eq!(history(&app, order).await, Vec::new());
    assert_eq!(entries(&app).await.len(), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_belongs_to_another_is_not_found(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    app.give_credit(app.mina, 9 * PRICE).await;
    let mina = By::Owner(app.mina.into());
    let now = app.clock.now();
    for order in [order, OrderId(987_654)] {
        let asked = changes::renew(&app.db, &renewal(order, plan), mina, now).await.map(|_| ());
        assert!(matches!(asked, Err(ChangeError::NotFound)));
        assert!(matches!(disable(&app, order, mina).await, Err(ChangeError::NotFound)));
        assert!(matches!(enable(&app, order, mina).await, Err(ChangeError::NotFound)));
        assert!(matches!(delete_by(&app, order, mina, None).await, Err(ChangeError::NotFound)));
        let asked = changes::revoke(&app.db, order, mina, Uuid::new_v4(), now).await;
        assert!(matches!(asked, Err(ChangeError::NotFound)));
        let asked = changes::edit(&app.db, order, ("a", "b"), mina, now).await;
        assert!(matches!(asked, Err(ChangeError::NotFound)));
    }
    assert_eq!(history(&app, order).await, Vec::new());
    assert!(app.simulator.requests().is_empty(), "nor is the server asked");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_owner_pays_her_own_price_whoever_asks(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    let now = app.clock.now();
    changes::renew(&app.db, &renewal(order, plan), admin(&app), now).await.unwrap();
    app.run_jobs().await;
    assert_eq!(credit(&app, app.reza).await, 0);
    assert_eq!(credit(&app, app.sara).await, 0);

    let public = PRICE * 3 / 2;
    app.give_credit(app.nima, 2 * public).await;
    let form = Form { price_seen: public, ..Form::new(app.nima, plan, "nima_one") };
    let hers = form.send(&app).await.unwrap();
    app.run_jobs().await;
    let at_agents_price = changes::renew(&app.db, &renewal(hers, plan), admin(&app), now).await;
    assert!(matches!(at_agents_price, Err(ChangeError::Unaffordable(Unaffordable::PriceChanged { .. }))));
    let renewal = Renewal { price_seen: Toman(public), ..renewal(hers, plan) };
    changes::renew(&app.db, &renewal, By::Owner(app.nima.into()), now).await.unwrap();
    app.run_jobs().await;
    assert_eq!(credit(&app, app.nima).await, 0);
    assert!(matches!(disable(&app, hers, By::Owner(app.nima.into())).await, Err(ChangeError::NotAllowed)));

    let house = Form::new(app.sara, plan, "house_one").send(&app).await.unwrap();
    app.run_jobs().await;
    changes::renew(&app.db, &super::renewal(house, plan), By::Owner(app.sara.into()), now).await.unwrap();
    app.run_jobs().await;
    assert_eq!(credit(&app, app.sara).await, -2 * PRICE, "the admin's own may go below zero");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn only_an_account_that_works_is_renewed(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, 5 * PRICE).await;
    let waiting = Form::new(app.reza, plan, "reza_new").send(&app).await.unwrap();
    assert!(matches!(renew(&app, waiting, plan).await, Err(ChangeError::WrongStatus { .. })));
    assert!(matches!(delete(&app, waiting).await, Err(ChangeError::WrongStatus { .. })));
    disable(&app, order, owner(&app)).await.unwrap();
    app.run_jobs().await;
    assert!(matches!(renew(&app, order, plan).await, Err(ChangeError::SwitchedOff)));
    delete(&app, order).await.unwrap();
    app.run_jobs().await;
    assert!(matches!(renew(&app, order, plan).await, Err(ChangeError::WrongStatus { .. })));
    assert!(matches!(enable(&app, order, owner(&app)).await, Err(ChangeError::WrongStatus { .. })));
    app.finish().await;
}
