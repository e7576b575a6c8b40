//! Everybody's orders, and the life line of one.

use rad_panel::ids::OrderId;
use serde_json::json;

use super::{Form, PRICE, month, status};
use crate::support::{Answer, Client, TestApp};

const LIST: &str = "/admin/orders";

fn names(page: &Answer) -> Vec<String> {
    page.texts("#orders tbody tr td:first-child a")
}

async fn found(sara: &Client, query: &str) -> Vec<String> {
    names(&sara.get(&format!("{LIST}{query}")).await.expect(200))
}

/// Orders of Reza and Mina whose accounts are made.
async fn two_agents(app: &TestApp) -> [OrderId; 3] {
    let plan = month(app).await;
    app.give_credit(app.reza, 2 * PRICE).await;
    app.give_credit(app.mina, PRICE).await;
    let one = Form::new(app.reza, plan, "reza_1").send(app).await.unwrap();
    let two = Form::new(app.reza, plan, "reza_2").send(app).await.unwrap();
    let three = Form::new(app.mina, plan, "mina_1").send(app).await.unwrap();
    app.run_jobs().await;
    [one, two, three]
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admin_finds_everybodys_orders_by_each_filter(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let [one, two, three] = two_agents(&app).await;
    let other_plan = app.plan("سه‌ماهه", 90, None, PRICE).await;
    app.give_credit(app.reza, PRICE).await;
    app.clock.advance(time::Duration::days(10));
    let four = Form::new(app.reza, other_plan, "reza_late").send(&app).await.unwrap();
    app.run_jobs().await;
    sqlx::query!("UPDATE marzban_users SET status = 'LIMITED' WHERE order_id = $1", two.0)
        .execute(&app.db)
        .await
        .unwrap();
    sqlx::query!("UPDATE orders SET alias = 'علی ۱۲' WHERE id = $1", three.0).execute(&app.db).await.unwrap();
    sqlx::query!("UPDATE orders SET status = 'DISABLED', disabled_reason = 'BY_OWNER' WHERE id = $1", one.0)
        .execute(&app.db)
        .await
        .unwrap();
    let sara = app.signed_in("sara").await;
    let today = rad_panel::calendar::JalaliDate::from_time(app.clock.now());
    let all = ["reza_late", "mina_1", "reza_2", "reza_1"];
    for (query, expected) in [
        (String::new(), &all[..]),
        ("?owner=REZA".to_owned(), &["reza_late", "reza_2", "reza_1"]),
        (format!("?plan={other_plan}"), &["reza_late"]),
        ("?status=DISABLED".to_owned(), &["reza_1"]),
        ("?server=LIMITED".to_owned(), &["reza_2"]),
        (format!("?from={today}"), &["reza_late"]),
        (format!("?to={today}&owner=mina"), &["mina_1"]),
        ("?q=Mina_".to_owned(), &["mina_1"]),
        ("?q=%D8%B9%D9%84%D9%8A%2012".to_owned(), &["mina_1"]),
        ("?q=%25".to_owned(), &[]),
        ("?q=reza&status=ACTIVE&server=ACTIVE".to_owned(), &["reza_late"]),
        ("?status=nonsense&plan=x&server=y&before=z".to_owned(), &all),
    ] {
        assert_eq!(found(&sara, &query).await, expected, "{query}");
    }
    let page = sara.get(LIST).await.expect(200);
    assert_eq!(page.attributes("#orders td:first-child a", "href")[0], format!("{LIST}/{four}"));
    let owners = page.attributes("#orders td:nth-child(3) a", "href");
    assert_eq!(owners[0], format!("/admin/agents/{}", app.reza));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_wrong_filter_comes_back_with_its_message_and_keeps_what_was_typed(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    for (query, field) in [
        ("?owner=nobody", "owner"),
        ("?from=2026-01-01", "from"),
        ("?to=1405/13/01", "to"),
        ("?from=1405/09/02&to=1405/09/01", "to"),
    ] {
        let page = sara.get(&format!("{LIST}{query}&q=ali")).await.expect(422);
        assert_eq!(page.count(&format!("#{field}-error")), 1, "{query}");
        assert_eq!(page.attribute("#q", "value"), "ali");
        assert_eq!(page.count("#orders table"), 0);
    }
    assert_eq!(sara.get(LIST).await.expect(200).count("#orders .empty"), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_pages_of_the_list_hold_every_order_once_and_keep_the_filter(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, 65 * PRICE).await;
    app.give_credit(app.mina, PRICE).await;
    for n in 0..65 {
        Form::new(app.reza, plan, &format!("reza_{n}")).send(&app).await.unwrap();
    }
    Form::new(app.mina, plan, "mina_1").send(&app).await.unwrap();
    app.run_jobs().await;
    let sara = app.signed_in("sara").await;
    let (mut seen, mut path) = (Vec::new(), format!("{LIST}?owner=reza"));
    while !path.is_empty() {
        let page = sara.get(&path).await.expect(200);
        seen.extend(names(&page));
        // Only the newest page follows what happens.
        assert_eq!(page.attributes("#orders", "hx-get").is_empty(), path.contains("before="));
        path = page.attributes("a[rel=next]", "href").pop().unwrap_or_default();
    }
    let mut unique = seen.clone();
    unique.dedup();
    assert_eq!((seen.len(), unique.len()), (65, 65));
    let part = sara.get_part(&format!("{LIST}?owner=mina")).await.expect(200);
    assert_eq!((names(&part), part.count("h1")), (vec!["mina_1".to_owned()], 0));
    let bytes = sara.get(LIST).await.bytes.len();
    assert!(bytes < 60_000, "{bytes} bytes before compression");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_orders_page_tells_its_life_from_the_purchase_to_the_account(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, PRICE).await;
    app.simulator.down().await;
    let order = Form::new(app.reza, plan, "reza_1").send(&app).await.unwrap();
    app.run_jobs().await;
    let sara = app.signed_in("sara").await;
    let path = format!("{LIST}/{order}");
    let page = sara.get(&path).await.expect(200);
    assert_eq!(page.count("#waiting"), 1);
    assert!(
        page.attribute("#order", "hx-trigger").contains(&format!("live-order-{order} from:body, every 15s"))
    );
    let life = page.texts("#life li");
    assert!(life[0].contains("۱ بار از سرور خواسته شده") && life[0].contains("اتصال به سرور"), "{life:?}");
    assert!(
        life[1].contains("سفارش ۱") && life[1].contains("−۹۰٬۰۰۰ تومان") && life[1].contains("reza"),
        "{life:?}"
    );

    app.simulator.up().await.unwrap();
    app.clock.advance(time::Duration::minutes(10));
    app.run_jobs().await;
    let page = sara.get(&path).await.expect(200);
    assert_eq!(page.text("h1"), "reza_1");
    assert_eq!(
        (page.count("#qr path"), page.count("#delivery .copy-line"), page.count("#message")),
        (1, 1, 0)
    );
    assert!(
        page.text("#details").contains("رضا") && page.text("#details").contains("فعال"),
        "{}",
        page.text("#details")
    );
    let life = page.texts("#life li").join("\n");
    for words in ["ساخته شدن اکانت سفارش ۱", "خود پنل", "پس از ۲ بار خواستن از سرور انجام شد"]
    {
        assert!(life.contains(words), "{words} is missing in {life}");
    }
    let part = sara.get_part(&path).await.expect(200);
    assert_eq!((part.count("#order"), part.count("nav")), (1, 0));
    assert!(sara.get_part(&format!("{path}/usage")).await.expect(200).text("#usage").contains("گیگابایت"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_refused_order_shows_the_refund_and_strange_deeds_are_shown_as_they_stand(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, PRICE).await;
    let theirs = rad_panel::panel::NewAccount {
        username: "taken".to_owned(),
        validity: rad_panel::panel::Validity::For { seconds: 3600 },
        data_limit_bytes: None,
        order: OrderId(999_999),
    };
    app.state.server.create_account(&theirs, rad_panel::panel::Attempt::First).await.done().unwrap();
    let order = Form::new(app.reza, plan, "taken").send(&app).await.unwrap();
    app.run_jobs().await;
    assert_eq!(status(&app, order).await, "FAILED");
    let address: std::net::IpAddr = "192.0.2.7".parse().unwrap();
    let deed = rad_panel::audit::Deed {
        actor: Some(app.sara),
        action: "order.bewitch",
        subject_type: "order",
        subject_id: Some(order.0),
        detail: json!({ "spell": { "words": [1, "<b>"] }, "changes": 5, "reason": "دلیل" }),
        address: Some(&address),
    };
    app.clock.advance(time::Duration::minutes(1));
    rad_panel::audit::record(&mut app.db.acquire().await.unwrap(), &deed, app.clock.now()).await.unwrap();
    let page = app.signed_in("sara").await.get(&format!("{LIST}/{order}")).await.expect(200);
    let life = page.texts("#life li");
    assert!(
        life[0].contains("order.bewitch") && life[0].contains("دلیل") && life[0].contains("192.0.2.7"),
        "{life:?}"
    );
    assert!(life[1].contains("ساخته نشدن") && life[1].contains("+۹۰٬۰۰۰ تومان"), "{life:?}");
    assert_eq!(life.len(), 3, "money is told with its deed, once: {life:?}");
    assert!(page.text("#failed").contains("taken"), "{}", page.text("#failed"));
    assert!(!page.body.contains("<b>"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_persons_page_leads_to_her_orders(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let [one, two, _] = two_agents(&app).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get(&format!("/admin/agents/{}", app.reza)).await.expect(200);
    let orders = page.attributes("#orders .list__main a", "href");
    assert_eq!(orders, [format!("{LIST}/{two}"), format!("{LIST}/{one}")]);
    for href in orders.iter().chain(&page.attributes("#orders > .cluster a, #log > .cluster a", "href")) {
        sara.get(href).await.expect(200);
    }
    for path in ["999", "x", "999/usage"] {
        sara.get(&format!("{LIST}/{path}")).await.expect(404);
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admin_hurries_an_order_that_waits_for_the_server(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, PRICE).await;
    app.simulator.down().await;
    let order = Form::new(app.reza, plan, "reza_1").send(&app).await.unwrap();
    app.run_jobs().await;
    app.simulator.up().await.unwrap();
    assert_eq!(app.run_jobs().await, 0, "it is not due yet");
    let sara = app.signed_in("sara").await;
    let page = sara.get(&format!("{LIST}/{order}")).await.expect(200);
    let action = page.attribute("#upkeep form", "action");
    sara.post(&action, &[]).await.expect(303);
    assert_eq!(app.run_jobs().await, 1);
    assert_eq!(status(&app, order).await, "ACTIVE");
    sara.post(&action, &[]).await.expect(303);
    let page = sara.get(&format!("{LIST}/{order}")).await.expect(200);
    assert!(page.text("#flash").contains("در انتظار نیست"), "{}", page.text("#flash"));
    assert!(page.text("#life").contains("تکرار فوری"));
    assert_eq!(page.count("#upkeep form"), 0);
    sara.post(&format!("{LIST}/999/retry"), &[]).await.expect(404);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admin_gives_an_order_to_another_agent(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let [one, _, _] = two_agents(&app).await;
    let sara = app.signed_in("sara").await;
    let path = format!("{LIST}/{one}");
    let form = format!("{path}/move");
    assert_eq!(sara.get(&path).await.expect(200).attribute("#upkeep a", "href"), form);
    for (username, reason, field) in [
        ("", "جابه‌جایی", "username"),
        ("nobody", "جابه‌جایی", "username"),
        ("nima", "جابه‌جایی", "username"),
        ("mina", " ", "reason"),
    ] {
        let page = sara.post(&form, &[("username", username), ("reason", reason)]).await.expect(422);
        assert_eq!(page.count(&format!("#{field}-error")), 1, "{username} {reason}");
        assert_eq!(page.attribute("#username", "value"), username);
    }
    let right = [("username", " Mina "), ("reason", "جابه‌جایی")];
    sara.post(&form, &right).await.expect(303);
    sara.post(&form, &right).await.expect(303);
    let page = sara.get(&path).await.expect(200);
    assert!(page.text("#details").contains("مینا"), "{}", page.text("#details"));
    let moves: Vec<String> = page.texts("#life li").into_iter().filter(|row| row.contains("سپردن")).collect();
    assert_eq!(moves.len(), 1, "sent twice, moved once");
    assert!(moves[0].contains("از: reza") && moves[0].contains("به: mina"), "{moves:?}");
    app.signed_in("reza").await.get(&format!("/agent/users/{one}")).await.expect(404);
    app.signed_in("mina").await.get(&format!("/agent/users/{one}")).await.expect(200);
    sara.get(&format!("{LIST}/999/move")).await.expect(404);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admin_switches_renews_and_deletes_anybodys_account(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let [one, _, _] = two_agents(&app).await;
    app.give_credit(app.reza, PRICE).await;
    let sara = app.signed_in("sara").await;
    let path = format!("{LIST}/{one}");
    let request_id = uuid::Uuid::new_v4().to_string();
    sara.post(&format!("{path}/disabling"), &[("request_id", &request_id)]).await.expect(303);
    app.run_jobs().await;
    let page = sara.get(&path).await.expect(200);
    assert_eq!(status(&app, one).await, "DISABLED");
    assert!(page.text(".banner--warn").contains("مدیر این اکانت را خاموش کرده است"));
    let id = page.attribute("#actions form[action$=enabling] input", "value");
    sara.post(&format!("{path}/enabling"), &[("request_id", &id)]).await.expect(303);
    app.run_jobs().await;
    assert_eq!(status(&app, one).await, "ACTIVE");

    let form = sara.get(&format!("{path}/renewal")).await.expect(200);
    let (id, plan) =
        (form.attribute("input[name=request_id]", "value"), form.attribute("input[name=plan]", "value"));
    sara.post(&format!("{path}/renewal"), &[("request_id", &id), ("plan", &plan)]).await.expect(303);
    app.run_jobs().await;
    assert_eq!(app.balance(app.reza).await.total().0, 0, "its owner pays");

    let form = sara.get(&format!("{path}/deletion")).await.expect(200);
    let (id, refund) =
        (form.attribute("input[name=request_id]", "value"), form.attribute("input[name=refund]", "value"));
    sara.post(&format!("{path}/deletion"), &[("request_id", &id), ("refund", &refund)]).await.expect(303);
    app.run_jobs().await;
    assert_eq!(status(&app, one).await, "DELETED");
    let page = sara.get(&path).await.expect(200);
    let life = page.texts("#life li").join("\n");
    for words in ["خاموش شدن سفارش", "روشن شدن سفارش", "تمدید شدن سفارش", "حذف شدن سفارش"]
    {
        assert!(life.contains(words), "{words} is missing in {life}");
    }
    assert_eq!(page.count("#upkeep, #actions a[href$=renewal]"), 0);
    app.finish().await;
}
