//! Accounts that the server had before the panel are brought in as orders: seen first, charged never, each once.

mod interrupted;
mod reading;

use rad_panel::{
    demo::simulator::{
        state::Admin,
        user::{NextPlan, Status, User},
    },
    ids::OrderId,
    orders::{changes, sync},
    verification,
};
use sqlx::PgPool;
use uuid::Uuid;

use super::{Form, PRICE, month, order_count, order_entries, status};
use crate::support::{Answer, Client, TestApp};

const GB: i64 = 1 << 30;
const DAY: i64 = 24 * 3600;

/// An account on the server of `keeper`, with 20 days and 30 GB, made long ago.
fn stray(app: &TestApp, name: &str, keeper: Option<&str>, note: &str) {
    let now = app.clock.now();
    let mut user = User::new(name, keeper, now - time::Duration::days(100));
    user.note = Some(note.to_owned()).filter(|note| !note.is_empty());
    user.expire = Some(now.unix_timestamp() + 20 * DAY);
    user.data_limit = Some(30 * GB);
    user.used_traffic = 3 * GB;
    user.lifetime_used_traffic = 90 * GB;
    app.simulator.put_user(user);
}

/// A shop with a plan, and the admin signed in.
async fn shop(db: PgPool) -> (TestApp, Client) {
    let app = TestApp::start(db).await;
    month(&app).await;
    app.simulator.put_admin(Admin::new("hamid", "x", false));
    let sara = app.signed_in("sara").await;
    (app, sara)
}

/// Asks for the server's accounts to be read. Returns the import's address.
async fn begin(sara: &Client) -> String {
    let request_id = Uuid::new_v4().to_string();
    sara.post("/admin/orders/import", &[("request_id", &request_id)]).await.expect(303).location().to_owned()
}

async fn read(app: &TestApp, sara: &Client) -> String {
    let href = begin(sara).await;
    app.run_jobs().await;
    href
}

/// Chooses, and returns the page with the dry run.
async fn choose(sara: &Client, href: &str, owner: i64, fields: &[(&str, &str)]) -> Answer {
    let owner = owner.to_string();
    let form = [&[("owner", owner.as_str()), ("keeps_notes", "true")], fields].concat();
    sara.post(&format!("{href}/choice"), &form).await.expect(303);
    sara.get(href).await.expect(200)
}

async fn confirm(sara: &Client, href: &str, page: &Answer) {
    let choice = page.attribute("input[name=choice]", "value");
    sara.post(&format!("{href}/taking"), &[("choice", &choice)]).await.expect(303);
}

/// Reads, chooses and brings in.
async fn import(app: &TestApp, sara: &Client, owner: i64, fields: &[(&str, &str)]) -> String {
    let href = read(app, sara).await;
    let page = choose(sara, &href, owner, fields).await;
    confirm(sara, &href, &page).await;
    app.run_jobs().await;
    href
}

fn names(page: &Answer) -> Vec<String> {
    page.texts("#accounts tbody td:first-child > :is(a, bdi)")
}

async fn orders(app: &TestApp) -> Vec<(String, String, i64)> {
    sqlx::query_as(
        "SELECT o.marzban_username, u.username, o.amount FROM orders o JOIN users u ON u.id = o.user_id
         ORDER BY o.marzban_username COLLATE \"C\"",
    )
    .fetch_all(&app.db)
    .await
    .unwrap()
}

async fn order_of(app: &TestApp, name: &str) -> OrderId {
    let id = sqlx::query_scalar("SELECT id FROM orders WHERE marzban_username = $1").bind(name);
    OrderId(id.fetch_one(&app.db).await.unwrap())
}

