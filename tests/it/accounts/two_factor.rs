//! The second factor: codes from a phone, recovery codes, and the admin's part in it.

use rad_panel::persian::persian_digits;
use sqlx::{ConnectOptions as _, PgPool};
use time::Duration;
use totp_rs::{Builder, Secret};

use super::passwords::STRONG;
use crate::{
    shell::{outcome, rad_panel},
    support::{Answer, Client, PASSWORD, TestApp},
};

/// The phone of a person: it knows the secret and the time.
struct Phone {
    secret: String,
    recovery: Vec<String>,
}

impl Phone {
    fn code(&self, app: &TestApp) -> String {
        self.code_at(app, 0)
    }

    /// The code of so many seconds later.
    fn code_at(&self, app: &TestApp, later: i64) -> String {
        let secret = Secret::try_from_base32(&self.secret).unwrap();
        let totp = Builder::new().with_secret(secret).build_noncompliant();
        totp.generate(u64::try_from(app.clock.now().unix_timestamp() + later).unwrap()).to_string()
    }
}

async fn enrol(app: &TestApp, client: &Client) -> Phone {
    client.post("/account/two-factor/enrolment", &[]).await.expect(303);
    let page = client.get("/account/two-factor/enrolment").await.expect(200);
    assert_eq!(page.count("#qr path"), 1);
    let address = page.attribute("a[href^='otpauth:']", "href");
    let secret = address.split("secret=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let mut phone = Phone { secret, recovery: Vec::new() };
    let wrong = client.post("/account/two-factor/confirmation", &[("code", "000000")]).await.expect(422);
    assert_eq!((wrong.count("#code-error"), wrong.attribute("a[href^='otpauth:']", "href")), (1, address));
    let code = persian_digits(&phone.code(app));
    let page = client.post("/account/two-factor/confirmation", &[("code", &code)]).await.expect(200);
    assert_eq!(page.header("cache-control"), "no-store");
    phone.recovery = page.texts(".codes li");
    assert_eq!(phone.recovery.len(), 10);
    // The same form again shows no codes.
    client.post("/account/two-factor/confirmation", &[("code", &code)]).await.expect(303);
    phone
}

/// The password was right, the code is asked for.
async fn half_way(app: &TestApp, username: &str) -> Client {
    let client = app.stranger();
    let form = [("username", username), ("password", PASSWORD), ("next", "/account/sessions")];
    assert_eq!(client.post("/login", &form).await.expect(303).location(), "/login/code");
    client
}

async fn give(client: &Client, field: &str, code: &str) -> Answer {
    client.post("/login/code", &[(field, code)]).await
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_half_open_session_opens_no_page_until_the_code_is_right(db: PgPool) {
    let app = TestApp::start(db).await;
    let phone = enrol(&app, &app.signed_in("reza").await).await;
    app.clock.advance(Duration::minutes(1));
    let client = half_way(&app, "reza").await;
    for path in ["/account", "/agent", "/agent/wallet", "/events", "/account/two-factor"] {
        assert!(client.get(path).await.expect(303).location().starts_with("/login?next="), "{path}");
    }
    client.post("/agent/create-user", &[("username", "x")]).await.expect(303);
    let open = sqlx::query_scalar!("SELECT count(*) FROM sign_ins").fetch_one(&app.db).await.unwrap();
    assert_eq!(open, Some(1), "no sign-in was opened");
    for wrong in ["", "000000", "12345", "abcdef"] {
        assert_eq!(give(&client, "code", wrong).await.expect(422).count("#code-error"), 1, "{wrong}");
    }
    let before = client.cookie("session");
    let entered = give(&client, "code", &persian_digits(&phone.code(&app))).await.expect(303);
    assert_eq!(entered.location(), "/account/sessions");
    assert_ne!(client.cookie("session"), before);
    client.get("/agent").await.expect(200);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn no_code_is_taken_twice_and_a_neighbouring_step_is(db: PgPool) {
    let app = TestApp::start(db).await;
    let phone = enrol(&app, &app.signed_in("reza").await).await;
    app.clock.advance(Duration::minutes(5));
    let code = phone.code(&app);
    let (one, two) = (half_way(&app, "reza").await, half_way(&app, "reza").await);
    let (a, b) = tokio::join!(give(&one, "code", &code), give(&two, "code", &code));
    let mut outcomes = [a.status, b.status];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [303, 422], "of two at once, one gets in");
    // The phone's clock may be half a minute wrong, either way, but not more.
    app.clock.advance(Duration::minutes(5));
    for (seconds, status) in [(60, 422), (-60, 422), (-30, 303), (30, 303), (0, 422)] {
        let client = half_way(&app, "reza").await;
        assert_eq!(give(&client, "code", &phone.code_at(&app, seconds)).await.status, status, "{seconds}");
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn wrong_codes_close_the_door_and_a_right_password_does_not_open_it_again(db: PgPool) {
    let app = TestApp::start(db).await;
    let phone = enrol(&app, &app.signed_in("reza").await).await;
    app.clock.advance(Duration::minutes(1));
    for _ in 0..5 {
        let client = half_way(&app, "reza").await;
        give(&client, "code", "000000").await.expect(422);
    }
    let form = [("username", "reza"), ("password", PASSWORD), ("next", "")];
    app.stranger().post("/login", &form).await.expect(429);
    app.clock.advance(Duration::seconds(15 * 60 + 1));
    let client = half_way(&app, "reza").await;
    give(&client, "code", &phone.code(&app)).await.expect(303);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_recovery_code_lets_in_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let phone = enrol(&app, &app.signed_in("reza").await).await;
    let typed = phone.recovery[3].to_uppercase().replace('-', " ");
    let client = half_way(&app, "reza").await;
    give(&client, "recovery_code", &typed).await.expect(303);
    let page = client.get("/account/two-factor").await.expect(200);
    assert!(page.text("#on").contains('۹'), "{}", page.text("#on"));
    let again = half_way(&app, "reza").await;
    assert_eq!(give(&again, "recovery_code", &typed).await.expect(422).count("#recovery_code-error"), 1);
    // Mina's codes are Mina's.
    let minas = enrol(&app, &app.signed_in("mina").await).await;
    give(&again, "recovery_code", &minas.recovery[0]).await.expect(422);
    let stored = sqlx::query_scalar!("SELECT count(*) FROM recovery_codes").fetch_one(&app.db).await.unwrap();
    assert_eq!(stored, Some(19));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_first_step_is_worth_nothing_after_the_password_changed_or_time_went_by(db: PgPool) {
    let app = TestApp::start(db).await;
    let reza = app.signed_in("reza").await;
    let phone = enrol(&app, &reza).await;
    app.clock.advance(Duration::minutes(1));
    let early = half_way(&app, "reza").await;
    let late = half_way(&app, "reza").await;
    app.clock.advance(Duration::minutes(11));
    assert_eq!(give(&late, "code", &phone.code(&app)).await.expect(303).location(), "/login");
    assert_eq!(late.get("/login/code").await.expect(303).location(), "/login");
    let fresh = half_way(&app, "reza").await;
    let form = [("current_password", PASSWORD), ("new_password", STRONG), ("repeat_password", STRONG)];
    reza.post("/account/password", &form).await.expect(303);
    for client in [&fresh, &early] {
        assert_eq!(give(client, "code", &phone.code(&app)).await.expect(303).location(), "/login");
        client.get("/account").await.expect(303);
    }
    assert_eq!(app.stranger().get("/login/code").await.expect(303).location(), "/login");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn turning_off_and_new_codes_need_password_and_code(db: PgPool) {
    let app = TestApp::start(db).await;
    let reza = app.signed_in("reza").await;
    let phone = enrol(&app, &reza).await;
    app.clock.advance(Duration::minutes(1));
    let code = phone.code(&app);
    for path in ["/account/two-factor/codes", "/account/two-factor/end"] {
        let wrong = reza.post(path, &[("password", "wrong"), ("code", &code)]).await.expect(422);
        assert_eq!(wrong.count("#password-error"), 1);
        let wrong = reza.post(path, &[("password", PASSWORD), ("code", "000000")]).await.expect(422);
        assert_eq!(wrong.count("#code-error"), 1);
    }
    let form = [("password", PASSWORD), ("code", code.as_str())];
    let page = reza.post("/account/two-factor/codes", &form).await.expect(200);
    let fresh = page.texts(".codes li");
    // Failures count for the address, too.
    app.clock.advance(Duration::minutes(16));
    let client = half_way(&app, "reza").await;
    give(&client, "recovery_code", &phone.recovery[0]).await.expect(422);
    give(&client, "recovery_code", &fresh[0]).await.expect(303);
    reza.post("/account/two-factor/end", &form).await.expect(422);
    let form = [("password", PASSWORD), ("recovery_code", fresh[1].as_str())];
    reza.post("/account/two-factor/end", &form).await.expect(303);
    app.signed_in("reza").await;
    let left = sqlx::query_scalar!("SELECT count(*) FROM recovery_codes").fetch_one(&app.db).await.unwrap();
    assert_eq!(left, Some(0));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn admins_who_need_a_second_factor_are_led_to_it_before_anything_else(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    sara.post("/admin/settings/two-factor", &[("required", "true")]).await.expect(303);
    for path in ["/admin/payments", "/admin/settings", "/account", "/events"] {
        assert_eq!(sara.get(path).await.expect(303).location(), "/account/two-factor", "{path}");
    }
    let page = sara.get("/account/two-factor").await.expect(200);
    assert_eq!(page.count(".banner--warn"), 1);
    app.signed_in("reza").await.get("/agent").await.expect(200);
    let phone = enrol(&app, &sara).await;
    sara.get("/admin/payments").await.expect(200);
    app.clock.advance(Duration::minutes(1));
    let client = half_way(&app, "sara").await;
    give(&client, "code", &phone.code(&app)).await.expect(303);
    client.get("/admin/settings").await.expect(200);
    sara.post("/admin/settings/two-factor", &[]).await.expect(303);
    let deeds = sqlx::query_scalar!(
        "SELECT count(*) FROM audit_log WHERE action = 'settings.require_two_factor' AND actor_id = $1",
        app.sara.0
    );
    assert_eq!(deeds.fetch_one(&app.db).await.unwrap(), Some(2));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admin_takes_away_what_was_lost_but_never_her_own(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    enrol(&app, &app.signed_in("reza").await).await;
    enrol(&app, &sara).await;
    let home = format!("/admin/agents/{}", app.reza);
    let action = sara.get(&home).await.expect(200).attribute("#two-factor form", "action");
    app.signed_in("mina").await.post(&action, &[]).await.expect(403);
    let (one, two) = tokio::join!(sara.post(&action, &[]), sara.post(&action, &[]));
    assert_eq!((one.status, two.status), (303, 303));
    app.signed_in("reza").await;
    let page = sara.get(&home).await.expect(200);
    assert!(page.count("#two-factor") == 0 && page.text("#log").contains("برداشتن ورود دومرحله‌ای"));
    sara.post(&format!("/admin/people/{}/two-factor/reset", app.sara), &[]).await.expect(404);
    half_way(&app, "sara").await;
    let deeds =
        sqlx::query_scalar!("SELECT count(*) FROM audit_log WHERE action = 'account.reset_two_factor'");
    assert_eq!(deeds.fetch_one(&app.db).await.unwrap(), Some(1));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_admin_without_phone_and_codes_is_let_in_again_from_the_command_line(db: PgPool) {
    let app = TestApp::start(db).await;
    enrol(&app, &app.signed_in("sara").await).await;
    let folder = tempfile::tempdir().unwrap();
    let database = app.db.connect_options().to_url_lossy();
    let reset = |username: &str| {
        let mut command = rad_panel(folder.path());
        outcome(
            command.args(["reset-two-factor", "--username", username]).env("DATABASE_URL", database.as_str()),
        )
    };
    let (code, _, error) = reset("nobody");
    assert_eq!((code, error.trim()), (1, "rad-panel: nobody has the user name nobody"));
    half_way(&app, "sara").await;
    let (code, said, error) = reset("Sara");
    assert!(code == 0 && said.contains("is off"), "{said}{error}");
    let (code, said, _) = reset("sara");
    assert!(code == 0 && said.contains("off already"), "{said}");
    let form = [("username", "sara"), ("password", PASSWORD), ("next", "")];
    assert_eq!(app.stranger().post("/login", &form).await.expect(303).location(), "/admin");
    let deeds = sqlx::query_scalar!(
        "SELECT count(*) FROM audit_log
         WHERE action = 'account.reset_two_factor' AND subject_id = $1 AND actor_id IS NULL",
        app.sara.0
    );
    assert_eq!(deeds.fetch_one(&app.db).await.unwrap(), Some(1));
    app.finish().await;
}
