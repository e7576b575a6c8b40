//! The token: one for many calls, renewed in time, and refused credentials left in peace.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use futures_util::future::join_all;
use rad_panel::{
    calendar::Clock,
    marzban,
    panel::{Cause, Outcome},
};
use serde_json::json;

use super::panel::{Panel, Reply, missing, now, signed_in};

fn refused() -> Reply {
    Reply::Json(401, json!({"detail": "Could not validate credentials"}))
}

#[tokio::test]
async fn twenty_callers_at_once_share_one_sign_in() {
    let panel = Panel::start(|_| None).await;
    let client = panel.client();
    let outcomes = join_all((0..20).map(|_| client.account("sara_1"))).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done(None)));
    assert_eq!(panel.sign_ins(), 1);
    let form = &panel.seen()[0];
    assert_eq!(form.headers["content-type"], "application/x-www-form-urlencoded");
    assert!(form.body.starts_with("username=root&password=s3cret-"));
}

#[tokio::test]
async fn a_token_is_renewed_shortly_before_its_own_end() {
    let panel =
        Panel::start(|seen| seen.is("POST", "/api/admin/token").then(|| signed_in(1, Some(600)))).await;
    let clock = Clock::fixed(now());
    let client = marzban::server(&panel.settings(), clock.clone()).unwrap();
    for (passed, sign_ins) in [(0, 1), (539, 1), (2, 2)] {
        clock.advance(time::Duration::seconds(passed));
        assert_eq!(client.account("sara_1").await, Outcome::Done(None));
        assert_eq!(panel.sign_ins(), sign_ins);
    }
}

#[tokio::test]
async fn a_token_without_end_is_kept_until_it_is_refused_and_then_replaced_once() {
    let given = AtomicUsize::new(0);
    let panel = Panel::start(move |seen| match seen.target.as_str() {
        "/api/admin/token" => Some(signed_in(given.fetch_add(1, SeqCst) + 1, None)),
        "/api/user/sara_2" if seen.headers["authorization"].ends_with("signature1") => Some(refused()),
        _ => None,
    })
    .await;
    let clock = Clock::fixed(now());
    let client = marzban::server(&panel.settings(), clock.clone()).unwrap();
    assert_eq!(client.account("sara_1").await, Outcome::Done(None));
    clock.advance(time::Duration::weeks(500));
    assert_eq!(client.account("sara_1").await, Outcome::Done(None));
    assert_eq!(panel.sign_ins(), 1);
    let outcomes = join_all((0..6).map(|_| client.account("sara_2"))).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done(None)));
    assert_eq!(panel.sign_ins(), 2, "six refused calls, one new token");
}

#[tokio::test]
async fn wrong_credentials_are_not_tried_again_and_again() {
    let panel = Panel::start(|seen| {
        seen.is("POST", "/api/admin/token")
            .then(|| Reply::Json(401, json!({"detail": "Incorrect username or password"})))
    })
    .await;
    let mut settings = panel.settings();
    settings.sign_in_pause = Duration::from_millis(1200);
    let client = marzban::server(&settings, Clock::system()).unwrap();
    for outcome in join_all((0..10).map(|_| client.account("sara_1"))).await {
        assert_eq!(outcome, Outcome::Unknown(Cause::Unauthorized));
    }
    assert_eq!(client.health().await.problem, Some(Cause::Unauthorized));
    assert_eq!(panel.sign_ins(), 1);
    tokio::time::sleep(Duration::from_millis(1250)).await;
    assert_eq!(client.account("sara_1").await, Outcome::Unknown(Cause::Unauthorized));
    assert_eq!(panel.sign_ins(), 2);
}

#[tokio::test]
async fn a_panel_that_refuses_its_own_new_tokens_is_not_hammered() {
    let panel = Panel::start(|seen| seen.target.starts_with("/api/user/").then(refused)).await;
    let client = panel.client();
    for _ in 0..5 {
        assert_eq!(client.account("sara_1").await, Outcome::Unknown(Cause::Unauthorized));
    }
    assert_eq!((panel.sign_ins(), panel.count("GET", "/api/user/sara_1")), (2, 2));
}

#[tokio::test]
async fn a_sign_in_page_of_something_else_is_a_bad_answer() {
    for reply in [
        || Reply::Json(404, json!({"detail": "Not Found"})),
        || Reply::Text(200, "<html>Welcome to nginx!</html>".into()),
        || Reply::Json(200, json!({"access_token": "two\nlines"})),
        || Reply::Text(301, String::new()),
        || missing(),
    ] as [fn() -> Reply; 5]
    {
        let panel = Panel::start(move |seen| seen.is("POST", "/api/admin/token").then(reply)).await;
        assert_eq!(panel.client().account("sara_1").await, Outcome::Unknown(Cause::BadAnswer));
    }
}
