//! The admin's pages about agents.

use rad_panel::{
    agents::{self, Profile},
    audit::Actor,
    ids::UserId,
    money::Toman,
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Answer, Client, PASSWORD, TestApp};

/// What an admin types for a new agent; `changes` go over it.
fn form<'a>(request_id: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("request_id", request_id),
        ("username", "kian"),
        ("first_name", "کیان"),
        ("last_name", "رستمي"),
        ("phone", "۰۹۱۷-۳۴۵-۶۷۸۹"),
        ("shop_name", "خدمات کیان"),
        ("place", "فارس/شیراز"),
        ("address", "خیابان زند"),
        ("notes", "معرف: رضا"),
        ("username_prefix", "KN"),
        ("pending_ceiling", "۲٬۵۰۰٬۰۰۰"),
    ];
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        form.push((name, value));
    }
    form
}

async fn new_form(sara: &Client) -> (Answer, String) {
    let page = sara.get("/admin/agents/new").await.expect(200);
    let id = page.attribute("input[name=request_id]", "value");
    (page, id)
}

/// The last part of an address.
fn id_in(address: &str) -> UserId {
    UserId(address.rsplit('/').next().unwrap().parse().unwrap())
}

async fn actions(app: &TestApp, person: UserId) -> Vec<String> {
    sqlx::query_scalar!(
        "SELECT action FROM audit_log WHERE subject_type = 'user' AND subject_id = $1 ORDER BY id",
        person.0
    )
    .fetch_all(&app.db)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_new_agent_gets_a_password_that_is_shown_once_and_must_be_changed(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let (page, request_id) = new_form(&sara).await;
    assert_eq!(page.attribute("#pending_ceiling", "value"), "۵٬۰۰۰٬۰۰۰", "the shop's own default");
    assert_eq!(page.count("#place optgroup"), 31);
    let page = sara.post("/admin/agents", &form(&request_id, &[])).await.expect(200);
    assert_eq!(page.header("cache-control"), "no-store");
    let copies = page.attributes("#one-time-password [data-copy]", "data-copy");
    assert_eq!(copies[0], "kian");
    let password = &copies[1];
    assert_eq!(password.len(), 14);
    let home = page.attribute("main a.btn--primary", "href");

    let page = sara.get(&home).await.expect(200);
    assert!(!page.body.contains(password.as_str()), "the password is never shown again");
    let profile = page.text("#profile");
    for part in ["09173456789", "خدمات کیان", "فارس، شیراز", "خیابان زند", "kn", "۲٬۵۰۰٬۰۰۰", "معرف: رضا"]
    {
        assert!(profile.contains(part), "{part} in {profile}");
    }
    assert_eq!(page.text("h1"), "کیان رستمی", "in Persian letters");
    assert_eq!(actions(&app, id_in(&home)).await, ["agent.create"]);

    let kian = app.stranger();
    let sign_in = [("username", "kian"), ("password", password.as_str()), ("next", "")];
    kian.post("/login", &sign_in).await.expect(303);
    for path in ["/agent", "/agent/wallet", "/agent/create-user"] {
        assert_eq!(kian.get(path).await.expect(303).location(), "/account/password");
    }
    let change =
        [("current_password", password.as_str()), ("new_password", PASSWORD), ("repeat_password", PASSWORD)];
    kian.post("/account/password", &change).await.expect(303);
    kian.get("/agent").await.expect(200);
    app.signed_in("kian").await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_same_form_sent_twice_makes_one_agent(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let (_, request_id) = new_form(&sara).await;
    let form = form(&request_id, &[]);
    let (one, two) = tokio::join!(sara.post("/admin/agents", &form), sara.post("/admin/agents", &form));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 303], "one makes, the other leads to what was made");
    let again = sara.post("/admin/agents", &form).await.expect(303);
    assert_eq!(actions(&app, id_in(again.location())).await, ["agent.create"]);
    assert!(sara.get(again.location()).await.expect(200).text("#flash").contains("همین فرم"));
    let (_, other) = new_form(&sara).await;
    let taken = sara.post("/admin/agents", &self::form(&other, &[])).await.expect(422);
    assert_eq!(taken.count("#username-error"), 1, "another form with that name is refused");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_form_that_is_wrong_comes_back_as_it_was_typed(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let (_, request_id) = new_form(&sara).await;
    let long = "ا".repeat(1001);
    for (field, typed) in [
        ("username", ""),
        ("username", "کیان"),
        ("username", "ab"),
        ("username", "1kian"),
        ("username", "reza"),
        ("username", "Sara"),
        ("first_name", " \u{200f}"),
        ("first_name", &long[..2 * 61]),
        ("last_name", ""),
        ("phone", ""),
        ("phone", "02112345678"),
        ("phone", "۰۹۱۲۱۲۳۴۵۶"),
        ("shop_name", &long[..2 * 81]),
        ("place", "فارس/تبریز"),
        ("place", "Fars"),
        ("address", &long[..2 * 301]),
        ("notes", &long),
        ("username_prefix", "1k"),
        ("username_prefix", "کیان"),
        ("username_prefix", "thirteen_char"),
        ("pending_ceiling", ""),
        ("pending_ceiling", "-1"),
        ("pending_ceiling", "ده"),
        ("pending_ceiling", "1.5"),
        ("pending_ceiling", "10,000,000,001"),
        ("pending_ceiling", "99999999999999999999"),
    ] {
        let page = sara.post("/admin/agents", &form(&request_id, &[(field, typed)])).await.expect(422);
        assert_eq!(page.count(&format!("#{field}-error")), 1, "{field}: {typed}");
        assert_eq!(page.count(".field__error"), 1, "{field}: {typed}");
        if field == "place" {
            continue;
        }
        let kept = match field {
            "address" | "notes" => page.text(&format!("#{field}")),
            _ => page.attribute(&format!("#{field}"), "value"),
        };
        assert_eq!(kept, typed, "{field}");
        assert_eq!(page.attribute("#place option[selected]", "value"), "فارس/شیراز");
    }
    sara.post("/admin/agents", &form("no-id-of-ours", &[])).await.expect(400);
    let left = sqlx::query_scalar!("SELECT count(*) FROM agents").fetch_one(&app.db).await.unwrap();
    assert_eq!(left, Some(2), "nobody was made");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_limits_themselves_are_accepted(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let (_, request_id) = new_form(&sara).await;
    let name = "ا".repeat(60);
    let changes = [
        ("username", "Kian.R-1_x"),
        ("first_name", name.as_str()),
        ("phone", "+98 917 345 6789"),
        ("place", "فارس/"),
        ("shop_name", ""),
        ("address", ""),
        ("notes", ""),
        ("username_prefix", "twelve_chars"),
        ("pending_ceiling", "10,000,000,000"),
    ];
    let page = sara.post("/admin/agents", &form(&request_id, &changes)).await.expect(200);
    assert_eq!(page.attributes("[data-copy]", "data-copy")[0], "kian.r-1_x");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_profile_is_changed_and_the_log_says_from_what_to_what(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let home = format!("/admin/agents/{}", app.reza);
    let page = sara.get(&format!("{home}/edit")).await.expect(200);
    assert_eq!(page.attribute("#first_name", "value"), "رضا");
    assert_eq!(page.count("#username"), 0, "the user name stays");
    let changes =
        [("first_name", "رضا"), ("last_name", "کریمی"), ("phone", "09121111111"), ("username_prefix", "")];
    let form = form("", &changes);
    let (one, two) = tokio::join!(sara.post(&home, &form), sara.post(&home, &form));
    assert_eq!((one.status, two.status), (303, 303));
    assert_eq!(actions(&app, app.reza).await, ["agent.update"]);
    let page = sara.get(&home).await.expect(200);
    assert_eq!(page.text("h1"), "رضا کریمی");
    let log = page.text("#log");
    assert!(log.contains("۵٬۰۰۰٬۰۰۰ تومان ← ۲٬۵۰۰٬۰۰۰ تومان"), "{log}");
    assert!(!log.contains("موبایل:"), "what stayed is not told: {log}");
    let wrong =
        sara.post(&home, &self::form("", &[("phone", "123"), ("last_name", "دیگر")])).await.expect(422);
    assert_eq!((wrong.count("#phone-error"), wrong.attribute("#last_name", "value")), (1, "دیگر".to_owned()));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_no_agent_is_not_found(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    for id in [app.nima.to_string(), app.sara.to_string(), "999".to_owned(), "x".to_owned()] {
        let home = format!("/admin/agents/{id}");
        sara.get(&home).await.expect(404);
        sara.get(&format!("{home}/edit")).await.expect(404);
        sara.post(&home, &form("", &[])).await.expect(404);
        let put_off = [("until", "1499/01/01"), ("reason", "x")];
        sara.post(&format!("{home}/deferral"), &put_off).await.expect(404);
        sara.post(&format!("{home}/deferral/end"), &[]).await.expect(404);
    }
    app.finish().await;
}

/// An agent whose name, shop and phone end in `n`.
async fn another(app: &TestApp, n: i64) -> UserId {
    let profile = Profile {
        first_name: format!("نماینده {n}"),
        last_name: "آزمایشی".to_owned(),
        phone: format!("0930000{n:04}"),
        shop_name: format!("فروشگاه {n}"),
        ..Profile::default()
    };
    let by = Actor::from(app.sara);
    let username = format!("agent{n:04}");
    let hired =
        agents::hire(&app.db, &username, &profile, Uuid::new_v4(), by, app.clock.now()).await.unwrap();
    let agents::Hired::Now { id, .. } = hired else { panic!("a new agent") };
    id
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_list_finds_filters_and_sorts(db: PgPool) {
    let app = TestApp::start(db).await;
    let third = another(&app, 7).await;
    app.give_credit(app.reza, 500_000).await;
    app.give_credit(app.mina, -20_000).await;
    app.give_credit(third, 90_000).await;
    let plan = app.plan("ماهانه", 30, Some(20), 80_000).await;
    let order = rad_panel::orders::NewOrder {
        buyer: third,
        plan,
        price_seen: Toman(80_000),
        username: "customer1",
        alias: "",
        note: "",
        on_hold: false,
        request_id: Uuid::new_v4(),
    };
    rad_panel::orders::place(&app.db, &order, app.clock.now()).await.unwrap();
    app.run_jobs().await;
    rad_panel::accounts::disable(&app.db, third, app.sara, app.clock.now()).await.unwrap();
    let sara = app.signed_in("sara").await;
    let (reza, mina, seven) = (app.reza, app.mina, third);
    for (query, expected) in [
        ("", vec![seven, mina, reza]),
        ("?sort=credit", vec![reza, seven, mina]),
        ("?sort=debt", vec![mina, seven, reza]),
        ("?sort=sales", vec![seven, mina, reza]),
        ("?sort=nonsense&show=nonsense&after=nonsense", vec![seven, mina, reza]),
        ("?show=owing", vec![mina]),
        ("?show=disabled", vec![seven]),
        ("?show=active&sort=credit", vec![reza, mina]),
        ("?q=REZ", vec![reza]),
        ("?q=%D9%85%DB%8C%D9%86%D8%A7", vec![mina]),
        // «فروشگاه ۷» with a Persian digit, and a phone the same way.
        ("?q=%D9%81%D8%B1%D9%88%D8%B4%DA%AF%D8%A7%D9%87%20%DB%B7", vec![seven]),
        ("?q=%DB%B0%DB%B9%DB%B1%DB%B2%DB%B2", vec![mina]),
        ("?q=%2B989122222222", vec![mina]),
        ("?q=%25", vec![]),
        ("?q=_", vec![]),
    ] {
        let page = sara.get(&format!("/admin/agents{query}")).await.expect(200);
        let found: Vec<UserId> = page.attributes("tbody a", "href").iter().map(|href| id_in(href)).collect();
        assert_eq!(found, expected, "{query}");
    }
    let page = sara.get("/admin/agents").await.expect(200);
    assert_eq!(page.count(&format!("#agent-{mina} [data-countdown]")), 1);
    assert_eq!(page.count("[data-countdown]"), 1);
    let row = page.text(&format!("#agent-{seven}"));
    assert!(row.contains("۱۰٬۰۰۰") && row.contains("۸۰٬۰۰۰") && row.contains("غیرفعال"), "{row}");
    let part = sara.get_part("/admin/agents?show=owing").await.expect(200);
    assert_eq!((part.count("#agents tbody tr"), part.count("h1")), (1, 0));
    app.clock.advance(time::Duration::days(31));
    let page = sara.get("/admin/agents?sort=sales").await;
    assert!(!page.text(&format!("#agent-{seven}")).contains("۸۰٬۰۰۰"), "old sales no longer count");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_pages_of_the_list_hold_everyone_once_in_every_order(db: PgPool) {
    let app = TestApp::start(db).await;
    for n in 0..63 {
        let id = sqlx::query_scalar!(
            "WITH u AS (
                 INSERT INTO users (username, password_hash, role) VALUES ('agent' || $1::text, 'x', 'AGENT') RETURNING id
             ), w AS (INSERT INTO wallets (user_id) SELECT id FROM u)
             INSERT INTO agents (user_id, first_name, last_name, phone, pending_ceiling)
             SELECT id, 'ن', '', '09300000000', 0 FROM u RETURNING user_id",
            n.to_string()
        )
        .fetch_one(&app.db)
        .await
        .unwrap();
        if n % 3 == 0 {
            app.give_credit(UserId(id), 1000 * (n % 4 + 1) as i64).await;
        }
    }
    let sara = app.signed_in("sara").await;
    for sort in ["", "credit", "sales", "debt"] {
        let (mut found, mut path) = (Vec::new(), format!("/admin/agents?sort={sort}"));
        while !path.is_empty() {
            let page = sara.get(&path).await.expect(200);
            found.extend(page.attributes("tbody a", "href"));
            path = page.attributes("a[rel=next]", "href").pop().unwrap_or_default();
        }
        let unique: std::collections::BTreeSet<_> = found.iter().collect();
        assert_eq!((found.len(), unique.len()), (65, 65), "{sort}");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_deadline_is_put_off_with_a_reason_that_the_agent_reads(db: PgPool) {
    let app = TestApp::start(db).await;
    app.clock.set(time::macros::datetime!(2026-11-22 10:00 UTC));
    app.give_credit(app.mina, -20_000).await;
    let (sara, mina) = (app.signed_in("sara").await, app.signed_in("mina").await);
    let home = format!("/admin/agents/{}", app.mina);
    let put_off = format!("{home}/deferral");
    for (field, until, reason) in [
        ("until", "", "وقت خواست"),
        ("until", "فردا", "وقت خواست"),
        ("until", "1405/08/30", "وقت خواست"),
        ("until", "1405/13/01", "وقت خواست"),
        ("until", "1406/09/01", "وقت خواست"),
        ("reason", "1405/09/04", " "),
    ] {
        let page = sara.post(&put_off, &[("until", until), ("reason", reason)]).await.expect(422);
        assert_eq!(page.count(&format!("#{field}-error")), 1, "{until}, {reason}");
        assert_eq!(page.attribute("#until", "value"), until);
    }
    let before = mina.get("/agent").await.expect(200).attribute(".banner [data-countdown]", "data-countdown");
    let form = [("until", "۱۴۰۵/۰۹/۰۴"), ("reason", "قول داد شنبه بدهد")];
    let (one, two) = tokio::join!(sara.post(&put_off, &form), sara.post(&put_off, &form));
    assert_eq!((one.status, two.status), (303, 303));
    assert_eq!(actions(&app, app.mina).await.iter().filter(|action| *action == "agent.put_off").count(), 1);
    let page = mina.get("/agent").await.expect(200);
    let after = page.attribute(".banner [data-countdown]", "data-countdown");
    let end_of_day = time::macros::datetime!(2026-11-25 20:29:59 UTC).unix_timestamp().to_string();
    assert_eq!((after.as_str(), before != after), (end_of_day.as_str(), true));
    assert!(page.text(".banner").contains("قول داد شنبه بدهد"), "{}", page.text(".banner"));
    assert!(sara.get(&home).await.text("#deferral").contains("قول داد شنبه بدهد"));
    sara.post(&format!("{home}/deferral/end"), &[]).await.expect(303);
    let back = mina.get("/agent").await.attribute(".banner [data-countdown]", "data-countdown");
    assert_eq!(back, before);
    app.finish().await;
}
