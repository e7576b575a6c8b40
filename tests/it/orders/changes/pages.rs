//! The pages of the changes: what is shown before, what is sent, and what the order's page says after.

use super::*;
use crate::support::{Answer, Client};

const HOME: &str = "/agent/users";

fn at(order: OrderId, what: &str) -> String {
    format!("{HOME}/{order}/{what}")
}

fn id_of(page: &Answer) -> String {
    page.attribute("input[name=request_id]", "value")
}

/// Sends what the form holds, and changes the server when the worker would.
async fn press(client: &Client, page: &Answer, path: &str, fields: &[(&str, &str)]) -> Answer {
    let id = id_of(page);
    let mut form = vec![("request_id", id.as_str())];
    form.extend_from_slice(fields);
    client.post(path, &form).await
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_renewal_shows_what_it_costs_what_it_leaves_and_its_new_end(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    app.plan("گران", 365, None, 10 * PRICE).await;
    let reza = app.signed_in("reza").await;
    let home = reza.get(&format!("{HOME}/{order}")).await.expect(200);
    assert!(home.attributes("#actions a", "href").contains(&at(order, "renewal")));
    let path = at(order, "renewal");
    let page = reza.get(&path).await.expect(200);
    assert_eq!(page.count("input[name=plan]"), 2);
    assert_eq!(
        page.attribute("input[name=plan][checked]", "value"),
        format!("{plan}:{PRICE}"),
        "the same plan"
    );
    assert_eq!(page.count("input[name=plan][disabled]"), 1, "too dear");
    let notes = page.texts(".choice__note");
    assert!(notes.iter().any(|note| note.contains("پایان تازه")), "{notes:?}");
    assert!(notes.iter().any(|note| note == "پس از خرید ۰ تومان می‌ماند"), "{notes:?}");
    assert!(notes.iter().any(|note| note == "۸۱۰٬۰۰۰ تومان کم دارید"), "{notes:?}");

    let none = press(&reza, &page, &path, &[]).await.expect(422);
    assert_eq!(none.text("#plan-error"), "یک پلن انتخاب کنید.");
    for wrong in ["۱", "1:x", "-1:5", ":", "999999999999999999999:1"] {
        press(&reza, &page, &path, &[("plan", wrong)]).await.expect(422);
    }
    press(&reza, &page, &path, &[("plan", "987654:90000")]).await.expect(422);
    let value = format!("{plan}:{}", PRICE - 1);
    let cheap = press(&reza, &page, &path, &[("plan", &value)]).await.expect(422);
    assert!(cheap.text("#plan-error").contains("۹۰٬۰۰۰ تومان"));
    assert_eq!(cheap.count("input[name=plan][checked]"), 1, "the choice is kept");

    let value = format!("{plan}:{PRICE}");
    let sent = press(&reza, &page, &path, &[("plan", &value)]).await.expect(303);
    assert_eq!(sent.location(), format!("{HOME}/{order}"));
    let waiting = reza.get(sent.location()).await.expect(200);
    assert_eq!((waiting.count("#changing"), waiting.count("#actions a[href$=renewal]")), (1, 0));
    assert_eq!(waiting.attribute("#order", "data-live"), "/events");
    assert!(waiting.attribute("#order", "hx-trigger").starts_with(&format!("live-order-{order} from:body")));
    assert_eq!(waiting.texts("#changes .badge"), ["در حال انجام"]);
    // The same form again, and another one, while it waits.
    press(&reza, &page, &path, &[("plan", &value)]).await.expect(303);
    let busy = reza.get(&path).await.expect(200);
    assert_eq!((busy.count("#trouble"), busy.count("form.split")), (1, 0));
    app.run_jobs().await;
    let done = reza.get(&format!("{HOME}/{order}")).await.expect(200);
    assert!(done.attributes("#order", "hx-get").is_empty());
    assert_eq!(done.texts("#changes .badge"), ["انجام شد"]);
    assert!(done.text("#changes").contains("۹۰٬۰۰۰ تومان"));
    assert_eq!(entries(&app).await.len(), 2);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_wallet_below_zero_and_an_account_that_is_off_have_no_form(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, 0).await;
    let reza = app.signed_in("reza").await;
    let page = reza.get(&at(order, "renewal")).await.expect(200);
    app.give_credit(app.reza, -5_000).await;
    let owing = reza.get(&at(order, "renewal")).await.expect(200);
    assert!(owing.text("#below-zero").contains("۵٬۰۰۰ تومان"));
    let value = format!("{plan}:{PRICE}");
    press(&reza, &page, &at(order, "renewal"), &[("plan", &value)]).await.expect(422);
    disable(&app, order, owner(&app)).await.unwrap();
    app.run_jobs().await;
    let off = reza.get(&at(order, "renewal")).await.expect(200);
    assert!(off.text("#trouble").contains("اول روشنش کنید"));
    // Nor is it switched on while something is owed.
    let home = reza.get(&format!("{HOME}/{order}")).await.expect(200);
    let tried = press(&reza, &home, &at(order, "enabling"), &[]).await.expect(303);
    let told = reza.get(tried.location()).await.expect(200);
    assert!(told.text(".flash--bad").contains("بدهکار"), "{}", told.text(".flash--bad"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_is_switched_off_and_on_and_gets_a_new_link_from_its_page(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    let reza = app.signed_in("reza").await;
    let address = format!("{HOME}/{order}");
    let home = reza.get(&address).await.expect(200);
    press(&reza, &home, &at(order, "disabling"), &[]).await.expect(303);
    press(&reza, &home, &at(order, "disabling"), &[]).await.expect(303);
    app.run_jobs().await;
    let off = reza.get(&address).await.expect(200);
    assert_eq!(off.text(".page-head .badge"), "خاموش");
    assert_eq!(off.count("form[action$=disabling]"), 0);
    press(&reza, &off, &at(order, "enabling"), &[]).await.expect(303);
    app.run_jobs().await;
    let on = reza.get(&address).await.expect(200);
    assert_eq!(on.text(".page-head .badge"), "فعال");
    let old = on.text("#delivery .copy-line__value");

    app.clock.advance(time::Duration::minutes(1));
    let page = reza.get(&at(order, "revocation")).await.expect(200);
    press(&reza, &page, &at(order, "revocation"), &[]).await.expect(303);
    app.run_jobs().await;
    let new = reza.get(&address).await.expect(200).text("#delivery .copy-line__value");
    assert_ne!(new, old);
    assert_eq!(history(&app, order).await.len(), 3);
    // The switch of the admin and of the 24-hour rule is not the agent's.
    disable(&app, order, admin(&app)).await.unwrap();
    app.run_jobs().await;
    assert_eq!(reza.get(&address).await.expect(200).count("form[action$=enabling]"), 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_comes_back_is_shown_before_it_is_deleted(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    let reza = app.signed_in("reza").await;
    let path = at(order, "deletion");
    app.simulator.down().await;
    let unread = reza.get(&path).await.expect(200);
    assert!(unread.text("#trouble").contains("نشد مصرف"), "{}", unread.text("#trouble"));
    assert_eq!(unread.count("form[action$=deletion]"), 0);
    app.simulator.up().await.unwrap();
    let whole = reza.get(&path).await.expect(200);
    assert_eq!(whole.text("#refund"), "۹۰٬۰۰۰ تومان");
    press(&reza, &whole, &path, &[("refund", "x")]).await.expect(400);
    app.simulator.traffic(NAME, 15 * GB);
    let changed = press(&reza, &whole, &path, &[("refund", "90000")]).await.expect(422);
    assert!(changed.text("#trouble").contains("۴۵٬۰۰۰ تومان"));
    assert_eq!(changed.text("#refund"), "۴۵٬۰۰۰ تومان");
    app.simulator.down().await;
    let told = press(&reza, &changed, &path, &[("refund", "45000")]).await.expect(303);
    assert!(reza.get(told.location()).await.expect(200).text(".flash--bad").contains("نشد مصرف"));
    app.simulator.up().await.unwrap();
    assert_eq!(status(&app, order).await, "ACTIVE");
    press(&reza, &changed, &path, &[("refund", "45000")]).await.expect(303);
    app.run_jobs().await;
    let gone = reza.get(&format!("{HOME}/{order}")).await.expect(200);
    assert_eq!(gone.text(".page-head .badge"), "حذف‌شده");
    assert_eq!(gone.count("#delivery"), 0);
    assert!(gone.text("#changes").contains("۴۵٬۰۰۰ تومان"));
    let over = reza.get(&path).await.expect(200);
    assert_eq!((over.count("#preview"), over.count("#trouble")), (0, 1));
    assert_eq!(credit(&app, app.reza).await, 45_000);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn alias_and_note_are_edited_and_wrong_ones_kept_in_the_form(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    let reza = app.signed_in("reza").await;
    let path = at(order, "edit");
    let page = reza.get(&path).await.expect(200);
    assert_eq!(page.attribute("#alias", "value"), "سارا");
    let (long, longer) = ("ع".repeat(61), "ی".repeat(501));
    let wrong = reza.post(&path, &[("alias", &long), ("note", &longer)]).await.expect(422);
    assert_eq!(wrong.attribute("#alias", "value"), long);
    assert_eq!((wrong.count("#alias-error"), wrong.count("#note-error")), (1, 1));
    let (fits, note) = ("ع".repeat(60), "ی".repeat(500));
    reza.post(&path, &[("alias", &fits), ("note", &note)]).await.expect(303);
    reza.post(&path, &[("alias", " علي "), ("note", "")]).await.expect(303);
    let home = reza.get(&format!("{HOME}/{order}")).await.expect(200);
    assert!(home.text(".page-head").contains("مشتری: علی"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn nobody_reaches_another_ones_account(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    let reza = app.signed_in("reza").await;
    let form = reza.get(&at(order, "renewal")).await.expect(200);
    let value = format!("{plan}:{PRICE}");
    app.give_credit(app.mina, 9 * PRICE).await;
    let mina = app.signed_in("mina").await;
    for what in ["renewal", "deletion", "revocation", "edit"] {
        mina.get(&at(order, what)).await.expect(404);
    }
    let fields = [("plan", value.as_str()), ("refund", "0"), ("alias", "x"), ("note", "x")];
    for what in ["renewal", "deletion", "revocation", "edit", "disabling", "enabling"] {
        press(&mina, &form, &at(order, what), &fields).await.expect(404);
    }
    let nima = app.signed_in("nima").await;
    for what in ["renewal", "deletion"] {
        nima.get(&format!("/user/accounts/{order}/{what}")).await.expect(404);
        press(&nima, &form, &format!("/user/accounts/{order}/{what}"), &fields).await.expect(404);
    }
    for what in ["renewal", "disabling"] {
        let path = format!("{HOME}/x1/{what}");
        press(&reza, &form, &path, &fields).await.expect(404);
    }
    reza.post(&at(order, "renewal"), &[("plan", &value), ("request_id", "7")]).await.expect(400);
    assert_eq!(history(&app, order).await, Vec::new());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_customer_renews_and_deletes_her_own_at_the_public_price_and_switches_nothing_off(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    let public = PRICE * 3 / 2;
    app.give_credit(app.nima, 2 * public).await;
    let form = Form { price_seen: public, ..Form::new(app.nima, plan, "nima_one") };
    let order = form.send(&app).await.unwrap();
    app.run_jobs().await;
    let nima = app.signed_in("nima").await;
    let home = format!("/user/accounts/{order}");
    let page = nima.get(&home).await.expect(200);
    let actions = page.attributes("#actions a", "href");
    assert_eq!(actions, [format!("{home}/renewal"), format!("{home}/deletion")]);
    assert_eq!(page.count("#actions form"), 0);
    let renewal = nima.get(&format!("{home}/renewal")).await.expect(200);
    let value = format!("{plan}:{public}");
    assert_eq!(renewal.attribute("input[name=plan]", "value"), value);
    press(&nima, &renewal, &format!("{home}/renewal"), &[("plan", &value)]).await.expect(303);
    app.run_jobs().await;
    assert_eq!(credit(&app, app.nima).await, 0);
    let deletion = nima.get(&format!("{home}/deletion")).await.expect(200);
    press(&nima, &deletion, &format!("{home}/deletion"), &[("refund", "0")]).await.expect(303);
    app.run_jobs().await;
    assert_eq!(credit(&app, app.nima).await, public, "the purchase, not the renewal");
    app.finish().await;
}
