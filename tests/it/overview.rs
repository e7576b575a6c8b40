//! The owner's first page: what waits for her, and how the shop does.

mod checklist;

use std::time::Duration;

use rad_panel::{
    calendar::JalaliDate,
    ids::{OrderId, PlanId, UserId},
    ledger::{self, EntryType, Posting, Reference},
    money::Toman,
    orders::{self, NewOrder},
    panel::{Attempt, NewAccount, Validity},
};
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Answer, TestApp};

const PRICE: i64 = 100_000;

async fn order(app: &TestApp, buyer: UserId, plan: PlanId, price: i64, username: &str) -> OrderId {
    app.give_credit(buyer, price).await;
    let new = NewOrder {
        buyer,
        plan,
        price_seen: Toman(price),
        username,
        alias: "",
        note: "",
        on_hold: false,
        request_id: Uuid::new_v4(),
    };
    orders::place(&app.db, &new, app.clock.now()).await.unwrap()
}

fn figures(page: &Answer) -> Vec<String> {
    page.texts("#figures .stat__value")
}

/// Noon in Tehran of the 20th of a month, a day in the middle of everything.
fn a_day() -> rad_panel::calendar::Time {
    JalaliDate::parse("1405/09/18").unwrap().start() + time::Duration::hours(12)
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_shop_where_nothing_waits_says_so(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin").await.expect(200);
    assert_eq!(
        (page.count("#needs .need"), page.count("#needs .need--ok")),
        (5, 4),
        "only a backup is missing: {}",
        page.text("#needs")
    );
    assert_eq!(page.text(".nav [aria-current=page]"), "نمای کلی");
    assert_eq!(figures(&page), ["۰ تومان", "۰ تومان", "۰", "۰"]);
    assert_eq!(page.count(".chart__column"), 30);
    assert_eq!(page.count("[style]"), 0, "the policy forbids inline style");
    assert_eq!(page.attribute("#server", "hx-get"), "/admin/server");
    assert_eq!(page.attribute("#server a", "href"), "/admin/server", "a way without JavaScript");
    assert_eq!(sara.get("/admin/needs").await.expect(303).location(), "/admin");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_waits_for_the_owner_is_named_with_its_age_and_its_place(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = app.plan("ماهانه", 30, Some(30), PRICE).await;
    app.simulator.down().await;
    order(&app, app.reza, plan, PRICE, "late_one").await;
    app.run_jobs().await;
    let mut tx = app.db.begin().await.unwrap();
    let debt = Posting {
        user: app.mina,
        entry_type: EntryType::ChargeManual,
        confirmed: Toman(-40_000),
        pending: Toman::ZERO,
        reference: Reference::Manual,
        notes: "a debt".to_owned(),
        by: Some(app.sara),
    };
    ledger::post(&mut tx, &debt, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    crate::payments::card(&app.db, "ملی").await;
    crate::payments::pay(&app, app.reza, 50_000).await;
    app.clock.advance(time::Duration::minutes(20));
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin").await.expect(200);
    let needs = page.texts("#needs .need");
    assert!(needs[0].contains("۱ پرداخت") && needs[0].contains("۲۰ دقیقه پیش"), "{needs:?}");
    assert!(needs[1].contains("مینا") && needs[1].contains("۴۰٬۰۰۰ تومان"), "{needs:?}");
    assert!(needs[2].contains("۱ اکانت بیش از ۱۵ دقیقه"), "{needs:?}");
    assert!(needs[3].contains("عقب افتاده"), "no worker ran: {needs:?}");
    let deadline = app.clock.now() - time::Duration::minutes(20) + Duration::from_secs(24 * 3600);
    assert_eq!(
        page.attribute("#needs [data-countdown]", "data-countdown"),
        deadline.unix_timestamp().to_string()
    );
    for href in page.attributes("#needs a", "href") {
        sara.get(&href).await.expect(200);
    }
    assert_eq!(sara.get_part("/admin/needs").await.expect(200).texts("#needs .need"), needs);
    app.simulator.up().await.unwrap();
    app.run_jobs().await;
    sqlx::query!("UPDATE jobs SET outcome = 'FAILED', last_error = 'x'").execute(&app.db).await.unwrap();
    let needs = sara.get_part("/admin/needs").await.expect(200).texts("#needs .need");
    assert!(needs[2].contains("همهٔ اکانت‌ها") && needs[3].contains("۱ کار پنل"), "{needs:?}");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_silent_server_is_told_and_never_makes_the_page_wait(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let part = sara.get_part("/admin/server").await.expect(200);
    assert_eq!(part.count("#server .need--ok"), 1, "{}", part.body);
    app.simulator.run_core(false);
    app.clock.advance(time::Duration::minutes(1));
    let part = sara.get_part("/admin/server").await.expect(200);
    assert!(part.text("#server .need--bad").contains("خاموش"), "{}", part.body);
    app.simulator.run_core(true);
    app.clock.advance(time::Duration::minutes(1));
    assert_eq!(sara.get_part("/admin/server").await.count("#server .need--ok"), 1);
    app.simulator.down().await;
    assert_eq!(
        sara.get_part("/admin/server").await.count("#server .need--ok"),
        1,
        "news of this half minute"
    );
    app.clock.advance(time::Duration::minutes(1));
    let part = sara.get_part("/admin/server").await.expect(200);
    assert!(part.text("#server .need--bad").contains("اتصال به سرور برقرار نشد"), "{}", part.body);
    app.simulator.up().await.unwrap();
    app.clock.advance(time::Duration::minutes(1));
    app.simulator.slow(Duration::from_secs(8));
    let began = std::time::Instant::now();
    sara.get("/admin").await.expect(200);
    let page = sara.get("/admin/server").await.expect(200);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!((page.count("#server .need--warn"), page.count("h1")), (1, 1), "{}", page.text("#server"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn sales_are_what_was_taken_less_what_was_given_back_against_the_same_stretch_before(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = app.plan("ماهانه", 30, Some(30), PRICE).await;
    let large = app.plan("سه‌ماهه", 90, None, 3 * PRICE).await;
    let noon = a_day();
    let hours = |n: i64| time::Duration::hours(n);
    // Yesterday morning counts for the comparison, yesterday evening doesn't; last week and last month do for theirs.
    for (at, buyer, plan, price, name) in [
        (noon - hours(24 * 31), app.mina, plan, PRICE, "last_month"),
        (noon - hours(24 * 7 + 1), app.reza, large, 3 * PRICE, "last_week"),
        (noon - hours(25), app.reza, plan, PRICE, "yesterday"),
        (noon - hours(20), app.reza, large, 3 * PRICE, "evening"),
        (noon - hours(2), app.mina, large, 3 * PRICE, "today_1"),
        (noon - hours(1), app.nima, plan, PRICE * 3 / 2, "today_2"),
    ] {
        app.clock.set(at);
        order(&app, buyer, plan, price, name).await;
        app.run_jobs().await;
    }
    app.clock.set(noon - hours(1));
    // Somebody else's account has the name: the price goes back.
    let theirs = NewAccount {
        username: "given_back".to_owned(),
        validity: Validity::For { seconds: 3600 },
        data_limit_bytes: None,
        order: OrderId(999_999),
    };
    app.state.server.create_account(&theirs, Attempt::First).await.done().unwrap();
    order(&app, app.reza, plan, PRICE, "given_back").await;
    app.run_jobs().await;
    app.clock.set(noon);
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin").await.expect(200);
    assert_eq!(figures(&page), ["۴۵۰٬۰۰۰ تومان", "۰ تومان", "۲", "۵"]);
    let notes = page.texts("#figures .stat__note");
    assert_eq!((notes[0].as_str(), notes[2].as_str()), ("۳۵۰٪ بیشتر از ۱۰۰٬۰۰۰ تومان", "۱۰۰٪ بیشتر از ۱"));
    assert_eq!(
        page.texts("#top-agents li > .cluster"),
        ["مینا ۱ فروش۳۰۰٬۰۰۰ تومان", "دیگران، بیرون از نماینده‌ها ۱ فروش۱۵۰٬۰۰۰ تومان", "رضا ۱ فروش۰ تومان"]
    );
    assert_eq!(page.texts("#top-plans li > .cluster a"), ["سه‌ماهه", "ماهانه"]);
    assert_eq!(page.attributes("#top-agents rect", "width"), ["100", "50", "0"]);
    assert_eq!(page.attributes("#top-agents rect", "x"), ["0", "50", "100"], "from right to left");

    let numbers = page.texts("#sales-chart tbody tr");
    assert_eq!(numbers.len(), 30);
    assert_eq!(numbers[0], "۱۴۰۵/۰۹/۱۸۴۵۰٬۰۰۰ تومان", "today stands first");
    assert_eq!(numbers[1], "۱۴۰۵/۰۹/۱۷۴۰۰٬۰۰۰ تومان");
    let left: Vec<f64> = page.attributes(".chart__column", "x").iter().map(|x| x.parse().unwrap()).collect();
    assert!(left[0] > left[29], "time runs from right to left");

    let week = sara.get("/admin?period=week").await.expect(200);
    assert_eq!(figures(&week)[0], "۸۵۰٬۰۰۰ تومان");
    assert_eq!(week.text(".tabs [aria-current=page]"), "این هفته");
    let month = sara.get("/admin?period=month").await.expect(200);
    assert_eq!(figures(&month)[0], "۱٬۱۵۰٬۰۰۰ تومان");
    assert_eq!(month.texts("#figures .stat__note")[0], "۱٬۰۵۰٪ بیشتر از ۱۰۰٬۰۰۰ تومان");
    sara.get("/admin?period=century").await.expect(400);
    sara.post("/preferences", &[("language", "en"), ("back", "/admin")]).await.expect(303);
    let page = sara.get("/admin").await.expect(200);
    let left: Vec<f64> = page.attributes(".chart__column", "x").iter().map(|x| x.parse().unwrap()).collect();
    assert!(left[0] < left[29], "from left to right in English");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_age_of_the_last_good_backup_is_told_and_an_old_one_warned_of(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let row = async || {
        let page = sara.get("/admin").await.expect(200);
        let need = "#needs .need:last-child";
        assert_eq!(page.attribute(&format!("{need} a"), "href"), "/admin/backups");
        (page.count(&format!("{need}.need--ok")), page.text(need))
    };
    let (ok, text) = row().await;
    assert!(ok == 0 && text.contains("هنوز هیچ پشتیبان سالمی نیست"), "{text}");
    let add = async |outcome: &str, drill: Option<&str>| {
        sqlx::query(
            "INSERT INTO backups (started_at, finished_at, outcome, error, file_name, size_bytes, sha256, drilled_at,
                 drill_outcome)
             VALUES ($1, $1, $2, CASE WHEN $2 = 'FAILED' THEN 'x' END, CASE WHEN $2 = 'DONE' THEN 'f' || $1::text END,
                     CASE WHEN $2 = 'DONE' THEN 10 END,
                     CASE WHEN $2 = 'DONE' THEN decode(repeat('ab', 32), 'hex') END, CASE WHEN $3::text IS NULL THEN NULL ELSE $1 END, $3)",
        )
        .bind(app.clock.now())
        .bind(outcome)
        .bind(drill)
        .execute(&app.db)
        .await
        .unwrap();
    };
    add("DONE", None).await;
    app.clock.advance(time::Duration::hours(26));
    let (ok, text) = row().await;
    // In the last hours of a day, 26 hours reach over two midnights.
    assert!(ok == 1 && ["دیروز", "۲ روز پیش"].iter().any(|ago| text.contains(ago)), "{text}");
    app.clock.advance(time::Duration::minutes(1));
    add("FAILED", None).await;
    add("DONE", Some("FAILED")).await;
    let (ok, text) = row().await;
    assert!(ok == 0 && text.contains("کهنه"), "{text}");
    app.finish().await;
}
