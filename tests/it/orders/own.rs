//! The admin's own accounts: at the agent price, from her own wallet, also below zero.

use rad_panel::money::Toman;
use sqlx::PgPool;
use time::Duration;

use super::{PRICE, month, order_count, order_entries, status};
use crate::support::{Answer, Client, TestApp};

const FORM: &str = "/admin/create-user";

fn typed<'a>(request_id: &'a str, plan: &'a str, username: &'a str) -> [(&'a str, &'a str); 4] {
    [("request_id", request_id), ("plan", plan), ("username", username), ("alias", "دوست قدیمی")]
}

async fn fill(sara: &Client) -> (Answer, String) {
    let page = sara.get(FORM).await.expect(200);
    let id = page.attribute("input[name=request_id]", "value");
    (page, id)
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admin_orders_at_the_agent_price_below_zero_and_no_rule_strikes_her(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    let sara = app.signed_in("sara").await;
    let (page, id) = fill(&sara).await;
    assert_eq!(page.texts(".choice__price"), ["۹۰٬۰۰۰ تومان"], "the agent price");
    assert_eq!(page.count("input[name=plan][disabled]"), 0);
    assert_eq!(page.attribute("form.split", "action"), FORM);
    assert_eq!(page.attribute("#username", "hx-get"), format!("{FORM}/username"));
    assert!(page.attribute("#username", "value").starts_with("sara_"), "a name is suggested");
    let card = format!("{plan}:{PRICE}");
    let form = typed(&id, &card, " Sara_۱ ");
    let sent = sara.post(FORM, &form).await.expect(303);
    let address = sent.location().to_owned();
    assert!(address.starts_with("/admin/orders/"), "{address}");
    assert_eq!(
        sara.post(FORM, &form).await.expect(303).location(),
        address,
        "the same form is the same order"
    );
    app.run_jobs().await;
    assert_eq!(order_count(&app).await, 1);
    assert_eq!(order_entries(&app, app.sara).await, [("ORDER_CREATED".to_owned(), -PRICE)]);
    let page = sara.get(&address).await.expect(200);
    assert_eq!(page.text("h1"), "sara_1");
    assert_eq!(page.count("#delivery"), 1, "the link is there");
    assert!(app.simulator.user("sara_1").is_some());
    // Below zero the form is still there, and so is the account after a day.
    app.clock.advance(Duration::hours(30));
    assert_eq!(rad_panel::orders::suspension::strike(&app.db, app.clock.now()).await.unwrap(), 0);
    let (page, id) = fill(&sara).await;
    assert_eq!(page.count("#below-zero"), 0);
    sara.post(FORM, &typed(&id, &card, "sara_2")).await.expect(303);
    app.run_jobs().await;
    assert_eq!(app.balance(app.sara).await.confirmed, Toman(-2 * PRICE));
    assert_eq!(status(&app, rad_panel::ids::OrderId(1)).await, "ACTIVE");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_wrong_in_the_admins_form_comes_back_beside_its_field(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    let sara = app.signed_in("sara").await;
    let card = format!("{plan}:{PRICE}");
    for (plan, username, field) in [
        (card.as_str(), "", "username"),
        (&card, "علی", "username"),
        (&card, "ab", "username"),
        ("", "sara_1", "plan"),
        ("999:90000", "sara_1", "plan"),
        (&format!("{plan}:1"), "sara_1", "plan"),
    ] {
        let (_, id) = fill(&sara).await;
        let page = sara.post(FORM, &typed(&id, plan, username)).await.expect(422);
        assert_eq!(page.count(&format!("#{field}-error")), 1, "{plan} {username}");
        assert_eq!(page.attribute("#username", "value"), username);
        assert_eq!(page.attribute("#alias", "value"), "دوست قدیمی");
    }
    sara.post(FORM, &typed("", &card, "sara_1")).await.expect(400);
    assert_eq!(order_count(&app).await, 0);
    let check = sara.get_part(&format!("{FORM}/username?username=sara_1")).await.expect(200);
    assert!(check.body.contains("sara_1"), "{}", check.body);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_order_of_the_admins_while_the_server_is_away_is_safe(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    let sara = app.signed_in("sara").await;
    app.simulator.down().await;
    let (_, id) = fill(&sara).await;
    let sent = sara.post(FORM, &typed(&id, &format!("{plan}:{PRICE}"), "sara_1")).await.expect(303);
    app.run_jobs().await;
    assert_eq!(sara.get(sent.location()).await.expect(200).count("#waiting"), 1);
    app.simulator.up().await.unwrap();
    app.clock.advance(Duration::minutes(11));
    app.run_jobs().await;
    assert_eq!(sara.get(sent.location()).await.expect(200).count("#waiting"), 0);
    assert_eq!(app.balance(app.sara).await.confirmed, Toman(-PRICE));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_ways_to_her_own_things_are_on_her_pages(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    let sara = app.signed_in("sara").await;
    let (page, _) = fill(&sara).await;
    assert_eq!(page.count(".choice"), 1);
    for path in ["/admin", "/admin/orders"] {
        let links = sara.get(path).await.expect(200).attributes(".page-head a", "href");
        for link in [FORM, "/admin/wallet"] {
            assert!(links.iter().any(|href| href == link), "{path}: {links:?}");
        }
    }
    super::Form::new(app.sara, plan, "sara_1").send(&app).await.unwrap();
    app.give_credit(app.reza, PRICE).await;
    super::Form::new(app.reza, plan, "reza_1").send(&app).await.unwrap();
    app.run_jobs().await;
    let links = sara.get("/admin/orders").await.expect(200).attributes(".page-head a", "href");
    let own = links.iter().find(|href| href.contains("owner=")).unwrap();
    let page = sara.get(own).await.expect(200);
    assert_eq!(page.texts("#orders tbody tr td:first-child a"), ["sara_1"]);
    app.finish().await;
}