/// Money, proofs and the server agree.
async fn finish(app: TestApp) {
    let report = verification::of_rows(&mut app.db.acquire().await.unwrap()).await.unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_dry_run_shows_what_would_come_and_why_the_rest_would_not(db: PgPool) {
    let (app, sara) = shop(db).await;
    app.give_credit(app.reza, PRICE).await;
    let plan = month(&app).await;
    Form::new(app.reza, plan, "reza_ali").send(&app).await.unwrap();
    app.run_jobs().await;
    stray(&app, "Ali-vip", Some("hamid"), "علی");
    stray(&app, "babak", None, "");
    stray(&app, "Babak", None, "");
    stray(&app, "other_panel", None, "RAD order #99");
    stray(&app, &"long".repeat(9), None, "");
    let before = app.simulator.users();
    let href = read(&app, &sara).await;
    let page = sara.get(&href).await.expect(200);
    assert!(page.text("#count").contains("۲ اکانت هنوز در پنل نیست"), "{}", page.text("#count"));
    assert_eq!(page.count("input[name=choice]"), 0, "first it is to be said whose they will be");
    let page = choose(&sara, &href, app.reza.0, &[]).await;
    // Capitals stand before small letters, as on the server.
    assert_eq!(names(&page), ["Ali-vip", "Babak"]);
    let first = page.texts("#accounts tbody tr:first-child td").join(" | ");
    for part in ["علی", "hamid", "فعال", "۳۰ گیگابایت", "رضا", "یک‌ماهه", "وارد می‌شود"]
    {
        assert!(first.contains(part), "{part}: {first}");
    }
    let reasons = page.texts("#reasons li");
    for (part, count) in [("از قبل در پنل", "۱"), ("پنل دیگری", "۱"), ("بزرگ و کوچک", "۱"), ("نمی‌پذیرد", "۱")]
    {
        assert!(
            reasons.iter().any(|reason| reason.contains(part) && reason.contains(count)),
            "{part}: {reasons:?}"
        );
    }
    let owned = sara.get(&format!("{href}?show=OWNED")).await.expect(200);
    assert_eq!(names(&owned), ["reza_ali"]);
    let unchanged =
        |users: Vec<User>| users.into_iter().map(|user| (user.username, user.note)).collect::<Vec<_>>();
    assert_eq!(unchanged(app.simulator.users()), unchanged(before), "nothing was done yet");
    assert_eq!(order_count(&app).await, 1);
    finish(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn accounts_are_chosen_by_their_names_their_marzban_admin_and_their_notes(db: PgPool) {
    let (app, sara) = shop(db).await;
    stray(&app, "shop_1", Some("hamid"), "تلفن ۰۹۱۲۱");
    stray(&app, "Shop_2", None, "تلفن 09122");
    stray(&app, "shopx3", Some("hamid"), "");
    stray(&app, "vip_shop", None, "");
    stray(&app, "arabic_1", None, "علي  كريمى ٠٩٣٥");
    stray(&app, "arabic_2", None, "\u{202b}ع\u{200f}لی ک\u{200c}ریمی ۰۹۳۶\u{202c}");
    let href = read(&app, &sara).await;
    for (field, typed, found) in [
        ("pattern", "shop_*", vec!["Shop_2", "shop_1"]),
        ("pattern", "*SHOP*", vec!["Shop_2", "shop_1", "shopx3", "vip_shop"]),
        ("pattern", "shop_۱", vec!["shop_1"]),
        ("keeper", "=hamid", vec!["shop_1", "shopx3"]),
        ("keeper", "=", vec!["Shop_2", "arabic_1", "arabic_2", "vip_shop"]),
        ("keeper", "", vec!["Shop_2", "arabic_1", "arabic_2", "shop_1", "shopx3", "vip_shop"]),
        ("note", "علی", vec!["arabic_1", "arabic_2"]),
        ("note", "علي كريمي", vec!["arabic_1"]),
        ("note", "٠٩٣", vec!["arabic_1", "arabic_2"]),
        ("note", "۰۹۱۲", vec!["Shop_2", "shop_1"]),
        ("note", "%", vec![]),
    ] {
        let page = choose(&sara, &href, app.reza.0, &[(field, typed)]).await;
        assert_eq!(names(&page), found, "{field}={typed}");
    }
    // Both at once; what was typed stays in the form.
    let page = choose(&sara, &href, app.mina.0, &[("pattern", "shop*"), ("keeper", "=hamid")]).await;
    assert_eq!(names(&page), ["shop_1", "shopx3"]);
    assert_eq!(page.attribute("#pattern", "value"), "shop*");
    confirm(&sara, &href, &page).await;
    app.run_jobs().await;
    let mina = |name: &str| (name.to_owned(), "mina".to_owned(), 0);
    assert_eq!(orders(&app).await, [mina("shop_1"), mina("shopx3")]);
    finish(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_keeps_all_but_its_note_and_nobody_is_charged(db: PgPool) {
    let (app, sara) = shop(db).await;
    app.give_credit(app.reza, 50_000).await;
    stray(&app, "Ali-vip", Some("hamid"), "علی، همسایه");
    stray(&app, "off_one", None, "");
    stray(&app, "waits_1", None, "");
    let next = NextPlan { data_limit: GB, expire: None, add_remaining_traffic: false, fire_on_either: true };
    app.simulator.mutate("Ali-vip", |user| user.next_plan = Some(next.clone()));
    app.simulator.mutate("off_one", |user| user.status = Status::Disabled);
    app.simulator.mutate("waits_1", |user| {
        user.status = Status::OnHold;
        user.expire = None;
        user.on_hold_expire_duration = Some(30 * DAY);
        user.used_traffic = 0;
    });
    let before = app.simulator.user("Ali-vip").unwrap();
    import(&app, &sara, app.reza.0, &[]).await;
    let order = order_of(&app, "Ali-vip").await;
    let after = app.simulator.user("Ali-vip").unwrap();
    assert_eq!(after.note, Some(format!("RAD order #{order}")));
    assert_eq!(after.next_plan, Some(next));
    assert_eq!(
        (after.status, after.expire, after.data_limit, after.used_traffic, &after.admin),
        (before.status, before.expire, before.data_limit, before.used_traffic, &before.admin)
    );
    let row: (String, String, i32, Option<i32>, time::OffsetDateTime) =
        sqlx::query_as("SELECT note, plan_name, days, data_limit_gb, created_at FROM orders WHERE id = $1")
            .bind(order.0)
            .fetch_one(&app.db)
            .await
            .unwrap();
    assert_eq!((row.0.as_str(), row.2, row.3), ("علی، همسایه", 30, Some(30)));
    assert_eq!(row.4.unix_timestamp(), before.created_at.unix_timestamp(), "as old as it is");
    assert_eq!(status(&app, order_of(&app, "off_one").await).await, "DISABLED");
    assert_eq!(order_entries(&app, app.reza).await, [], "no row of the ledger");
    assert_eq!(app.balance(app.reza).await.total().0, 50_000);
    // Reza sees it with its link; what it cost is said in words.
    let reza = app.signed_in("reza").await;
    let page = reza.get(&format!("/agent/users/{order}")).await.expect(200);
    assert!(page.body.contains("بدون هزینه") && page.count("#qr") == 1);
    assert_eq!(
        reza.get("/agent/users?q=ALI-V").await.expect(200).count(".list__item, #accounts li, article").min(1),
        1
    );
    app.signed_in("mina").await.get(&format!("/agent/users/{order}")).await.expect(404);
    let life = sara.get(&format!("/admin/orders/{order}")).await.expect(200).text("#life");
    assert!(life.contains("از اکانت موجود سرور") && life.contains("sara"), "{life}");
    // The round finds nothing amiss.
    app.clock.advance(time::Duration::minutes(30));
    let swept = sync::sweep(&app.db, &app.state.server, &app.clock).await.unwrap();
    assert_eq!((swept.read, swept.drifted), (3, 0));
    finish(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_order_that_was_brought_in_is_renewed_disabled_and_deleted_like_any_other(db: PgPool) {
    let (app, sara) = shop(db).await;
    app.give_credit(app.reza, PRICE).await;
    stray(&app, "Ali-vip", Some("hamid"), "علی");
    // Made just now: a deletion is within the day for refunds.
    let now = app.clock.now();
    app.simulator.mutate("Ali-vip", |user| user.created_at = now);
    import(&app, &sara, app.reza.0, &[]).await;
    let order = order_of(&app, "Ali-vip").await;
    // Nobody has sold it.
    let sold = sara.get("/admin/plans").await.expect(200).texts("tbody td.table__num");
    assert_eq!(sold[2], "۰", "{sold:?}");
    let figures = sara.get("/admin").await.expect(200).texts("#figures .stat__value");
    assert_eq!(figures[2..], ["۰", "۱"], "new and active");
    let reza = app.signed_in("reza").await;
    let page = reza.get(&format!("/agent/users/{order}/renewal")).await.expect(200);
    let plan = page.attribute("input[name=plan][checked]", "value");
    let request_id = page.attribute("input[name=request_id]", "value");
    let form = [("plan", plan.as_str()), ("request_id", &request_id)];
    reza.post(&format!("/agent/users/{order}/renewal"), &form).await.expect(303);
    app.run_jobs().await;
    let account = app.simulator.user("Ali-vip").unwrap();
    assert_eq!(account.expire, Some(now.unix_timestamp() + 50 * DAY));
    assert_eq!((account.used_traffic, account.data_limit), (0, Some(30 * GB)));
    let post = async |client: &Client, path: String| {
        client.post(&path, &[("request_id", &Uuid::new_v4().to_string())]).await.expect(303);
        app.run_jobs().await;
    };
    post(&reza, format!("/agent/users/{order}/disabling")).await;
    assert_eq!(app.simulator.user("Ali-vip").unwrap().status, Status::Disabled);
    post(&reza, format!("/agent/users/{order}/enabling")).await;
    assert_eq!(status(&app, order).await, "ACTIVE");
    let estimate = changes::estimate(&app.db, &app.state.server, order, app.clock.now()).await.unwrap();
    assert!(estimate.is_in_time && estimate.refund.0 == 0);
    let request_id = Uuid::new_v4().to_string();
    let form = [("request_id", request_id.as_str()), ("refund", "0")];
    reza.post(&format!("/agent/users/{order}/deletion"), &form).await.expect(303);
    app.run_jobs().await;
    assert_eq!(
        (status(&app, order).await.as_str(), app.simulator.user("Ali-vip").is_none()),
        ("DELETED", true)
    );
    let entries = order_entries(&app, app.reza).await;
    let kinds: Vec<(&str, i64)> = entries.iter().map(|(kind, amount)| (kind.as_str(), *amount)).collect();
    assert_eq!(kinds, [("ORDER_RENEWED", -PRICE), ("ORDER_DISABLED", 0), ("ORDER_ENABLED", 0)]);
    finish(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn it_is_followed_without_script_and_stopped_by_a_button(db: PgPool) {
    let (app, sara) = shop(db).await;
    stray(&app, "acct_1", None, "");
    let href = begin(&sara).await;
    let page = sara.get(&href).await.expect(200);
    assert_eq!(
        (page.body.contains("<noscript><meta http-equiv=\"refresh\""), page.count("#progress progress")),
        (true, 1)
    );
    assert_eq!(begin(&sara).await, href, "one reading at a time");
    sara.get_part(&href).await.expect(200);
    app.run_jobs().await;
    assert_eq!(sara.get_part(&href).await.header("hx-redirect"), href, "what comes next is another page");
    // Confirmed is what was shown, and by whom it was chosen.
    let shown = choose(&sara, &href, app.reza.0, &[]).await;
    choose(&sara, &href, app.mina.0, &[]).await;
    confirm(&sara, &href, &shown).await;
    assert!(sara.get(&href).await.expect(200).body.contains("پنجرهٔ دیگری"));
    let form = [("owner", app.nima.0.to_string())];
    sara.post(&format!("{href}/choice"), &[("owner", form[0].1.as_str())]).await.expect(422);
    let shown = sara.get(&href).await.expect(200);
    confirm(&sara, &href, &shown).await;
    sara.post(&format!("{href}/stop"), &[]).await.expect(303);
    app.run_jobs().await;
    assert_eq!((order_count(&app).await, app.simulator.user("acct_1").unwrap().note), (0, None));
    // Without a plan on offer nobody could renew them.
    sqlx::query("UPDATE plans SET status = 'INACTIVE'").execute(&app.db).await.unwrap();
    let href = read(&app, &sara).await;
    let page = choose(&sara, &href, app.sara.0, &[]).await;
    assert_eq!((page.count("#no-plan"), page.count("input[name=choice]")), (1, 0));
    finish(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_orders_are_the_deed_of_the_admin_who_confirmed_it(db: PgPool) {
    let (app, sara) = shop(db).await;
    stray(&app, "acct_1", None, "");
    let href = read(&app, &sara).await;
    // Another admin goes on with what Sara read.
    sqlx::raw_sql(
        "DELETE FROM end_users WHERE user_id = (SELECT id FROM users WHERE username = 'nima');
         UPDATE users SET role = 'ADMIN' WHERE username = 'nima'",
    )
    .execute(&app.db)
    .await
    .unwrap();
    let nima = app.signed_in("nima").await;
    let page = choose(&nima, &href, app.reza.0, &[]).await;
    confirm(&nima, &href, &page).await;
    app.run_jobs().await;
    let actors: Vec<(String, String)> = sqlx::query_as(
        "SELECT l.action, u.username FROM audit_log l JOIN users u ON u.id = l.actor_id
         WHERE l.action LIKE 'order.%' ORDER BY l.id",
    )
    .fetch_all(&app.db)
    .await
    .unwrap();
    let deeds = [("order.read_server", "sara"), ("order.import_all", "nima"), ("order.import", "nima")];
    assert_eq!(actors, deeds.map(|(action, who)| (action.to_owned(), who.to_owned())));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn nobody_but_the_admin_knows_of_it(db: PgPool) {
    let (app, sara) = shop(db).await;
    stray(&app, "acct_1", None, "");
    let href = read(&app, &sara).await;
    for who in ["reza", "nima"] {
        let client = app.signed_in(who).await;
        client.get("/admin/orders/import").await.expect(403);
        client.get(&href).await.expect(403);
        for action in ["choice", "taking", "stop"] {
            client.post(&format!("{href}/{action}"), &[("choice", "1")]).await.expect(403);
        }
    }
    sara.get("/admin/orders/import/999").await.expect(404);
    sara.post("/admin/orders/import/999/stop", &[]).await.expect(404);
    let past = sara.get("/admin/orders/import").await.expect(200);
    assert_eq!(past.count("#past li"), 1);
    finish(app).await;
}
