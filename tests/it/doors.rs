//! Doors, cross-site requests, headers, errors.

use rad_panel::app::Doors;
use reqwest::Method;
use sqlx::PgPool;

use crate::support::TestApp;

/// A path as somebody would try it.
fn knock(path: &str) -> String {
    path.replace("{id}", "1")
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_stranger_is_led_to_sign_in_from_every_inner_page_and_back(db: PgPool) {
    let app = TestApp::start(db).await;
    let doors = Doors::all();
    let inner =
        [doors.member.paths(), doors.end_user.paths(), doors.agent.paths(), doors.admin.paths()].concat();
    assert!(inner.len() > 10, "the list of routes is suspiciously short");
    for path in inner {
        let path = knock(path);
        let mut led = 0;
        for method in [Method::GET, Method::POST] {
            let client = app.stranger();
            let answer = client.send(client.request(method.clone(), &path)).await;
            // 404: the path has no such method.
            if answer.status != 404 {
                assert_eq!(answer.status, 303, "{method} {path}");
                assert!(
                    answer.location().starts_with("/login?next="),
                    "{method} {path}: {}",
                    answer.location()
                );
                led += 1;
            }
            if method == Method::GET && answer.status != 404 {
                assert_eq!(answer.location(), format!("/login?next={path}"));
            }
        }
        assert!(led > 0, "{path} answers to nobody");
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_form_without_a_session_leads_to_sign_in_and_a_hint_leaves_the_page_as_it_is(db: PgPool) {
    let app = TestApp::start(db).await;
    let stranger = app.stranger();
    let hint = stranger.get_part("/amount-in-words?amount=1000").await.expect(401);
    assert_eq!((hint.header("hx-retarget"), hint.count(".flash")), ("#flash", 1));
    assert!(!hint.headers.contains_key("hx-redirect"));
    let sent = stranger.post_part("/admin/payments/1/approval", &[]).await.expect(401);
    assert!(sent.header("hx-redirect").starts_with("/login?next="), "{}", sent.header("hx-redirect"));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_wrong_role_passes_no_door(db: PgPool) {
    let app = TestApp::start(db).await;
    let doors = Doors::all();
    let areas =
        [("sara", doors.admin.paths()), ("reza", doors.agent.paths()), ("nima", doors.end_user.paths())];
    for (visitor, _) in &areas {
        let client = app.signed_in(visitor).await;
        for (owner, paths) in &areas {
            if owner == visitor {
                continue;
            }
            for path in *paths {
                for method in [Method::GET, Method::POST] {
                    let answer = client.send(client.request(method.clone(), &knock(path))).await;
                    // 404: the method doesn't exist here.
                    assert!(
                        matches!(answer.status, 403 | 404),
                        "{visitor} {method} {path}: {}",
                        answer.status
                    );
                }
            }
        }
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn no_form_can_be_sent_from_another_site(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.signed_in("reza").await;
    let forged = client.request_from_elsewhere(Method::POST, "/sign-out");
    assert_eq!(client.send(forged).await.status, 403);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let forged =
        http.post(app.url("/sign-out")).header("origin", "https://evil.example").send().await.unwrap();
    assert_eq!(forged.status(), 403);
    client.get("/account").await.expect(200);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn every_answer_forbids_inline_and_foreign_content(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.signed_in("reza").await;
    for path in ["/login", "/account", "/no-such-page", "/admin/payments"] {
        let answer = client.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("x-frame-options"), "DENY");
    }
    assert_eq!(client.get("/account").await.header("cache-control"), "no-store");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_page_that_is_not_there_says_so_in_the_language_of_its_reader(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.stranger();
    assert!(client.get("/nothing").await.expect(404).text("h1").contains("پیدا نشد"));
    client.post("/preferences", &[("language", "en"), ("back", "/")]).await.expect(303);
    assert!(client.get("/nothing").await.expect(404).text("h1").contains("not found"));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_error_reaches_htmx_as_a_message_in_the_page(db: PgPool) {
    let app = TestApp::start(db).await;
    let answer = app.stranger().get_part("/nothing").await.expect(404);
    assert_eq!(answer.header("hx-retarget"), "#flash");
    assert_eq!(answer.count(".flash"), 1);
    assert_eq!(answer.count("main"), 0);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_huge_form_is_refused(db: PgPool) {
    let app = TestApp::start(db).await;
    let huge = "x".repeat(100_000);
    app.stranger().post("/login", &[("username", &huge)]).await.expect(413);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_database_that_cannot_be_reached_gets_an_honest_page_and_comes_back_by_itself(db: PgPool) {
    let app = TestApp::start(db.clone()).await;
    let client = app.signed_in("reza").await;
    let name = sqlx::query_scalar!("SELECT current_database()").fetch_one(&db).await.unwrap().unwrap();
    let url = std::env::var("DATABASE_URL").unwrap();
    let other = PgPool::connect(&format!("{}/postgres", url.rsplit_once('/').unwrap().0)).await.unwrap();
    for (allowed, status) in [(false, 503), (true, 200)] {
        sqlx::raw_sql(&format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS {allowed}"))
            .execute(&other)
            .await
            .unwrap();
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1")
            .bind(&name)
            .execute(&other)
            .await
            .unwrap();
        let answer = client.get("/account").await;
        assert_eq!(answer.status, status, "{}", answer.body);
        if status == 503 {
            assert!(answer.text("h1").contains("پایگاه داده"), "{}", answer.text("h1"));
            assert!(!answer.body.contains("sqlx") && !answer.body.contains("postgres"));
        }
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_refusal_of_any_layer_is_a_page_in_the_language_of_its_reader(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.signed_in("sara").await;
    for path in ["/admin/payments/abc", "/receipts/abc", "/admin/payments?after=abc"] {
        let answer = client.get(path).await.expect(400);
        assert_eq!(answer.attribute("html", "lang"), "fa", "{path}");
        assert!(!answer.body.contains("parse") && !answer.body.contains("deserialize"), "{}", answer.body);
    }
    let forged = client.send(client.request_from_elsewhere(Method::POST, "/sign-out")).await.expect(403);
    assert!(forged.text("h1").contains("سایت دیگری"), "{}", forged.body);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_error_page_speaks_the_language_of_who_is_signed_in(db: PgPool) {
    let app = TestApp::start(db).await;
    app.signed_in("reza").await.post("/preferences", &[("language", "en"), ("back", "/")]).await.expect(303);
    let elsewhere = app.signed_in("reza").await;
    assert_eq!(elsewhere.get("/nothing").await.expect(404).attribute("html", "lang"), "en");
}
