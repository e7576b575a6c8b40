//! Signing in and out; what everybody does about her own account.

mod passwords;
mod profile;
mod sessions;
mod two_factor;

use std::time::{Duration, Instant};

use rad_panel::accounts;
use reqwest::Method;
use sqlx::PgPool;

use crate::support::{Answer, Client, PASSWORD, TestApp};

async fn try_from(client: &Client, address: &str, username: &str, password: &str) -> Answer {
    let request = client.request(Method::POST, "/login").header("x-forwarded-for", address).form(&[
        ("username", username),
        ("password", password),
        ("next", ""),
    ]);
    client.send(request).await
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn each_role_signs_in_and_lands_in_its_own_area(db: PgPool) {
    let app = TestApp::start(db).await;
    for (username, home) in [("sara", "/admin"), ("reza", "/agent"), ("nima", "/user")] {
        let client = app.stranger();
        let form = [("username", username), ("password", PASSWORD), ("next", "")];
        assert_eq!(client.post("/login", &form).await.expect(303).location(), home);
        assert_eq!(client.get("/").await.expect(303).location(), home);
        assert_eq!(client.get("/login").await.expect(303).location(), home);
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn user_names_are_taken_without_regard_to_case_and_space(db: PgPool) {
    let app = TestApp::start(db).await;
    let form = [("username", " Reza "), ("password", PASSWORD), ("next", "")];
    app.stranger().post("/login", &form).await.expect(303);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn unknown_user_and_wrong_password_get_the_same_answer(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.stranger();
    let wrong = try_from(&client, "10.0.0.1", "reza", "not-the-password").await.expect(422);
    let unknown = try_from(&client, "10.0.0.2", "nobody", "not-the-password").await.expect(422);
    assert!(!wrong.text("#password-error").is_empty());
    assert_eq!(wrong.text("#password-error"), unknown.text("#password-error"));
    assert_eq!(wrong.attribute("#username", "value"), "reza", "what was typed is kept");
    assert!(wrong.attributes("#password", "value").iter().all(String::is_empty), "but not the password");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn unknown_user_and_wrong_password_take_the_same_time(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    let mut times: [Vec<Duration>; 2] = Default::default();
    for round in 0..8 {
        for (i, username) in ["reza", "nobody"].into_iter().enumerate() {
            // Each from its own address and after the window, so that the throttle stays out of it.
            let address = format!("10.1.{i}.{round}").parse().unwrap();
            let origin = accounts::Origin { address, user_agent: "" };
            let began = Instant::now();
            let at = now + Duration::from_secs(1200 * round);
            accounts::sign_in(&app.db, username, "wrong", origin, at).await.unwrap_err();
            times[i].push(began.elapsed());
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    };
    let (wrong, unknown) = (median(&mut times[0]), median(&mut times[1]));
    assert!((0.5..2.0).contains(&(wrong / unknown)), "wrong password {wrong} s, unknown user {unknown} s");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn five_failures_close_the_door_for_a_user_name_on_every_instance(db: PgPool) {
    let mut app = TestApp::start(db).await;
    let client = app.stranger();
    for i in 0..5 {
        try_from(&client, &format!("10.0.0.{i}"), "reza", "wrong").await.expect(422);
    }
    let closed = try_from(&client, "10.0.0.77", "reza", PASSWORD).await.expect(429);
    assert!(closed.text("#password-error").contains("۱۵ دقیقه"), "{}", closed.text("#password-error"));
    let second = client.at(app.second_instance().await);
    try_from(&second, "10.0.0.78", "reza", PASSWORD).await.expect(429);
    // Others get in meanwhile, and Reza does when the window has passed.
    try_from(&client, "10.0.0.79", "mina", PASSWORD).await.expect(303);
    app.clock.advance(time::Duration::seconds(15 * 60 + 1));
    try_from(&app.stranger(), "10.0.0.77", "reza", PASSWORD).await.expect(303);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn five_failures_close_the_door_for_an_address(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.stranger();
    for username in ["a-a", "b-b", "c-c", "d-d", "e-e"] {
        try_from(&client, "10.9.9.9", username, "wrong").await.expect(422);
    }
    try_from(&client, "10.9.9.9", "reza", PASSWORD).await.expect(429);
    try_from(&client, "10.9.9.8", "reza", PASSWORD).await.expect(303);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn many_attempts_at_once_do_not_slip_through_the_throttle(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.stranger();
    let attempts = (0..20).map(|_| try_from(&client, "10.0.0.1", "reza", "wrong"));
    let statuses: Vec<u16> =
        futures_util::future::join_all(attempts).await.iter().map(|a| a.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 5, "{statuses:?}");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_address_cannot_be_made_up_by_a_client_that_is_no_proxy(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.stranger();
    // The last hop is the one that our own proxy saw; what the client wrote stands left of it.
    for i in 0..5 {
        try_from(&client, &format!("10.0.0.{i}, 203.0.113.5"), &format!("user-{i}"), "wrong")
            .await
            .expect(422);
    }
    try_from(&client, "10.0.0.99, 203.0.113.5", "reza", PASSWORD).await.expect(429);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_session_cookie_is_strict_and_out_of_reach_of_scripts(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.stranger();
    let form = [("username", "reza"), ("password", PASSWORD), ("next", "")];
    let answer = client.post("/login", &form).await.expect(303);
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("session="), "{cookie}");
    for word in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"] {
        assert!(cookie.contains(word), "{word} is missing in {cookie}");
    }
    assert!(!cookie.contains("Secure"), "plain HTTP on loopback");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn signing_in_gives_a_new_session_id(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.stranger();
    client.post_from("/account", "/account/password", &[("hint", "typed")]).await.expect(303);
    let before = client.cookie("session").expect("what was typed is kept in a session");
    let form = [("username", "reza"), ("password", PASSWORD), ("next", "")];
    client.post("/login", &form).await.expect(303);
    assert_ne!(client.cookie("session"), Some(before));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn signing_out_ends_the_session_for_good(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.signed_in("reza").await;
    let stolen = client.cookie("session").unwrap();
    client.post("/sign-out", &[]).await.expect(303);
    client.set_cookie("session", &stolen);
    assert_eq!(client.get("/account").await.expect(303).location(), "/login?next=/account");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_session_saved_again_after_signing_out_is_worth_nothing(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.signed_in("reza").await;
    let stolen = client.cookie("session").unwrap();
    let row =
        sqlx::query!("SELECT id, data, expiry_date FROM web_sessions").fetch_one(&app.db).await.unwrap();
    client.post("/sign-out", &[]).await.expect(303);
    sqlx::query!(
        "INSERT INTO web_sessions (id, data, expiry_date) VALUES ($1, $2, $3)",
        row.id,
        row.data,
        row.expiry_date
    )
    .execute(&app.db)
    .await
    .unwrap();
    client.set_cookie("session", &stolen);
    client.get("/account").await.expect(303);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn disabling_an_account_ends_its_sessions_at_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.signed_in("reza").await;
    client.get("/account").await.expect(200);
    accounts::disable(&app.db, app.reza, app.sara, app.clock.now()).await.unwrap();
    client.get("/account").await.expect(303);
    let form = [("username", "reza"), ("password", PASSWORD), ("next", "")];
    assert!(!app.stranger().post("/login", &form).await.expect(422).text("#password-error").is_empty());
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_link_from_telegram_finds_the_person_signed_in(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.signed_in("reza").await;
    let cookie = client.cookie("session").unwrap();
    // The browser withholds the Strict cookie on the first request from elsewhere …
    client.clear_cookies();
    let request = client.request_from_elsewhere(Method::GET, "/account?tab=1&x=%22");
    let arrival = client.send(request).await.expect(200);
    let refresh = arrival.attribute("meta[http-equiv=refresh]", "content");
    assert_eq!(refresh, "0; url=/account?tab=1&x=%22");
    assert!(arrival.header("set-cookie").is_empty());
    // … and sends it when our own page leads to the same address.
    client.set_cookie("session", &cookie);
    client.get("/account?tab=1").await.expect(200);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_arrival_never_leads_to_another_site(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.stranger();
    for path in ["//evil.example/login", "/\\evil.example"] {
        let answer = client.send(client.request_from_elsewhere(Method::GET, path)).await.expect(200);
        assert_eq!(answer.attribute("meta[http-equiv=refresh]", "content"), "0; url=/", "{path}");
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn after_signing_in_a_person_is_led_back_but_never_to_another_site(db: PgPool) {
    let app = TestApp::start(db).await;
    for (next, destination) in [
        ("/account", "/account"),
        ("//evil.example", "/agent"),
        ("/\\evil.example", "/agent"),
        ("https://evil.example", "/agent"),
        ("", "/agent"),
    ] {
        let form = [("username", "reza"), ("password", PASSWORD), ("next", next)];
        assert_eq!(app.stranger().post("/login", &form).await.expect(303).location(), destination, "{next}");
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn whoever_reads_the_database_holds_no_session(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.signed_in("reza").await;
    let id = sqlx::query_scalar!("SELECT id FROM web_sessions").fetch_one(&app.db).await.unwrap();
    assert_ne!(client.cookie("session"), Some(id.clone()));
    let thief = app.stranger();
    thief.set_cookie("session", &id);
    thief.get("/account").await.expect(303);
}
