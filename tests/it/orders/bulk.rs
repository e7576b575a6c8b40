//! Several accounts chosen from the list: the summary before, each done once, the summary after.

use rad_panel::ids::OrderId;
use sqlx::PgPool;

use super::{Form, PRICE, month, order_entries};
use crate::support::{Answer, Client, TestApp};

/// So many working accounts of Reza's; he has `credit` left.
async fn sold(app: &TestApp, count: usize, credit: i64) -> Vec<OrderId> {
    let plan = month(app).await;
    app.give_credit(app.reza, PRICE * count as i64 + credit).await;
    let mut orders = Vec::new();
    for n in 0..count {
        orders.push(Form::new(app.reza, plan, &format!("reza_{n}")).send(app).await.unwrap());
    }
    app.run_jobs().await;
    orders
}

fn choice(action: &str, orders: &[OrderId]) -> String {
    let orders: String = orders.iter().map(|order| format!("&order={order}")).collect();
    format!("/agent/users/selection?do={action}{orders}")
}

/// What the summary's form holds.
fn fields(page: &Answer) -> Vec<(String, String)> {
    let names = page.attributes("#summary input", "name");
    names.into_iter().zip(page.attributes("#summary input", "value")).collect()
}

async fn send(client: &Client, fields: &[(String, String)]) -> Answer {
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    client.post("/agent/users/selection", &fields).await
}

