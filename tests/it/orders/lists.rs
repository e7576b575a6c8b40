//! The overview, the list with its search, and an end user's own page.

use rad_panel::{
    ids::OrderId,
    panel::{Attempt, NewAccount, Validity},
};

use super::{Form, PRICE, month};
use crate::support::{Answer, TestApp};

fn names(page: &Answer) -> Vec<String> {
    page.texts("#accounts .list__main a")
}

/// Orders that are made at once, by name.
async fn made(app: &TestApp, usernames: &[&str]) -> Vec<OrderId> {
    let plan = month(app).await;
    app.give_credit(app.reza, PRICE * i64::try_from(usernames.len()).unwrap()).await;
    let mut orders = Vec::new();
    for name in usernames {
        orders.push(Form::new(app.reza, plan, name).send(app).await.unwrap());
    }
    app.run_jobs().await;
    orders
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_long_list_comes_in_pages_without_holes(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let all: Vec<String> = (0..53).map(|n| format!("reza_{n:02}")).collect();
    made(&app, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let reza = app.signed_in("reza").await;
    let mut seen = Vec::new();
    let mut address = "/agent/users".to_owned();
    for size in [25, 25, 3] {
        let page = reza.get(&address).await.expect(200);
        assert_eq!(names(&page).len(), size);
        seen.extend(names(&page));
        address = page.attributes(".pager a[rel=next]", "href").pop().unwrap_or_default();
    }
    assert_eq!(address, "", "the last page leads no further");
    seen.reverse();
    assert_eq!(seen, all);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_is_found_by_name_alias_and_note(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let orders = made(&app, &["reza_1", "reza_2", "rezax3"]).await;
    sqlx::query!("UPDATE orders SET alias = 'علی ۱۲', note = '100% کریمی' WHERE id = $1", orders[1].0)
        .execute(&app.db)
        .await
        .unwrap();
    sqlx::query!("UPDATE orders SET alias = '', note = '' WHERE id <> $1", orders[1].0)
        .execute(&app.db)
        .await
        .unwrap();
    let reza = app.signed_in("reza").await;
    for (typed, found) in [
        ("", vec!["rezax3", "reza_2", "reza_1"]),
        ("REZA_", vec!["reza_2", "reza_1"]),
        ("x۳", vec!["rezax3"]),
        ("علي", vec!["reza_2"]),
        ("12", vec!["reza_2"]),
        ("100%", vec!["reza_2"]),
        ("%", vec!["reza_2"]),
        ("كريمي", vec!["reza_2"]),
        ("' OR 1=1", vec![]),
    ] {
        let query = percent_encoding::utf8_percent_encode(typed, percent_encoding::NON_ALPHANUMERIC);
        let page = reza.get(&format!("/agent/users?q={query}")).await.expect(200);
        assert_eq!(names(&page), found, "{typed}");
        assert_eq!(page.attribute("#q", "value"), typed);
        let part = reza.get_part(&format!("/agent/users?q={query}")).await.expect(200);
        assert_eq!((names(&part), part.count("#q")), (names(&page), 0), "the list alone");
    }
    let none = reza.get("/agent/users?q=nobody").await.expect(200);
    assert_eq!(none.count("#accounts .empty"), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_bars_and_the_filters_follow_what_is_left(db: sqlx::PgPool) {
    const GB: i64 = 1 << 30;
    let app = TestApp::start(db).await;
    let orders = made(&app, &["fresh", "ending", "timed_out", "used_up"]).await;
    let now = app.clock.now();
    for (order, expire_at, used) in [
        (orders[1], now + time::Duration::days(2) + time::Duration::hours(1), 3 * GB),
        (orders[2], now, 0),
        (orders[3], now + time::Duration::days(20), 30 * GB),
    ] {
        sqlx::query!(
            "UPDATE marzban_users SET expire_at = $2, data_used_bytes = $3 WHERE order_id = $1",
            order.0,
            expire_at,
            used
        )
        .execute(&app.db)
        .await
        .unwrap();
    }
    let reza = app.signed_in("reza").await;
    for (filter, found) in [
        ("all", vec!["used_up", "timed_out", "ending", "fresh"]),
        ("active", vec!["ending", "fresh"]),
        ("ending", vec!["ending"]),
        ("ended", vec!["used_up", "timed_out"]),
        ("disabled", vec![]),
        ("provisioning", vec![]),
        ("failed", vec![]),
    ] {
        let page = reza.get(&format!("/agent/users?status={filter}")).await.expect(200);
        assert_eq!(names(&page), found, "{filter}");
    }
    let page = reza.get("/agent/users?status=ending").await;
    assert_eq!(page.texts("#accounts .meter__text"), ["۲ روز مانده", "۲۷ گیگابایت از ۳۰ گیگابایت مانده"]);
    assert_eq!(page.attributes("#accounts meter", "value"), ["6", "90"]);
    let link = page.attribute("#accounts [data-copy]", "data-copy");
    assert!(link.contains("/sub/"), "the link is one tap away");
    assert_eq!(page.text(".tabs [aria-current=page]"), "رو به پایان");

    let overview = reza.get("/agent").await.expect(200);
    assert_eq!(overview.texts("#figures a .stat__value"), ["۲", "۱", "۲"], "active, ending, used up");
    assert_eq!(overview.texts("#ending .list__main a"), ["ending"]);
    assert_eq!(overview.texts("#last .list__main a").len(), 4);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_has_no_account_is_listed_too(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let theirs = NewAccount {
        username: "refused".to_owned(),
        validity: Validity::For { seconds: 3600 },
        data_limit_bytes: None,
        order: OrderId(999_999),
    };
    assert!(app.state.server.create_account(&theirs, Attempt::First).await.done().is_some());
    let orders = made(&app, &["deleted", "off", "refused"]).await;
    let now = app.clock.now();
    for (order, status, column) in [
        (orders[0], "DELETED", "deleted_at = $2"),
        (orders[1], "DISABLED", "disabled_reason = CASE WHEN $2 IS NULL THEN NULL ELSE 'BY_OWNER' END"),
    ] {
        sqlx::query(&format!("UPDATE orders SET status = '{status}', {column} WHERE id = $1"))
            .bind(order.0)
            .bind(now)
            .execute(&app.db)
            .await
            .unwrap();
    }
    let plan = month(&app).await;
    app.give_credit(app.reza, PRICE).await;
    app.simulator.down().await;
    Form::new(app.reza, plan, "waiting").send(&app).await.unwrap();
    let reza = app.signed_in("reza").await;
    let page = reza.get("/agent/users").await.expect(200);
    assert_eq!(names(&page), ["waiting", "refused", "off", "deleted"]);
    assert_eq!(page.texts("#accounts .badge"), ["در حال ساخت", "ناموفق", "خاموش", "حذف‌شده"]);
    reza.get("/agent").await.expect(200);
    for address in page.attributes("#accounts .list__main a", "href") {
        reza.get(&address).await.expect(200);
    }
    assert_eq!(names(&reza.get("/agent/users?status=provisioning").await), ["waiting"]);
    assert_eq!(names(&reza.get("/agent/users?status=disabled").await), ["off"]);
    app.simulator.up().await.unwrap();
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_new_agent_finds_an_honest_empty_overview(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let mina = app.signed_in("mina").await;
    let page = mina.get("/agent").await.expect(200);
    assert_eq!(page.text("h1"), "سلام مینا");
    assert_eq!((page.count("#last .empty"), page.count("#ending")), (1, 0));
    assert_eq!(page.count("a[href='/agent/create-user'].btn"), 1);
    assert_eq!(mina.get("/agent/users").await.expect(200).count("#accounts .empty"), 1);
    let english = [("language", "en"), ("back", "/agent")];
    mina.post("/preferences", &english).await.expect(303);
    assert_eq!(mina.get("/agent").await.expect(200).text("h1"), "Hello مینا");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_end_user_sees_her_own_account(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    let nima = app.signed_in("nima").await;
    assert_eq!(nima.get("/user/accounts").await.expect(200).count("#accounts .empty"), 1);
    app.give_credit(app.nima, PRICE * 3 / 2).await;
    let order =
        Form { price_seen: PRICE * 3 / 2, ..Form::new(app.nima, plan, "nima_1") }.send(&app).await.unwrap();
    app.run_jobs().await;
    let list = nima.get("/user/accounts").await.expect(200);
    assert_eq!(names(&list), ["nima_1"]);
    let address = list.attribute("#accounts .list__main a", "href");
    assert_eq!(address, format!("/user/accounts/{order}"));
    let page = nima.get(&address).await.expect(200);
    assert_eq!((page.count("#qr path"), page.count("#how-to .app-links a")), (1, 15));
    assert_eq!(page.count("#message"), 0, "a message to a customer is the agent's");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_list_is_sorted_by_its_end_and_by_its_volume_in_pages_without_holes(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let all: Vec<String> = (0..53).map(|n| format!("reza_{n:02}")).collect();
    let orders = made(&app, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    // Many end together; some never end, and have no limit.
    sqlx::query!(
        "UPDATE marzban_users SET expire_at = CASE WHEN order_id % 5 = 0 THEN NULL
             ELSE now() + make_interval(days => (order_id % 7)::int + 1) END,
             data_limit_bytes = CASE WHEN order_id % 5 = 0 THEN NULL ELSE (order_id % 3 + 1) * 1000000000 END"
    )
    .execute(&app.db)
    .await
    .unwrap();
    let reza = app.signed_in("reza").await;
    for (sort, by) in [
        ("expiry", "coalesce(extract(epoch FROM m.expire_at)::bigint, 9223372036854775807)"),
        ("volume", "coalesce(m.data_limit_bytes - m.data_used_bytes, 9223372036854775807)"),
    ] {
        let expected: Vec<String> = sqlx::query_scalar(&format!(
            "SELECT m.username FROM marzban_users m ORDER BY {by}, m.order_id DESC"
        ))
        .fetch_all(&app.db)
        .await
        .unwrap();
        let mut seen = Vec::new();
        let mut address = format!("/agent/users?sort={sort}&q=reza");
        while !address.is_empty() {
            let page = reza.get(&address).await.expect(200);
            assert_eq!(page.count(".sorts [aria-current]"), 1);
            seen.extend(names(&page));
            address = page.attributes(".pager a[rel=next]", "href").pop().unwrap_or_default();
        }
        assert_eq!(seen, expected, "{sort}");
    }
    assert_eq!(orders.len(), 53);
    for wrong in ["sort=x", "before=x", "key=x", "status=x"] {
        assert_eq!(reza.get(&format!("/agent/users?{wrong}")).await.status, 400, "{wrong}");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_over_and_what_is_used_up_are_told_apart(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let orders = made(&app, &["over", "used", "both", "fine"]).await;
    for (order, over, used) in [(orders[0], true, false), (orders[1], false, true), (orders[2], true, true)] {
        sqlx::query!(
            "UPDATE marzban_users SET expire_at = CASE WHEN $2 THEN $4 ELSE expire_at END,
                 data_used_bytes = CASE WHEN $3 THEN data_limit_bytes ELSE 0 END WHERE order_id = $1",
            order.0,
            over,
            used,
            app.clock.now()
        )
        .execute(&app.db)
        .await
        .unwrap();
    }
    let reza = app.signed_in("reza").await;
    for (filter, found) in [
        ("expired", vec!["both", "over"]),
        ("used-up", vec!["both", "used"]),
        ("ended", vec!["both", "used", "over"]),
    ] {
        assert_eq!(names(&reza.get(&format!("/agent/users?status={filter}")).await), found, "{filter}");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_overview_leads_to_renewal_and_tells_this_months_sales(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let orders = made(&app, &["soon", "sooner", "later"]).await;
    for (order, days) in [(orders[0], 2), (orders[1], 1)] {
        sqlx::query!(
            "UPDATE marzban_users SET expire_at = $2 WHERE order_id = $1",
            order.0,
            app.clock.now() + time::Duration::days(days)
        )
        .execute(&app.db)
        .await
        .unwrap();
    }
    let reza = app.signed_in("reza").await;
    let page = reza.get("/agent").await.expect(200);
    assert_eq!(page.texts("#ending .list__main a"), ["sooner", "soon"]);
    assert_eq!(page.attribute("#ending .list__end a", "href"), format!("/agent/users/{}/renewal", orders[1]));
    let all = page.attribute("#ending .cluster--between a", "href");
    assert_eq!(reza.get(&all).await.expect(200).count("#left-out li"), 2, "no credit is left");
    let figures = page.texts("#figures > div");
    assert!(figures[1].contains("۲۷۰٬۰۰۰") && figures[1].contains("۳ خرید و تمدید"), "{figures:?}");
    let mina = app.signed_in("mina").await;
    assert!(mina.get("/agent").await.expect(200).texts("#figures > div")[1].contains('۰'));
    app.finish().await;
}
