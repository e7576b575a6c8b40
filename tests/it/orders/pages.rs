//! The form that makes an account, and the page of the order.

use rad_panel::{
    ids::OrderId,
    money::Toman,
    panel::{Attempt, NewAccount, Validity},
};
use uuid::Uuid;

use super::{Form, PRICE, month, order_count, status};
use crate::support::{Answer, Client, TestApp};

const FORM: &str = "/agent/create-user";

/// What a browser sends: the form's own id, and what was typed.
async fn fill<'a>(page: &'a Answer, plan: &'a str, username: &'a str) -> Vec<(String, String)> {
    [
        ("request_id", page.attribute("input[name=request_id]", "value")),
        ("plan", plan.to_owned()),
        ("username", username.to_owned()),
        ("alias", "علي <b>رضایی</b>".to_owned()),
        ("note", "همکار قدیمی".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

async fn send(client: &Client, form: &[(String, String)]) -> Answer {
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    client.post(FORM, &form).await
}

fn card(id: rad_panel::ids::PlanId) -> String {
    format!("{id}:{PRICE}")
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_agent_makes_an_account_and_gets_its_link_in_every_form(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, 10 * PRICE).await;
    let reza = app.signed_in("reza").await;
    let page = reza.get(FORM).await.expect(200);
    let form = fill(&page, &card(plan), "REZA_علی").await;
    assert_eq!(send(&reza, &form).await.status, 422, "no Persian letters");
    let form = fill(&page, &card(plan), " Reza_۱۲ ").await;
    let sent = send(&reza, &form).await.expect(303);
    let address = sent.location().to_owned();

    let waiting = reza.get(&address).await.expect(200);
    assert_eq!(waiting.count("#waiting"), 1);
    assert_eq!(waiting.attribute("#order", "data-live"), "/events");
    assert_eq!(waiting.attribute("#order", "hx-get"), address);
    assert!(waiting.attribute("#order", "hx-trigger").starts_with("live-order-1 from:body, every 1s"));
    assert_eq!(waiting.attribute("#waiting a", "href"), address, "a way to refresh without JavaScript");
    app.run_jobs().await;

    let part = reza.get_part(&address).await.expect(200);
    assert_eq!((part.count("html > head > title"), part.count("#order")), (0, 1), "the part alone");
    assert!(part.attributes("#order", "hx-get").is_empty(), "it has stopped asking");
    let page = reza.get(&address).await.expect(200);
    assert_eq!(page.text("h1"), "reza_12");
    let link = page.text("#delivery .copy-line__value");
    assert!(link.starts_with(&format!("{}/sub/", app.simulator.base_url())), "{link}");
    assert_eq!(reqwest::get(&link).await.unwrap().status(), 200);
    assert_eq!(page.attribute("#delivery [data-copy]", "data-copy"), link);
    assert_eq!(page.attribute("[data-share-url]", "data-share-url"), link);
    let apps = page.attributes(".app-links a", "href");
    let schemes: Vec<&str> = apps.iter().map(|href| href.split(':').next().unwrap()).collect();
    assert_eq!(schemes, ["v2rayng", "hiddify", "streisand", "v2box", "sing-box", "happ"]);
    let message = page.text("#message");
    assert!(
        message.contains(&link) && message.contains("reza_12") && message.contains("۳۰ گیگابایت"),
        "{message}"
    );
    assert_eq!(page.count("#qr path"), 1);
    assert_eq!(page.count("#order [style]"), 0, "the policy forbids inline style");
    assert_eq!(page.texts("#details .meter__text"), ["۳۰ روز مانده", "۳۰ گیگابایت از ۳۰ گیگابایت مانده"]);
    assert!(
        page.body.contains("علی &#60;b&#62;رضایی") && !page.body.contains("<b>"),
        "{}",
        page.text("#order")
    );
    assert!(!page.text("title").to_lowercase().contains("vpn"));
    assert_eq!(app.balance(app.reza).await.confirmed, Toman(9 * PRICE));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_cards_say_what_is_left_and_what_is_missing(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    month(&app).await;
    app.plan("سه‌ماهه", 90, None, 250_000).await;
    app.give_credit(app.reza, 100_000).await;
    let page = app.signed_in("reza").await.get(FORM).await.expect(200);
    assert_eq!(page.texts(".choice__price"), ["۹۰٬۰۰۰ تومان", "۲۵۰٬۰۰۰ تومان"], "the agent's price");
    assert_eq!(
        page.texts(".choice__note"),
        [
            "۳۰ روز، ۳۰ گیگابایت",
            "پس از خرید ۱۰٬۰۰۰ تومان می‌ماند",
            "۹۰ روز، حجم نامحدود",
            "۱۵۰٬۰۰۰ تومان کم دارید"
        ]
    );
    assert_eq!(page.count("input[name=plan][disabled]"), 1);
    assert_eq!(page.count("input[name=plan][checked]"), 0, "nothing is bought by accident");
    assert!(page.attribute("#username", "value").starts_with("reza_"), "a name is suggested");
    assert_eq!(page.attribute("#username", "hx-get"), format!("{FORM}/username"));
    assert_eq!(page.attribute("#username", "hx-trigger"), "input changed delay:400ms");
    assert_eq!(page.attribute("#username", "hx-target"), "#username-check");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_same_form_twice_at_once_leads_to_the_same_page(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, 10 * PRICE).await;
    let reza = app.signed_in("reza").await;
    let form = fill(&reza.get(FORM).await, &card(plan), "reza_ali").await;
    let (one, two) = tokio::join!(send(&reza, &form), send(&reza, &form));
    assert_eq!((one.status, two.status), (303, 303));
    assert_eq!(one.location(), two.location());
    assert_eq!((order_count(&app).await, app.balance(app.reza).await.confirmed), (1, Toman(9 * PRICE)));
    app.run_jobs().await;

    let mut changed = form.clone();
    changed[2].1 = "reza_other".to_owned();
    let told = send(&reza, &changed).await.expect(422);
    assert_eq!(told.attribute(".banner a", "href"), one.location());
    assert_ne!(
        told.attribute("input[name=request_id]", "value"),
        form[0].1,
        "the next sending is a new order"
    );
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_form_with_a_mistake_keeps_what_was_typed(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, 10 * PRICE).await;
    app.give_credit(app.mina, 10 * PRICE).await;
    Form::new(app.mina, plan, "reza_ali").send(&app).await.unwrap();
    let reza = app.signed_in("reza").await;
    let page = reza.get(FORM).await;
    let mut form = fill(&page, &card(plan), "reza_ali").await;
    form.push(("on_hold".to_owned(), "true".to_owned()));
    let told = send(&reza, &form).await.expect(422);
    assert!(told.text("#username-error").contains("گرفته شده"));
    assert!(told.attribute("#username-check [data-fill]", "data-value").starts_with("reza_ali"));
    assert_eq!(told.attribute("#username", "value"), "reza_ali");
    assert_eq!(told.attribute("#username", "aria-invalid"), "true");
    assert_eq!(told.attribute("#alias", "value"), "علي <b>رضایی</b>");
    assert_eq!(told.text("#note"), "همکار قدیمی");
    assert_eq!(told.count("input[name=on_hold][checked]"), 1);
    assert_eq!(told.attribute("input[name=plan][checked]", "value"), card(plan));
    assert_eq!(told.attribute("input[name=request_id]", "value"), form[0].1, "nothing was ordered with it");

    for (name, value, place) in [
        ("plan", "", "#plan-error"),
        ("plan", "999999:1", "#plan-error"),
        ("username", "ab", "#username-error"),
        ("alias", &"ا".repeat(61), "#alias-error"),
        ("note", &"ا".repeat(501), "#note-error"),
    ] {
        let mut form = fill(&page, &card(plan), "reza_ok").await;
        form.iter_mut().find(|(field, _)| field == name).unwrap().1 = value.to_owned();
        let told = send(&reza, &form).await.expect(422);
        assert_eq!(told.count(place), 1, "{name} = {value}");
    }
    sqlx::query!("UPDATE plans SET price_agent = price_agent + 1000").execute(&app.db).await.unwrap();
    let form = fill(&page, &card(plan), "reza_ok").await;
    let told = send(&reza, &form).await.expect(422);
    assert!(told.text("#plan-error").contains("۹۱٬۰۰۰ تومان"), "{}", told.text("#plan-error"));
    assert_eq!(told.attribute("input[name=plan][checked]", "value"), format!("{plan}:91000"));
    assert_eq!(order_count(&app).await, 1);
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_agent_below_zero_sees_what_is_owed_instead_of_the_form(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, 10 * PRICE).await;
    let reza = app.signed_in("reza").await;
    let form = fill(&reza.get(FORM).await, &card(plan), "reza_ali").await;
    app.give_credit(app.reza, -10 * PRICE - 25_000).await;
    let page = reza.get(FORM).await.expect(200);
    assert_eq!((page.count("#below-zero"), page.count("input[name=plan]")), (1, 0));
    assert!(page.text("#below-zero").contains("۲۵٬۰۰۰ تومان"));
    let told = send(&reza, &form).await.expect(422);
    assert_eq!(told.count("#below-zero"), 1);
    assert_eq!(order_count(&app).await, 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_check_beside_the_name_asks_us_and_the_server(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.mina, PRICE).await;
    Form::new(app.mina, plan, "mina_1").send(&app).await.unwrap();
    let theirs = NewAccount {
        username: "elsewhere".to_owned(),
        validity: Validity::For { seconds: 3600 },
        data_limit_bytes: None,
        order: OrderId(999_999),
    };
    assert!(app.state.server.create_account(&theirs, Attempt::First).await.done().is_some());
    let reza = app.signed_in("reza").await;
    let check = async |name: &str| {
        let name: String =
            percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string();
        reza.get_part(&format!("{FORM}/username?username={name}")).await.expect(200)
    };
    let free = check(" Reza_۷ ").await;
    assert_eq!(free.text("#username-check .field__hint"), "reza_7 آزاد است.");
    for taken in ["mina_1", "MINA_1", "elsewhere"] {
        let told = check(taken).await;
        assert!(told.text("#username-check .field__error").contains("گرفته شده"), "{taken}");
        let other = told.attribute("[data-fill]", "data-value");
        assert_eq!(check(&other).await.count(".field__error"), 0, "{other} can be had");
    }
    assert_eq!(check("علی").await.count(".field__error"), 1);
    assert_eq!(check("").await.count(".field__error"), 1);
    app.simulator.down().await;
    let unasked = check("reza_8").await;
    assert!(unasked.text("#username-check .field__hint").contains("نشد از سرور بپرسیم"));
    app.simulator.up().await.unwrap();
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_failed_order_says_that_the_money_is_back_and_offers_the_same_again(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, PRICE).await;
    let theirs = NewAccount {
        username: "reza_ali".to_owned(),
        validity: Validity::For { seconds: 3600 },
        data_limit_bytes: None,
        order: OrderId(999_999),
    };
    assert!(app.state.server.create_account(&theirs, Attempt::First).await.done().is_some());
    let order = Form { on_hold: true, ..Form::new(app.reza, plan, "reza_ali") }.send(&app).await.unwrap();
    app.run_jobs().await;
    let reza = app.signed_in("reza").await;
    let page = reza.get(&format!("/agent/users/{order}")).await.expect(200);
    assert!(page.text("#failed").contains("۹۰٬۰۰۰ تومان به کیف پول شما برگشت"), "{}", page.text("#failed"));
    assert_eq!((page.count("#delivery"), page.count("#qr")), (0, 0));
    let again = reza.get(&page.attribute("#failed a.btn", "href")).await.expect(200);
    assert_eq!(again.attribute("input[name=plan][checked]", "value"), card(plan));
    assert_eq!(again.attribute("#alias", "value"), "سارا");
    assert_eq!(again.text("#note"), "همکار");
    assert_eq!(again.count("input[name=on_hold][checked]"), 1);
    assert_ne!(again.attribute("#username", "value"), "reza_ali");
    let mina = app.signed_in("mina").await;
    let hers = mina.get(&format!("{FORM}?again={order}")).await.expect(200);
    assert_eq!(hers.attribute("#alias", "value"), "", "another's order fills in nothing");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn nobody_finds_anothers_order(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, PRICE).await;
    let order = Form::new(app.reza, plan, "reza_ali").send(&app).await.unwrap();
    app.run_jobs().await;
    let address = format!("/agent/users/{order}");
    let mina = app.signed_in("mina").await;
    mina.get(&address).await.expect(404);
    mina.get_part(&address).await.expect(404);
    assert!(!mina.get("/agent/users").await.body.contains("reza_ali"));
    let nima = app.signed_in("nima").await;
    nima.get(&format!("/user/accounts/{order}")).await.expect(404);
    nima.get(&address).await.expect(403);
    let reza = app.signed_in("reza").await;
    reza.get(&address).await.expect(200);
    for nothing in [
        "/agent/users/999999",
        "/agent/users/0",
        "/agent/users/-1",
        "/agent/users/abc",
        "/agent/users/99999999999999999999",
    ] {
        reza.get(nothing).await.expect(404);
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_was_typed_survives_signing_in_again(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, PRICE).await;
    let reza = app.signed_in("reza").await;
    let form = fill(&reza.get(FORM).await, &card(plan), "reza_ali").await;
    sqlx::query!("UPDATE sign_ins SET ended_at = now(), end_reason = 'SIGNED_OUT'")
        .execute(&app.db)
        .await
        .unwrap();
    let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let away = reza.post_from(FORM, FORM, &pairs).await.expect(303);
    assert!(away.location().starts_with("/login"), "{}", away.location());
    assert_eq!(order_count(&app).await, 0);
    let sign_in = [("username", "reza"), ("password", crate::support::PASSWORD), ("next", FORM)];
    reza.post("/login", &sign_in).await.expect(303);
    let page = reza.get(FORM).await.expect(200);
    assert_eq!(page.attribute("#username", "value"), "reza_ali");
    assert_eq!(page.attribute("input[name=plan][checked]", "value"), card(plan));
    assert_ne!(page.attribute("input[name=request_id]", "value"), form[0].1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_form_without_its_id_is_no_form_of_ours(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let reza = app.signed_in("reza").await;
    reza.post(FORM, &[("username", "x"), ("request_id", "1")]).await.expect(400);
    let id = Uuid::new_v4().to_string();
    reza.post(FORM, &[("request_id", &id)]).await.expect(422);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_page_follows_the_order_without_being_asked_again(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, PRICE).await;
    let order = Form::new(app.reza, plan, "reza_ali").send(&app).await.unwrap();
    let reza = app.signed_in("reza").await;
    app.simulator.down().await;
    app.run_jobs().await;
    app.clock.advance(time::Duration::minutes(5));
    let page = reza.get(&format!("/agent/users/{order}")).await.expect(200);
    assert!(page.attribute("#order", "hx-trigger").ends_with("every 15s"), "less often as it takes longer");
    app.simulator.up().await.unwrap();
    app.clock.advance(time::Duration::minutes(11));
    app.run_jobs().await;
    assert_eq!(status(&app, order).await, "ACTIVE");
    app.finish().await;
}