async fn changes(app: &TestApp) -> Vec<(i64, String, String)> {
    sqlx::query!("SELECT order_id, kind, status FROM order_changes ORDER BY id")
        .fetch_all(&app.db)
        .await
        .unwrap()
        .into_iter()
        .map(|row| (row.order_id, row.kind, row.status))
        .collect()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn chosen_accounts_are_renewed_once_with_the_sum_shown_before(db: PgPool) {
    let app = TestApp::start(db).await;
    let orders = sold(&app, 3, PRICE * 4).await;
    let reza = app.signed_in("reza").await;
    let list = reza.get("/agent/users?sort=expiry").await.expect(200);
    assert_eq!(list.count("#accounts input[name=order]"), 3);
    assert_eq!(list.attributes("#chosen button", "value"), ["renew", "disable", "enable", "delete"]);
    assert_eq!(list.attribute("#accounts input[name=back]", "value"), "/agent/users?sort=expiry");

    let page = reza.get(&choice("renew", &orders)).await.expect(200);
    assert_eq!(page.texts("#going .list__main a"), ["reza_0", "reza_1", "reza_2"]);
    assert_eq!((page.text("#sum"), page.text("#after")), ("۲۷۰٬۰۰۰ تومان".into(), "۹۰٬۰۰۰ تومان".into()));
    assert_eq!(page.count("#left-out"), 0);
    assert_eq!(changes(&app).await, [], "looking changes nothing");

    let form = fields(&page);
    let (first, second) = tokio::join!(send(&reza, &form), send(&reza, &form));
    assert_eq!(first.expect(303).location(), second.expect(303).location().to_owned());
    let result = send(&reza, &form).await.expect(303).location().to_owned();
    assert_eq!(app.balance(app.reza).await.total().0, PRICE, "each is charged once");
    let page = reza.get(&result).await.expect(200);
    assert_eq!(page.texts("#lines .badge"), ["در حال انجام", "در حال انجام", "در حال انجام"]);
    assert_eq!(page.count("#result[hx-get]"), 1, "it follows them");
    app.run_jobs().await;
    let page = reza.get(&result).await.expect(200);
    assert_eq!(page.texts("#lines .badge"), ["انجام شد", "انجام شد", "انجام شد"]);
    assert_eq!((page.text("#sum"), page.count("#result[hx-get]")), ("۲۷۰٬۰۰۰ تومان".into(), 0));
    assert_eq!(page.count("#rest") + page.count("#again"), 0);
    let part = reza.get_part(&result).await.expect(200);
    assert_eq!((part.count("#lines li"), part.count("h1")), (3, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_cannot_be_done_is_left_out_with_its_reason(db: PgPool) {
    let app = TestApp::start(db).await;
    let orders = sold(&app, 5, PRICE).await;
    let reza = app.signed_in("reza").await;
    let off = fields(&reza.get(&choice("disable", &orders[..1])).await.expect(200));
    send(&reza, &off).await.expect(303);
    app.run_jobs().await;
    let waits = fields(&reza.get(&choice("disable", &orders[1..2])).await.expect(200));
    send(&reza, &waits).await.expect(303);
    sqlx::query!("UPDATE orders SET status = 'DELETED', deleted_at = now() WHERE id = $1", orders[2].0)
        .execute(&app.db)
        .await
        .unwrap();
    let page = reza.get(&choice("renew", &orders)).await.expect(200);
    assert_eq!(page.texts("#going .list__main a"), ["reza_3"]);
    assert_eq!(page.texts("#left-out .list__main a"), ["reza_0", "reza_1", "reza_2", "reza_4"]);
    let reasons = page.texts("#left-out .list__main").join("|");
    for reason in ["خاموش است", "در حال انجام است", "ممکن نیست", "۹۰٬۰۰۰ تومان کم است"]
    {
        assert!(reasons.contains(reason), "{reason} in {reasons}");
    }
    let nothing = reza.get(&choice("enable", &orders[3..])).await.expect(200);
    assert_eq!((nothing.count("#nothing"), nothing.count("#summary")), (1, 0));
    app.run_jobs().await;
    let on = reza.get(&choice("enable", &orders)).await.expect(200);
    assert_eq!(on.texts("#going .list__main a"), ["reza_0", "reza_1"]);
    send(&reza, &fields(&on)).await.expect(303);
    app.run_jobs().await;
    let done = changes(&app).await;
    assert_eq!(done.iter().filter(|(_, kind, status)| kind == "ENABLE" && status == "DONE").count(), 2);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn where_the_credit_runs_out_in_the_middle_the_rest_is_listed_and_not_charged(db: PgPool) {
    let app = TestApp::start(db).await;
    let orders = sold(&app, 3, PRICE * 3).await;
    let reza = app.signed_in("reza").await;
    let form = fields(&reza.get(&choice("renew", &orders)).await.expect(200));
    app.give_credit(app.reza, -PRICE * 2).await;
    let sent = send(&reza, &form).await.expect(303);
    app.run_jobs().await;
    let page = reza.get(sent.location()).await.expect(200);
    assert_eq!(page.texts("#lines .badge"), ["انجام شد", "انجام نشد", "انجام نشد"]);
    assert_eq!((page.text("#sum"), app.balance(app.reza).await.total().0), ("۹۰٬۰۰۰ تومان".into(), 0));
    let again = page.attribute("#again", "href");
    assert_eq!(again, format!("/agent/users/selection?order={}&order={}&do=renew", orders[1], orders[2]));
    // Charged again, the same form goes on doing nothing: what failed is looked at anew.
    app.give_credit(app.reza, PRICE * 2).await;
    send(&reza, &form).await.expect(303);
    assert_eq!(changes(&app).await.len(), 1);
    send(&reza, &fields(&reza.get(&again).await.expect(200))).await.expect(303);
    app.run_jobs().await;
    assert_eq!(
        order_entries(&app, app.reza).await.iter().filter(|(kind, _)| kind == "ORDER_RENEWED").count(),
        3
    );
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_a_failing_database_did_not_reach_is_done_by_going_on(db: PgPool) {
    let app = TestApp::start(db).await;
    let orders = sold(&app, 3, PRICE * 3).await;
    let reza = app.signed_in("reza").await;
    let form = fields(&reza.get(&choice("renew", &orders)).await.expect(200));
    sqlx::raw_sql(&format!(
        "CREATE FUNCTION break_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
         CREATE TRIGGER break_it BEFORE INSERT ON order_changes FOR EACH ROW WHEN (NEW.order_id = {})
         EXECUTE FUNCTION break_it()",
        orders[1]
    ))
    .execute(&app.db)
    .await
    .unwrap();
    let result = send(&reza, &form).await.expect(303).location().to_owned();
    let page = reza.get(&result).await.expect(200);
    assert_eq!(page.texts("#lines .badge"), ["در حال انجام", "انجام نشده", "انجام نشده"]);
    assert!(page.text("#rest").contains("۲ اکانت"));
    assert_eq!(app.balance(app.reza).await.total().0, PRICE * 2);
    let mina = app.signed_in("mina").await;
    mina.post(&format!("{result}/rest"), &[]).await.expect(404);
    mina.get(&result).await.expect(404);
    sqlx::raw_sql("DROP TRIGGER break_it ON order_changes").execute(&app.db).await.unwrap();
    assert_eq!(reza.post(&format!("{result}/rest"), &[]).await.expect(303).location(), result);
    app.run_jobs().await;
    let page = reza.get(&result).await.expect(200);
    assert_eq!((page.count("#lines .badge--ok"), page.count("#rest")), (3, 0));
    assert_eq!(app.balance(app.reza).await.total().0, 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn deleting_shows_the_refund_and_reads_each_account_at_that_moment(db: PgPool) {
    let app = TestApp::start(db).await;
    let orders = sold(&app, 3, 0).await;
    // They waited for a server that was away; the day for refunds began when they were made.
    sqlx::query("UPDATE orders SET created_at = created_at - interval '38 hours'")
        .execute(&app.db)
        .await
        .unwrap();
    let reza = app.signed_in("reza").await;
    let page = reza.get(&choice("delete", &orders)).await.expect(200);
    assert_eq!(page.text("#sum"), "۲۷۰٬۰۰۰ تومان");
    let form = fields(&page);
    // One is used up between the look and the go-ahead.
    app.simulator.traffic("reza_1", 15 << 30);
    let result = send(&reza, &form).await.expect(303).location().to_owned();
    app.run_jobs().await;
    let page = reza.get(&result).await.expect(200);
    assert_eq!(page.texts("#lines .badge"), ["انجام شد", "انجام نشد", "انجام شد"]);
    assert!(page.texts("#lines .list__main")[1].contains("۴۵٬۰۰۰ تومان برمی‌گردد"));
    assert_eq!(
        (page.text("#sum"), app.balance(app.reza).await.total().0),
        ("۱۸۰٬۰۰۰ تومان".into(), PRICE * 2)
    );

    let fresh = fields(&reza.get(&page.attribute("#again", "href")).await.expect(200));
    app.simulator.down().await;
    let unread = reza.get(&choice("delete", &orders[1..2])).await.expect(200);
    assert_eq!((unread.count("#summary"), unread.count("#left-out li")), (0, 1), "it would not be deleted");
    let result = send(&reza, &fresh).await.expect(303).location().to_owned();
    let page = reza.get(&result).await.expect(200);
    assert!(page.text("#lines .list__main").contains("نشد مصرف اکانت را از سرور بخوانیم"));
    app.simulator.up().await.unwrap();
    assert_eq!(app.simulator.users().len(), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn anothers_accounts_leave_no_trace_and_nonsense_is_refused(db: PgPool) {
    let app = TestApp::start(db).await;
    let orders = sold(&app, 2, PRICE * 2).await;
    let mina = app.signed_in("mina").await;
    assert_eq!(mina.get(&choice("disable", &orders)).await.expect(303).location(), "/agent/users");
    let reza = app.signed_in("reza").await;
    let form = fields(&reza.get(&choice("disable", &orders)).await.expect(200));
    send(&mina, &form).await.expect(404);
    let mixed =
        reza.get(&format!("{}&order=999999&order={}", choice("renew", &orders[..1]), orders[0])).await;
    assert_eq!(mixed.expect(200).count("#going li"), 1, "each once, and only one's own");
    for address in ["/agent/users/selection", "/agent/users/selection?do=renew", &choice("x", &orders)] {
        assert_eq!(reza.get(address).await.expect(303).location(), "/agent/users");
    }
    let many: Vec<OrderId> = (0..101).map(OrderId).collect();
    let back = format!("{}&back=%2Fagent%2Fusers%3Fsort%3Dexpiry", choice("renew", &many));
    assert_eq!(reza.get(&back).await.expect(303).location(), "/agent/users?sort=expiry");
    assert!(reza.get("/agent/users").await.text("#flash").contains("۱۰۰"));
    let away = format!("{}&back=https%3A%2F%2Felsewhere.example", choice("renew", &many));
    assert_eq!(reza.get(&away).await.expect(303).location(), "/agent/users");
    for (name, value) in
        [("do", "revoke"), ("do", ""), ("item-000", "1"), ("item-000", "1:x:2"), ("request_id", "7")]
    {
        let mut wrong = form.clone();
        wrong.iter_mut().find(|field| field.0 == name).unwrap().1 = value.to_owned();
        send(&reza, &wrong).await.expect(400);
    }
    let mut unknown = form.clone();
    unknown.iter_mut().find(|field| field.0 == "do").unwrap().1 = "renew".to_owned();
    for field in unknown.iter_mut().filter(|field| field.0.starts_with("item-")) {
        field.1 = format!("{}:987654:5", orders[0]);
    }
    let sent = send(&reza, &unknown).await.expect(303);
    assert!(reza.get(sent.location()).await.expect(200).count("#lines .badge--bad") == 1);
    assert_eq!(changes(&app).await, []);
    assert_eq!(app.stranger().get(&choice("renew", &orders)).await.status, 303);
    assert_eq!(app.signed_in("nima").await.get(&choice("renew", &orders)).await.status, 403);
    app.finish().await;
}
