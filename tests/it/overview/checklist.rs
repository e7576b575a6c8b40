//! The first steps of a new shop.

use sqlx::PgPool;

use crate::support::{Answer, TestApp};

/// The kinds of the rows, in their order.
fn kinds(page: &Answer) -> Vec<String> {
    page.attributes("#checklist .need", "class")
        .iter()
        .map(|class| class.replace("need need--", ""))
        .collect()
}

async fn back_up(app: &TestApp) {
    sqlx::query(
        "INSERT INTO backups (started_at, finished_at, outcome, file_name, size_bytes, sha256)
         VALUES ($1, $1, 'DONE', 'f', 10, decode(repeat('ab', 32), 'hex'))",
    )
    .bind(app.clock.now())
    .execute(&app.db)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_new_shop_is_told_what_it_lacks_until_it_lacks_nothing(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin").await.expect(200);
    assert_eq!(kinds(&page), ["warn", "warn", "warn", "warn", "mute", "mute"]);
    assert_eq!(
        page.attribute("#checklist", "hx-get"),
        "/admin/checklist",
        "the server's answer comes after the page"
    );
    for href in page.attributes("#checklist a", "href") {
        sara.get(&href).await.expect(200);
    }
    assert_eq!(
        page.attribute("#checklist .need form", "action"),
        "/admin/backups",
        "one can be made from here"
    );
    let part = sara.get_part("/admin/checklist").await.expect(200);
    assert_eq!(kinds(&part), ["ok", "warn", "warn", "warn", "mute", "mute"]);
    assert_eq!(part.count("#checklist[hx-get]"), 0, "it is known now");

    app.plan("ماهانه", 30, Some(30), 100_000).await;
    assert_eq!(kinds(&sara.get("/admin").await), ["ok", "ok", "warn", "warn", "mute", "mute"]);
    crate::payments::card(&app.db, "ملی").await;
    sqlx::query("UPDATE notice_settings SET smtp_host = 'mail.example'").execute(&app.db).await.unwrap();
    assert_eq!(kinds(&sara.get("/admin").await), ["ok", "ok", "ok", "warn", "mute", "ok"]);
    back_up(&app).await;
    let page = sara.get("/admin").await.expect(200);
    assert_eq!((page.count("#checklist .need"), page.count("#checklist[hidden]")), (0, 1));
    assert_eq!(sara.get("/admin/checklist").await.expect(303).location(), "/admin");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_server_that_is_silent_or_refuses_us_is_no_step_done(db: PgPool) {
    let app = TestApp::start(db).await;
    app.simulator.down().await;
    let sara = app.signed_in("sara").await;
    let part = sara.get_part("/admin/checklist").await.expect(200);
    assert_eq!(kinds(&part)[0], "warn");
    assert!(part.text("#checklist .need:first-child").contains("چرا"), "{}", part.text("#checklist"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn after_a_start_nothing_flickers_where_only_the_servers_answer_is_missing(db: PgPool) {
    let app = TestApp::start(db).await;
    app.plan("ماهانه", 30, Some(30), 100_000).await;
    crate::payments::card(&app.db, "ملی").await;
    back_up(&app).await;
    let sara = app.signed_in("sara").await;
    assert_eq!(sara.get("/admin").await.count("#checklist[hidden][hx-get]"), 1);
    assert_eq!(sara.get_part("/admin/checklist").await.count("#checklist .need"), 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_list_can_be_put_away_and_brought_back(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let press = async |state: &str| sara.post("/admin/settings/checklist", &[("state", state)]).await;
    assert_eq!(sara.get("/admin/settings").await.expect(200).count("#checklist"), 0);
    for _ in 0..2 {
        assert_eq!(press("hidden").await.expect(303).location(), "/admin");
    }
    assert_eq!(sara.get("/admin").await.count("#checklist .need"), 0);
    assert_eq!(sara.get_part("/admin/checklist").await.count("#checklist .need"), 0);
    assert_eq!(sara.get("/admin/settings").await.expect(200).count("#checklist button"), 1);
    press("shown").await.expect(303);
    assert_eq!(sara.get("/admin").await.count("#checklist .need"), 6);
    press("sideways").await.expect(400);
    let deeds: Vec<String> =
        sqlx::query_scalar("SELECT action FROM audit_log WHERE action LIKE 'settings.%' ORDER BY id")
            .fetch_all(&app.db)
            .await
            .unwrap();
    assert_eq!(deeds, ["settings.hide_checklist", "settings.show_checklist"]);
    app.finish().await;
}
