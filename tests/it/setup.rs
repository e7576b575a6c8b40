//! The first start: a code, one admin, and no way in after her.

mod commands;

use rad_panel::{
    accounts::{self, RescueError},
    setup::{self, FoundError, NewShop},
};
use sqlx::PgPool;

use crate::support::{Answer, Client, PASSWORD, TestApp};

/// Nobody guesses it.
const STRONG: &str = "anar-kolah-darya-42";

async fn code(app: &TestApp) -> String {
    setup::new_code(&app.db, app.clock.now()).await.unwrap().unwrap()
}

fn typed<'a>(code: &'a str, username: &'a str, password: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("setup_code", code),
        ("shop_name", "فروشگاه آسمان"),
        ("username", username),
        ("password", password),
        ("repeat_password", password),
    ]
}

async fn make(client: &Client, code: &str, username: &str) -> Answer {
    client.post("/setup", &typed(code, username, STRONG)).await
}

async fn admins(db: &PgPool) -> Vec<String> {
    sqlx::query_scalar("SELECT username FROM users WHERE role = 'ADMIN' ORDER BY id")
        .fetch_all(db)
        .await
        .unwrap()
}

async fn codes(db: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM setup_codes").fetch_one(db).await.unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_panel_without_an_admin_leads_to_the_page_where_the_first_is_made(db: PgPool) {
    let app = TestApp::fresh(db).await;
    let code = code(&app).await;
    let browser = app.stranger();
    assert_eq!(browser.get("/").await.expect(303).location(), "/setup");
    assert_eq!(browser.get("/login").await.expect(303).location(), "/setup");
    browser.get("/register").await.expect(200);
    let page = browser.get("/setup").await.expect(200);
    assert_eq!((page.attribute("html", "lang"), page.header("cache-control")), ("fa".to_owned(), "no-store"));
    assert_eq!(make(&browser, &code.to_uppercase(), "Sara").await.expect(303).location(), "/admin");

    let page = browser.get("/admin").await.expect(200);
    assert!(page.text(".brand").contains("فروشگاه آسمان"), "{}", page.text(".brand"));
    assert_eq!((page.count("#flash .flash--ok"), page.count("#checklist .need")), (1, 6));
    assert_eq!((admins(&app.db).await, codes(&app.db).await), (vec!["sara".to_owned()], 0));
    let deeds: Vec<(String, bool)> =
        sqlx::query_as("SELECT action, address IS NOT NULL FROM audit_log ORDER BY id")
            .fetch_all(&app.db)
            .await
            .unwrap();
    assert_eq!(deeds, [("account.create_admin".to_owned(), true), ("account.sign_in".to_owned(), true)]);
    let sara = app.stranger();
    let answer = sara.post("/login", &[("username", "sara"), ("password", STRONG), ("next", "")]).await;
    assert_eq!(answer.expect(303).location(), "/admin");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn once_there_is_an_admin_the_page_and_every_code_are_gone(db: PgPool) {
    let app = TestApp::fresh(db).await;
    let (first, second) = (code(&app).await, code(&app).await);
    assert_ne!(first, second);
    accounts::create_admin(&app.db, "sara", PASSWORD, app.clock.now()).await.unwrap();
    assert_eq!(codes(&app.db).await, 0, "made on the command line, she ends the codes too");
    let browser = app.stranger();
    browser.get("/setup").await.expect(404);
    for code in [&first, &second] {
        make(&browser, code, "thief").await.expect(404);
    }
    browser.post("/setup/strength", &[("password", STRONG)]).await.expect(404);
    assert_eq!(browser.get("/").await.expect(303).location(), "/login");
    browser.get("/login").await.expect(200);
    assert!(setup::new_code(&app.db, app.clock.now()).await.unwrap().is_none());
    let new = NewShop { code: &first, shop_name: "الف", username: "thief", password: STRONG };
    let origin = accounts::Origin { address: [192, 0, 2, 1].into(), user_agent: "" };
    assert!(matches!(setup::found(&app.db, &new, origin, app.clock.now()).await, Err(FoundError::Done)));
    assert_eq!(admins(&app.db).await, ["sara"]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn each_start_tells_a_code_and_those_before_it_stay_good(db: PgPool) {
    let app = TestApp::fresh(db).await;
    let first = code(&app).await;
    for _ in 0..3 {
        app.clock.advance(time::Duration::hours(20));
        code(&app).await;
    }
    let kept: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT digest FROM setup_codes").fetch_all(&app.db).await.unwrap();
    assert_eq!(kept.len(), 4);
    assert!(kept.iter().all(|digest| !digest.windows(4).any(|part| part == &first.as_bytes()[..4])));
    make(&app.stranger(), &first, "sara").await.expect(303);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_panel_that_starts_for_ever_keeps_a_hundred_codes(db: PgPool) {
    let app = TestApp::fresh(db).await;
    let mut last = String::new();
    for _ in 0..103 {
        app.clock.advance(time::Duration::seconds(10));
        last = code(&app).await;
    }
    assert_eq!(codes(&app.db).await, 100);
    make(&app.stranger(), &last, "sara").await.expect(303);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn of_several_who_try_at_once_one_becomes_the_admin(db: PgPool) {
    let app = TestApp::fresh(db).await;
    let codes = [code(&app).await, code(&app).await, code(&app).await];
    let clients: Vec<Client> = codes.iter().map(|_| app.stranger()).collect();
    let tries = clients.iter().zip(&codes).zip(["sara", "mina", "nima"]);
    let answers =
        futures_util::future::join_all(tries.map(|((client, code), name)| make(client, code, name))).await;
    let mut led: Vec<&str> = answers
        .iter()
        .map(|answer| if answer.status == 404 { "nowhere" } else { answer.header("location") })
        .collect();
    led.sort_unstable();
    assert_eq!(led.iter().filter(|place| **place == "/admin").count(), 1, "{led:?}");
    assert_eq!(admins(&app.db).await.len(), 1);
    let sign_ins: i64 = sqlx::query_scalar("SELECT count(*) FROM sign_ins").fetch_one(&app.db).await.unwrap();
    assert_eq!(sign_ins, 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_admin_made_by_hand_meanwhile_leaves_the_page_none_to_make(db: PgPool) {
    let app = TestApp::fresh(db).await;
    let code = code(&app).await;
    let mut tx = app.db.begin().await.unwrap();
    accounts::create_user(&mut tx, "sara", PASSWORD, rad_panel::role::Role::Admin, app.clock.now())
        .await
        .unwrap();
    let browser = app.stranger();
    let (answer, ()) = tokio::join!(make(&browser, &code, "thief"), async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        tx.commit().await.unwrap();
    });
    assert_eq!(answer.expect(303).location(), "/login", "it waited for the one that was being made");
    assert_eq!(admins(&app.db).await, ["sara"]);
    assert_eq!(browser.get("/login").await.count("#flash .flash--info"), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn wrong_codes_close_the_door_to_their_address_and_to_no_other(db: PgPool) {
    let app = TestApp::fresh(db).await;
    let code = code(&app).await;
    let thief = app.stranger();
    let from = |client: &Client, address: &str, code: &str, username: &str| {
        client
            .request(reqwest::Method::POST, "/setup")
            .header("x-forwarded-for", address)
            .form(&typed(code, username, STRONG))
    };
    for _ in 0..5 {
        let answer = thief.send(from(&thief, "198.51.100.7", "aaaa-aaaa-aaaa", "thief")).await.expect(422);
        assert_eq!(answer.attributes(".field__error", "id"), ["setup_code-error"]);
        assert_eq!(answer.attribute("#shop_name", "value"), "فروشگاه آسمان");
        assert_eq!(
            (answer.count("[type=password][value]:not([value=''])"), answer.body.contains(STRONG)),
            (0, false)
        );
    }
    let answer = thief.send(from(&thief, "198.51.100.7", &code, "thief")).await.expect(429);
    assert!(answer.text("#setup_code-error").contains("۱۵ دقیقه"), "{}", answer.text("#setup_code-error"));
    let refused: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE action = 'setup.refuse_code'")
            .fetch_one(&app.db)
            .await
            .unwrap();
    assert_eq!(refused, 5);
    let owner = app.stranger();
    owner.send(from(&owner, "203.0.113.9", &code, "sara")).await.expect(303);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_wrong_is_said_beside_its_field_and_counts_for_nothing(db: PgPool) {
    let app = TestApp::fresh(db).await;
    let code = code(&app).await;
    let browser = app.stranger();
    for (field, form) in [
        ("setup_code", typed("", "sara", STRONG)),
        ("username", typed(&code, "", STRONG)),
        ("username", typed(&code, "سارا", STRONG)),
        ("username", typed(&code, "1sara", STRONG)),
        ("password", typed(&code, "sara", "short")),
        ("password", typed(&code, "sara", "password123")),
        ("password", typed(&code, "sara-asemani", "sara-asemani1")),
    ] {
        let answer = browser.post("/setup", &form).await.expect(422);
        assert_eq!(answer.attributes(".field__error", "id"), [format!("{field}-error")], "{form:?}");
    }
    let mut differ = typed(&code, "sara", STRONG);
    differ[4].1 = "another-thing-altogether";
    let answer = browser.post("/setup", &differ).await.expect(422);
    assert_eq!(answer.attributes(".field__error", "id"), ["repeat_password-error"]);
    let mut nameless = typed(&code, "sara", STRONG);
    nameless[1].1 = " ";
    let answer = browser.post("/setup", &nameless).await.expect(422);
    assert_eq!(answer.attributes(".field__error", "id"), ["shop_name-error"]);
    assert_eq!((admins(&app.db).await.len(), codes(&app.db).await), (0, 1));
    let weak = browser.post("/setup/strength", &[("password", "12345678")]).await.expect(200);
    assert!(weak.text("#strength").contains("خیلی ضعیف"), "{}", weak.body);
    make(&browser, &code, "sara").await.expect(303);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_page_speaks_english_to_who_chose_it_before_there_is_anybody(db: PgPool) {
    let app = TestApp::fresh(db).await;
    let browser = app.stranger();
    browser.post("/preferences", &[("language", "en"), ("back", "/setup")]).await.expect(303);
    let page = browser.get("/setup").await.expect(200);
    assert_eq!(
        (page.attribute("html", "lang"), page.text("h1")),
        ("en".to_owned(), "Set up the panel".to_owned())
    );
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_password_set_by_hand_opens_the_door_and_ends_every_session(db: PgPool) {
    let app = TestApp::start(db).await;
    for (username, role) in [("sara", "ADMIN"), ("reza", "AGENT"), ("nima", "END_USER")] {
        let device = app.signed_in(username).await;
        for _ in 0..4 {
            app.stranger()
                .post("/login", &[("username", username), ("password", "wrong"), ("next", "")])
                .await
                .expect(422);
        }
        let rescued = accounts::set_password_by_hand(&app.db, username, STRONG, app.clock.now())
            .await
            .unwrap()
            .unwrap();
        assert_eq!((rescued.is_disabled, rescued.has_two_factor), (false, false));
        assert_eq!(format!("{:?}", rescued.role).to_uppercase(), role.replace('_', ""));
        device.get("/account").await.expect(303);
        let entry = [("username", username), ("password", PASSWORD), ("next", "")];
        app.stranger().post("/login", &entry).await.expect(422);
        let entry = [("username", username), ("password", STRONG), ("next", "")];
        app.stranger().post("/login", &entry).await.expect(303);
        // The address of all these tries has its own count.
        sqlx::query("DELETE FROM login_attempts").execute(&app.db).await.unwrap();
        let deed: (Option<i64>, String) = sqlx::query_as(
            "SELECT actor_id, detail->>'from' FROM audit_log WHERE action = 'account.set_password' ORDER BY id DESC",
        )
        .fetch_one(&app.db)
        .await
        .unwrap();
        assert_eq!(deed, (None, "command line".to_owned()));
    }
    let nobody = accounts::set_password_by_hand(&app.db, "nobody", STRONG, app.clock.now()).await.unwrap();
    assert_eq!(nobody, None);
    let short = accounts::set_password_by_hand(&app.db, "sara", "short", app.clock.now()).await;
    assert!(matches!(short, Err(RescueError::PasswordTooShort)));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn five_wrong_passwords_are_forgiven_to_whoever_gets_a_new_one_by_hand(db: PgPool) {
    let app = TestApp::start(db).await;
    let from = |address: &str, password: &str| {
        let client = app.stranger();
        let form = [("username", "sara"), ("password", password), ("next", "")];
        let request =
            client.request(reqwest::Method::POST, "/login").header("x-forwarded-for", address).form(&form);
        async move { client.send(request).await.status }
    };
    for last in 1..=5 {
        assert_eq!(from(&format!("198.51.100.{last}"), "wrong").await, 422);
    }
    assert_eq!(from("203.0.113.9", PASSWORD).await, 429);
    sqlx::query("UPDATE users SET status = 'DISABLED' WHERE username = 'sara'")
        .execute(&app.db)
        .await
        .unwrap();
    let rescued =
        accounts::set_password_by_hand(&app.db, " SARA ", STRONG, app.clock.now()).await.unwrap().unwrap();
    assert!(rescued.is_disabled, "that she is disabled is said, not changed");
    sqlx::query("UPDATE users SET status = 'ACTIVE' WHERE username = 'sara'").execute(&app.db).await.unwrap();
    assert_eq!(from("203.0.113.9", STRONG).await, 303);
    app.finish().await;
}
