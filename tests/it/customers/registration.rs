//! Registering: every wrong way, and the right one once.

use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Answer, Client, TestApp};

/// What a stranger types; `changes` go over it.
fn form<'a>(request_id: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("request_id", request_id),
        ("username", "Sahar"),
        ("password", "gol-o-bolbol-dar-bagh"),
        ("phone", "+۹۸ ۹۱۲ ۳۴۵ ۶۷۸۹"),
        ("email", ""),
        ("next", ""),
    ];
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        form.push((name, value));
    }
    form
}

async fn send(client: &Client, changes: &[(&str, &str)]) -> Answer {
    client.post("/register", &form(&Uuid::new_v4().to_string(), changes)).await
}

async fn count(app: &TestApp) -> i64 {
    sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM end_users"#).fetch_one(&app.db).await.unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_stranger_registers_and_is_signed_in_where_she_wanted_to_go(db: PgPool) {
    let app = TestApp::start(db).await;
    let stranger = app.stranger();
    let led = stranger.get("/user/buy").await.expect(303).location().to_owned();
    let login = stranger.get(&led).await.expect(200);
    let register = login.attribute("a[href^='/register']", "href");
    let page = stranger.get(&register).await.expect(200);
    let (id, next) = (page.attribute("[name=request_id]", "value"), page.attribute("[name=next]", "value"));
    let typed = form(&id, &[("next", &next), ("email", " Sahar@Example.com ")]);
    let answer = stranger.post("/register", &typed).await.expect(303);
    assert_eq!(answer.location(), "/user/buy");
    stranger.get("/user").await.expect(200);
    let row = sqlx::query!(
        "SELECT u.id, u.username, u.email, u.role, e.phone, w.total, i.user_agent
         FROM users u JOIN end_users e ON e.user_id = u.id JOIN wallets w ON w.user_id = u.id
         JOIN sign_ins i ON i.user_id = u.id WHERE u.username = 'sahar'"
    )
    .fetch_one(&app.db)
    .await
    .unwrap();
    assert_eq!((row.email.as_deref(), row.role.as_str()), (Some("sahar@example.com"), "END_USER"));
    assert_eq!((row.phone.as_str(), row.total, row.user_agent.as_str()), ("09123456789", Some(0), "a test"));
    // Who is signed in needs no account.
    assert_eq!(stranger.get("/register").await.expect(303).location(), "/user");
    let elsewhere = app.stranger();
    let sign_in = [("username", "sahar"), ("password", "gol-o-bolbol-dar-bagh"), ("next", "")];
    elsewhere.post("/login", &sign_in).await.expect(303);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_wrong_is_said_beside_its_field_and_the_rest_is_kept(db: PgPool) {
    let app = TestApp::start(db).await;
    let long = "x".repeat(33);
    for (field, value) in [
        ("username", ""),
        ("username", "ab"),
        ("username", "۱sahar"),
        ("username", "سحر"),
        ("username", "sa har"),
        ("username", &long),
        ("username", " NIMA\u{200f}"),
        ("password", ""),
        ("password", "1234567"),
        ("password", "12345678"),
        ("password", "sahar1234"),
        ("password", "09123456789"),
        ("phone", ""),
        ("phone", "۰۲۱۱۲۳۴۵۶۷۸"),
        ("phone", "0912345678"),
        ("phone", "+44 7911 123456"),
        ("email", "sahar"),
        ("email", "سحر@example.com"),
    ] {
        // Each from its own home, or the throttle would answer.
        let client = app.stranger();
        let request = client.request(reqwest::Method::POST, "/register");
        let id = Uuid::new_v4().to_string();
        let address = format!("192.0.2.{}", rand_octet(&id));
        let request = request.header("x-forwarded-for", address).form(&form(&id, &[(field, value)]));
        let again = client.send(request).await.expect(422);
        assert_eq!(again.attributes(".field__error", "id"), [format!("{field}-error")], "{field}={value}");
        if field != "password" {
            assert_eq!(again.attribute(&format!("#{field}"), "value"), value);
        }
        if field != "phone" {
            assert_eq!(again.attribute("#phone", "value"), "+۹۸ ۹۱۲ ۳۴۵ ۶۷۸۹");
        }
        assert!(!again.body.contains("gol-o-bolbol"), "a password comes back");
        assert_eq!(again.attribute("[name=request_id]", "value"), id);
    }
    assert_eq!(count(&app).await, 1, "only nima");
    app.stranger().post("/register", &[("username", "sahar")]).await.expect(400);
    app.finish().await;
}

fn rand_octet(id: &str) -> u8 {
    id.bytes().fold(1, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(byte))
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_same_form_twice_and_at_once_makes_one_account_that_both_are_signed_in_to(db: PgPool) {
    let app = TestApp::start(db).await;
    let (one, two) = (app.stranger(), app.stranger());
    let id = Uuid::new_v4().to_string();
    let typed = form(&id, &[]);
    let (a, b) = tokio::join!(one.post("/register", &typed), two.post("/register", &typed));
    assert_eq!((a.status, b.status), (303, 303), "{} {}", a.body, b.body);
    for client in [&one, &two] {
        client.get("/user").await.expect(200);
    }
    assert_eq!(count(&app).await, 2);
    // Its id and another password open nothing.
    let thief = app.stranger();
    let typed = form(&id, &[("password", "ketab-e-kohne-ye-man")]);
    assert_eq!(thief.post("/register", &typed).await.expect(422).count("#username-error"), 1);
    thief.get("/user").await.expect(303);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn of_two_strangers_with_one_name_or_address_the_second_is_told(db: PgPool) {
    let app = TestApp::start(db).await;
    let (one, two) = (app.stranger(), app.stranger());
    let (a, b) = tokio::join!(send(&one, &[]), send(&two, &[]));
    let mut outcomes = [a.status, b.status];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [303, 422]);
    let email = ("email", "s@example.com");
    send(&app.stranger(), &[("username", "shirin"), email]).await.expect(303);
    let late = send(&app.stranger(), &[("username", "shadi"), ("email", "S@EXAMPLE.com")]).await.expect(422);
    assert_eq!(late.count("#email-error"), 1);
    assert_eq!(count(&app).await, 3);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_eleventh_attempt_from_one_address_in_an_hour_has_to_wait(db: PgPool) {
    let app = TestApp::start(db).await;
    let knock = async |address: &str, username: &str| {
        let client = app.stranger();
        let id = Uuid::new_v4().to_string();
        let request = client.request(reqwest::Method::POST, "/register").header("x-forwarded-for", address);
        client.send(request.form(&form(&id, &[("username", username)]))).await
    };
    for _ in 0..10 {
        knock("2001:db8::1", "nima").await.expect(422);
    }
    let refused = knock("2001:db8::2", "sahar").await.expect(429);
    assert!(refused.text(".flash--warn").contains("ساعت"), "{}", refused.body);
    assert_eq!(refused.attribute("#username", "value"), "sahar");
    knock("2001:db8:1::1", "shirin").await.expect(303);
    app.clock.advance(time::Duration::minutes(61));
    knock("2001:db8::2", "sahar").await.expect(303);
    // Nor by the hundred from a hundred addresses.
    sqlx::query!(
        "INSERT INTO registration_attempts (address, attempted_at)
         SELECT '10.0.0.0'::inet + n, $1 FROM generate_series(1, 199) n",
        app.clock.now()
    )
    .execute(&app.db)
    .await
    .unwrap();
    knock("192.0.2.77", "shadi").await.expect(429);
    app.clock.advance(time::Duration::hours(3));
    rad_panel::worker::clean(&app.state).await.unwrap();
    let left = sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM registration_attempts"#);
    assert_eq!(left.fetch_one(&app.db).await.unwrap(), 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_strength_of_a_password_is_told_while_it_is_typed(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.stranger();
    for (password, words) in
        [("", ""), ("12345678", "خیلی ضعیف"), ("sahar12345", "ضعیف"), ("gol-o-bolbol-dar-bagh", "خوب")]
    {
        let typed = [("username", "sahar"), ("password", password)];
        let part = client.post_part("/register/strength", &typed).await.expect(200);
        assert_eq!(part.count("#strength meter"), usize::from(!words.is_empty()), "{password}");
        assert!(part.text("#strength").contains(words), "{password}: {}", part.body);
        assert!(password.is_empty() || !part.body.contains(password));
    }
    app.finish().await;
}
