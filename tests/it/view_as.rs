//! An admin looks at what an agent or a customer sees.

use std::collections::BTreeMap;

use rad_panel::{app::Doors, ids::UserId};
use sqlx::PgPool;
use time::Duration;

use crate::{
    orders::purchase::reserve,
    payments::{card, pay},
    support::{Client, TestApp},
};

async fn look_at(sara: &Client, person: UserId) {
    sara.post(&format!("/admin/people/{person}/view-as"), &[]).await.expect(303);
}

/// Every row of every table, as one number each. A session and its last use are the admin's own.
async fn everything(db: &PgPool) -> BTreeMap<String, String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
           AND table_name NOT IN ('web_sessions', 'sign_ins')",
    )
    .fetch_all(db)
    .await
    .unwrap();
    assert!(tables.len() > 15, "{tables:?}");
    let mut sums = BTreeMap::new();
    for table in tables {
        let sum = format!(
            "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t"
        );
        sums.insert(table, sqlx::query_scalar(&sum).fetch_one(db).await.unwrap());
    }
    sums
}

async fn deeds(app: &TestApp) -> Vec<(String, Option<i64>)> {
    sqlx::query!(
        "SELECT action, subject_id FROM audit_log WHERE action LIKE 'view_as.%' AND actor_id = $1 ORDER BY id",
        app.sara.0
    )
    .fetch_all(&app.db)
    .await
    .unwrap()
    .into_iter()
    .map(|row| (row.action, row.subject_id))
    .collect()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admin_sees_what_an_agent_sees_under_a_banner_and_comes_back(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.reza, 123_000).await;
    let sara = app.signed_in("sara").await;
    sara.get("/agent/wallet").await.expect(403);
    let home = format!("/admin/agents/{}", app.reza);
    let action = sara.get(&home).await.expect(200).attribute("form[action$='/view-as']", "action");
    assert_eq!(sara.post(&action, &[]).await.expect(303).location(), "/agent");
    let page = sara.get("/agent/wallet").await.expect(200);
    assert!(page.text("#balance-total").contains("۱۲۳٬۰۰۰"));
    assert!(page.text("#viewed").contains("رضا"));
    // Her own pages stay reachable, and say so too; a customer's are not opened by this.
    assert_eq!(sara.get("/admin/payments").await.expect(200).count("#viewed"), 1);
    assert_eq!(sara.get("/account").await.expect(200).count("#viewed"), 1);
    sara.get("/user").await.expect(403);
    // Nobody else looks on, nor does another browser of hers.
    app.signed_in("mina").await.get("/admin/payments").await.expect(403);
    app.signed_in("sara").await.get("/agent").await.expect(403);
    assert_eq!(sara.post("/admin/view-as/end", &[]).await.expect(303).location(), home);
    sara.get("/agent/wallet").await.expect(403);
    assert_eq!(sara.get("/admin/payments").await.expect(200).count("#viewed"), 0);
    sara.post("/admin/view-as/end", &[]).await.expect(303);
    assert_eq!(
        deeds(&app).await,
        [("view_as.begin".to_owned(), Some(app.reza.0)), ("view_as.end".to_owned(), Some(app.reza.0))]
    );
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn looking_changes_nothing_on_any_page(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    app.give_credit(app.reza, 500_000).await;
    app.plan("ماهانه", 30, Some(20), 50_000).await;
    pay(&app, app.reza, 40_000).await;
    let reza = app.signed_in("reza").await;
    let page = reza.get("/agent/create-user").await.expect(200);
    let request_id = page.attribute("input[name=request_id]", "value");
    let plan = page.attribute("input[name=plan]", "value");
    let form = [("request_id", request_id.as_str()), ("plan", plan.as_str()), ("username", "ali_1405")];
    reza.post("/agent/create-user", &form).await.expect(303);
    app.run_jobs().await;
    let sara = app.signed_in("sara").await;
    app.clock.advance(Duration::minutes(20));
    sara.get("/admin/payments").await.expect(200);
    let doors = Doors::all();
    let reza_order = sqlx::query_scalar!("SELECT min(id) FROM orders").fetch_one(&app.db).await.unwrap();
    let reza_order = reza_order.expect("an order is there to be looked at");
    let nima_order = reserve(&app.signed_in("nima").await, "nima_1405").await.0;
    let to_pay = format!("/user/payments/new?order={nima_order}");
    let again = format!("/user/buy?again={nima_order}");
    let (agent, end_user) = (doors.agent.paths(), [doors.end_user.paths(), &[&to_pay, &again]].concat());
    for (person, order, paths) in [(app.reza, reza_order, agent), (app.nima, nima_order, &end_user[..])] {
        look_at(&sara, person).await;
        let before = everything(&app.db).await;
        let mut seen = 0;
        for path in paths {
            let path = path.replace("{id}", &order.to_string());
            let page = sara.get(&path).await;
            assert!(matches!(page.status, 200 | 303 | 404), "{path}: {}", page.status);
            let part = sara.get_part(&path).await;
            assert!(part.status < 500, "{path}");
            seen += usize::from(page.status == 200);
        }
        assert!(seen > 0, "no page was seen");
        assert_eq!(everything(&app.db).await, before, "looking has changed something");
        sara.post("/admin/view-as/end", &[]).await.expect(303);
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn no_form_is_taken_while_looking(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    look_at(&sara, app.reza).await;
    let before = everything(&app.db).await;
    let doors = Doors::all();
    let paths =
        [doors.agent.paths(), doors.end_user.paths(), doors.admin.paths(), doors.member.paths()].concat();
    for path in paths.into_iter().chain(["/preferences", "/login"]) {
        if path == "/admin/view-as/end" {
            continue;
        }
        let page = sara.post(&path.replace("{id}", "1"), &[("reason", "x")]).await.expect(403);
        assert_eq!(page.count("form[action='/admin/view-as/end'] button"), 1, "{path}");
    }
    assert_eq!(everything(&app.db).await, before);
    let part = sara.post_part("/agent/create-user", &[]).await.expect(403);
    assert_eq!(part.header("hx-retarget"), "#flash");
    sara.post("/sign-out", &[]).await.expect(303);
    assert_eq!(deeds(&app).await.len(), 2, "signing out ends it too");
    sara.get("/admin").await.expect(303);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_look_lasts_half_an_hour(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    look_at(&sara, app.nima).await;
    app.clock.advance(Duration::minutes(29));
    sara.get("/user").await.expect(200);
    app.clock.advance(Duration::minutes(1));
    sara.get("/user").await.expect(403);
    assert_eq!(sara.get("/admin/payments").await.expect(200).count("#viewed"), 0);
    sara.post("/preferences", &[("theme", "dark"), ("back", "/")]).await.expect(303);
    assert_eq!(deeds(&app).await.last().unwrap().0, "view_as.end");
    for who in ["reza", "nima"] {
        let client = app.signed_in(who).await;
        client.post(&format!("/admin/people/{}/view-as", app.mina), &[]).await.expect(403);
    }
    sara.post(&format!("/admin/people/{}/view-as", app.sara), &[]).await.expect(404);
    sara.post("/admin/people/0/view-as", &[]).await.expect(404);
    app.finish().await;
}
