//! The list of one's own sign-ins.

use reqwest::{Method, header::USER_AGENT};
use sqlx::PgPool;
use time::Duration;

use crate::support::{Client, PASSWORD, TestApp};

const CHROME: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 \
     Mobile Safari/537.36";

async fn sign_in_with(app: &TestApp, user_agent: &str) -> Client {
    let client = app.stranger();
    let form = [("username", "reza"), ("password", PASSWORD), ("next", "")];
    let request = client
        .request(Method::POST, "/login")
        .headers([(USER_AGENT, user_agent.parse().unwrap())].into_iter().collect())
        .form(&form);
    client.send(request.header("x-forwarded-for", "203.0.113.9")).await.expect(303);
    client
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_person_sees_where_she_is_signed_in_and_signs_out_there(db: PgPool) {
    let app = TestApp::start(db).await;
    let phone = sign_in_with(&app, CHROME).await;
    app.clock.advance(Duration::hours(2));
    let (desk, third) = (app.signed_in("reza").await, app.signed_in("reza").await);
    let mina = app.signed_in("mina").await;
    let page = desk.get("/account/sessions").await.expect(200);
    assert_eq!((page.count(".session"), page.count("#this-session")), (3, 1));
    assert!(page.text(".session:first-of-type").contains("همین دستگاه"), "her own comes first");
    let of_phone = page.texts(".session").into_iter().find(|text| text.contains("Chrome · Android")).unwrap();
    assert!(of_phone.contains("203.0.113.9") && of_phone.contains("۲ ساعت"), "{of_phone}");
    let ends = page.attributes(".session form[action$='/end']", "action");
    // Somebody else's can't be ended, and a strange one is nowhere.
    for end in &ends {
        mina.post(end, &[]).await.expect(303);
    }
    mina.post("/account/sessions/1/end", &[]).await.expect(404);
    phone.get("/account").await.expect(200);
    third.get("/account").await.expect(200);
    for end in &ends {
        let (one, two) = tokio::join!(desk.post(end, &[]), desk.post(end, &[]));
        assert_eq!((one.status, two.status), (303, 303));
    }
    phone.get("/account").await.expect(303);
    third.get("/account").await.expect(303);
    let page = desk.get("/account/sessions").await.expect(200);
    assert_eq!((page.count(".session"), page.count("form[action='/account/sessions/end']")), (1, 0));
    mina.get("/account").await.expect(200);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn all_other_devices_are_signed_out_at_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let (phone, desk, mina) =
        (app.signed_in("reza").await, app.signed_in("reza").await, app.signed_in("mina").await);
    desk.post("/account/sessions/end", &[]).await.expect(303);
    desk.get("/account").await.expect(200);
    phone.get("/account").await.expect(303);
    mina.get("/account").await.expect(200);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_last_use_is_noted_every_few_minutes_only(db: PgPool) {
    let app = TestApp::start(db).await;
    let reza = app.signed_in("reza").await;
    let seen = async || {
        sqlx::query_scalar!("SELECT last_seen_at FROM sign_ins").fetch_one(&app.db).await.unwrap().unwrap()
    };
    let first = seen().await;
    app.clock.advance(Duration::minutes(4));
    reza.get("/account").await.expect(200);
    assert_eq!(seen().await, first);
    app.clock.advance(Duration::minutes(2));
    reza.get("/account").await.expect(200);
    assert_eq!(seen().await - first, Duration::minutes(6));
}
