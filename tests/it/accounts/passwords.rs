//! One's own password.

use sqlx::PgPool;

use crate::support::{PASSWORD, TestApp};

/// Good enough for everybody.
pub const STRONG: &str = "anar-karaj-7-pardeh";

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_new_password_ends_the_sessions_on_other_devices(db: PgPool) {
    let app = TestApp::start(db).await;
    let phone = app.signed_in("reza").await;
    let desk = app.signed_in("reza").await;
    let form = [("current_password", PASSWORD), ("new_password", STRONG), ("repeat_password", STRONG)];
    desk.post("/account/password", &form).await.expect(303);
    desk.get("/account").await.expect(200);
    phone.get("/account").await.expect(303);
    let form = [("username", "reza"), ("password", STRONG), ("next", "")];
    app.stranger().post("/login", &form).await.expect(303);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_bad_new_password_is_explained_beside_its_field(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.signed_in("reza").await;
    let form = [("current_password", "wrong"), ("new_password", "short"), ("repeat_password", "other")];
    let answer = client.post("/account/password", &form).await.expect(422);
    assert_eq!(answer.count("#new_password-error"), 1);
    assert_eq!(answer.count("#repeat_password-error"), 1);
    let form = [("current_password", "wrong"), ("new_password", STRONG), ("repeat_password", STRONG)];
    assert_eq!(client.post("/account/password", &form).await.expect(422).count("#current_password-error"), 1);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_one_time_password_must_be_changed_before_anything_else(db: PgPool) {
    let app = TestApp::start(db).await;
    sqlx::query!("UPDATE users SET must_change_password = true WHERE username = 'reza'")
        .execute(&app.db)
        .await
        .unwrap();
    let client = app.signed_in("reza").await;
    assert_eq!(client.get("/events").await.expect(303).location(), "/account/password");
    assert_eq!(client.get("/account/password").await.expect(200).count(".banner"), 1);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn passwords_are_hashed_with_argon2id_and_the_parameters_of_owasp(db: PgPool) {
    let app = TestApp::start(db).await;
    let hash = sqlx::query_scalar!("SELECT password_hash FROM users WHERE username = 'reza'")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_password_that_is_soon_guessed_is_refused_with_advice(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.signed_in("reza").await;
    for weak in ["password1", "۱۲۳۴۵۶۷۸", "reza1405", "09121111111", "رضا رضا"] {
        let form = [("current_password", PASSWORD), ("new_password", weak), ("repeat_password", weak)];
        let page = client.post("/account/password", &form).await.expect(422);
        assert!(!page.text("#new_password-error").is_empty(), "{weak}");
        assert!(!page.body.contains(weak), "a password is never sent back");
    }
    let form = [("current_password", PASSWORD), ("new_password", STRONG), ("repeat_password", STRONG)];
    client.post("/account/password", &form).await.expect(303);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_meter_says_how_good_a_password_is_while_it_is_typed(db: PgPool) {
    let app = TestApp::start(db).await;
    let client = app.signed_in("reza").await;
    let meter = async |password: &str| {
        let part =
            client.post_part("/account/password/strength", &[("new_password", password)]).await.expect(200);
        part.attributes("meter", "value").first().map(|value| value.parse::<i32>().unwrap())
    };
    assert_eq!(meter("").await, None);
    let (weak, known, strong) =
        (meter("password").await, meter("reza09121111111").await, meter(STRONG).await);
    assert!(weak < Some(50) && known < Some(80) && strong >= Some(80), "{weak:?} {known:?} {strong:?}");
    app.stranger().post("/account/password/strength", &[("new_password", "x")]).await.expect(303);
}
