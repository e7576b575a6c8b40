//! Reading, switching off and on, deleting.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use rad_panel::{
    calendar::Clock,
    marzban::{self, Settings},
    panel::{AccountStatus, Cause, Outcome, Refusal, Reset},
};
use serde_json::{Value, json};

use super::panel::{Panel, Reply, missing, user};

/// A panel with one user, changed by PUT as Marzban does: a next plan that isn't sent is lost.
async fn with(found: Value) -> Panel {
    let stored = Mutex::new(found);
    Panel::start(move |seen| {
        let mut stored = stored.lock().unwrap();
        match seen.method.as_str() {
            "GET" if seen.target == "/api/user/sara_1" => {}
            "PUT" if seen.target == "/api/user/sara_1" => {
                stored["next_plan"] = Value::Null;
                for (name, value) in seen.json().as_object().unwrap() {
                    stored[name] = value.clone();
                }
            }
            _ => return None,
        }
        Some(Reply::Json(200, stored.clone()))
    })
    .await
}

#[tokio::test]
async fn an_account_is_read_in_the_shops_words() {
    let panel = with(user(json!({
        "status": "limited", "online_at": "2026-11-23T00:00:00", "data_limit": null, "expire": null,
        "subscription_url": "/sub/xyz",
    })))
    .await;
    let mut settings = panel.settings();
    settings.public_url = Some("https://shop.example/".into());
    let client = marzban::server(&settings, Clock::system()).unwrap();
    let account = client.account("sara_1").await.done().unwrap().unwrap();
    assert_eq!(account.status, AccountStatus::Limited);
    assert_eq!((account.expire_at, account.data_limit_bytes), (None, None));
    assert_eq!((account.data_used_bytes, account.lifetime_used_bytes), (5, 7));
    assert_eq!(account.subscription_url, "https://shop.example/sub/xyz");
    assert_eq!(account.online_at.unwrap().to_string(), "2026-11-23 0:00:00.0 +00:00:00");
    assert_eq!(account.created_at.unix_timestamp(), 1_795_382_656);
}

#[tokio::test]
async fn an_account_is_absent_only_where_the_panel_says_so() {
    let panel = Panel::start(|_| None).await;
    assert_eq!(panel.client().account("sara_1").await, Outcome::Done(None));
    let panel = Panel::start(|seen| {
        seen.target.starts_with("/api/user/").then(|| Reply::Json(404, json!({"detail": "Not Found"})))
    })
    .await;
    assert_eq!(panel.client().account("sara_1").await, Outcome::Unknown(Cause::BadAnswer));
    let panel = Panel::start(|seen| {
        seen.target
            .starts_with("/api/user/")
            .then(|| Reply::Json(403, json!({"detail": "You're not allowed"})))
    })
    .await;
    assert_eq!(panel.client().account("sara_1").await, Outcome::Refused(Refusal::Forbidden));
}

#[tokio::test]
async fn switching_off_and_on_keeps_the_next_plan() {
    let plan =
        json!({"data_limit": 5000, "expire": null, "add_remaining_traffic": false, "fire_on_either": true});
    let panel = with(user(json!({"next_plan": plan}))).await;
    let client = panel.client();
    let off = client.set_enabled("sara_1", false).await.done().unwrap();
    assert_eq!(off.status, AccountStatus::Disabled);
    let on = client.set_enabled("sara_1", true).await.done().unwrap();
    assert_eq!(on.status, AccountStatus::Active);
    let puts: Vec<_> =
        panel.seen().into_iter().filter(|seen| seen.method == "PUT").map(|seen| seen.json()).collect();
    assert_eq!(
        puts,
        [json!({"status": "disabled", "next_plan": plan}), json!({"status": "active", "next_plan": plan})]
    );
}

#[tokio::test]
async fn an_account_switched_off_on_hold_goes_back_on_hold_and_not_to_endless() {
    let panel =
        with(user(json!({"status": "on_hold", "expire": null, "on_hold_expire_duration": 86_400}))).await;
    let client = panel.client();
    assert_eq!(client.set_enabled("sara_1", false).await.done().unwrap().status, AccountStatus::Disabled);
    let back = client.set_enabled("sara_1", true).await.done().unwrap();
    assert_eq!((back.status, back.on_hold_seconds), (AccountStatus::OnHold, Some(86_400)));
    let last = panel.seen().pop().unwrap().json();
    assert_eq!(last, json!({"status": "on_hold", "on_hold_expire_duration": 86_400}));
}

#[tokio::test]
async fn an_account_that_is_already_so_is_left_alone() {
    for (status, enabled) in
        [("disabled", false), ("active", true), ("on_hold", true), ("limited", true), ("expired", true)]
    {
        let panel = with(user(json!({"status": status}))).await;
        assert!(panel.client().set_enabled("sara_1", enabled).await.done().is_some());
        assert_eq!(panel.count("PUT", "/api/user/sara_1"), 0, "{status}");
    }
    let panel = Panel::start(|_| None).await;
    assert_eq!(panel.client().set_enabled("sara_1", true).await, Outcome::Refused(Refusal::NotFound));
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_unknown_and_sent_once() {
    let panel = Panel::start(|seen| match seen.method.as_str() {
        "PUT" => Some(Reply::Broken),
        "GET" if seen.target == "/api/user/sara_1" => Some(Reply::Json(200, user(json!({})))),
        _ => None,
    })
    .await;
    let outcome = panel.client().set_enabled("sara_1", false).await;
    assert_eq!(outcome, Outcome::Unknown(Cause::ConnectionBroken));
    assert_eq!(panel.count("PUT", "/api/user/sara_1"), 1);
}

#[tokio::test]
async fn deleting_what_is_gone_is_done() {
    let panel = Panel::start(|_| None).await;
    assert_eq!(panel.client().delete_account("sara_1").await, Outcome::Done(()));
    assert_eq!(panel.count("DELETE", "/api/user/sara_1"), 0);
    // Gone between the look and the deletion.
    let panel = Panel::start(|seen| match seen.method.as_str() {
        "GET" if seen.target == "/api/user/sara_1" => Some(Reply::Json(200, user(json!({})))),
        _ => None,
    })
    .await;
    assert_eq!(panel.client().delete_account("sara_1").await, Outcome::Done(()));
    assert_eq!(panel.count("DELETE", "/api/user/sara_1"), 1);
}

#[tokio::test]
async fn a_deletion_answered_with_an_error_is_judged_by_what_is_left() {
    let error = || Reply::Text(500, "Internal Server Error".into());
    let is_gone = AtomicBool::new(false);
    let panel = Panel::start(move |seen| match seen.method.as_str() {
        "DELETE" => {
            is_gone.store(true, SeqCst);
            Some(error())
        }
        "GET" if !is_gone.load(SeqCst) => Some(Reply::Json(200, user(json!({})))),
        _ => None,
    })
    .await;
    assert_eq!(panel.client().delete_account("sara_1").await, Outcome::Done(()));
    let panel = Panel::start(move |seen| match seen.method.as_str() {
        "DELETE" => Some(error()),
        "GET" => Some(Reply::Json(200, user(json!({})))),
        _ => None,
    })
    .await;
    assert_eq!(panel.client().delete_account("sara_1").await, Outcome::Unknown(Cause::Server5xx));
    let panel = Panel::start(|seen| match seen.method.as_str() {
        "DELETE" => Some(Reply::Json(404, json!({"detail": "Not Found"}))),
        "GET" => Some(Reply::Json(200, user(json!({})))),
        _ => None,
    })
    .await;
    assert_eq!(panel.client().delete_account("sara_1").await, Outcome::Unknown(Cause::BadAnswer));
}

#[tokio::test]
async fn a_deletion_that_something_else_answers_is_judged_by_what_is_left() {
    let is_there = AtomicBool::new(true);
    let panel = Panel::start(move |seen| match seen.method.as_str() {
        "DELETE" => Some(Reply::Text(200, "<html>We are mending things.</html>".into())),
        "GET" if seen.target == "/api/user/sara_1" => Some(Reply::Json(200, user(json!({})))),
        "GET" if seen.target == "/api/user/sara_2" && is_there.swap(false, SeqCst) => {
            Some(Reply::Json(200, user(json!({"username": "sara_2"}))))
        }
        _ => None,
    })
    .await;
    assert_eq!(panel.client().delete_account("sara_1").await, Outcome::Unknown(Cause::BadAnswer));
    assert_eq!(panel.client().delete_account("sara_2").await, Outcome::Done(()));
}

#[tokio::test]
async fn what_a_reset_destroys_is_put_back_also_when_its_time_is_over() {
    let found = || Reply::Json(200, user(json!({"status": "disabled"})));
    let panel = Panel::start(move |seen| match seen.method.as_str() {
        "GET" | "PUT" if seen.target == "/api/user/sara_1" => Some(found()),
        "POST" if seen.target == "/api/user/sara_1/reset" => {
            Some(Reply::Late(Duration::from_secs(20), Box::new(found())))
        }
        _ => None,
    })
    .await;
    let settings = Settings { total_timeout: Duration::from_secs(2), ..panel.settings() };
    let client = marzban::server(&settings, Clock::system()).unwrap();
    let reset = Reset { counted_off_bytes: 2, keep_disabled: true };
    assert_eq!(client.reset_volume("sara_1", &reset).await, Outcome::Unknown(Cause::Timeout));
    assert_eq!(panel.count("PUT", "/api/user/sara_1"), 1);
}

#[tokio::test]
async fn health_tells_version_users_and_why_not() {
    let up = AtomicUsize::new(0);
    let panel = Panel::start(move |seen| {
        seen.is("GET", "/api/system").then(|| match up.fetch_add(1, SeqCst) {
            0 => Reply::Json(200, json!({"version": "0.8.4", "total_user": 83, "users_active": 70})),
            _ => missing(),
        })
    })
    .await;
    let client = panel.client();
    let health = client.health().await;
    assert!(health.reachable && !health.latency.is_zero());
    assert_eq!((health.version.as_deref(), health.users), (Some("0.8.4"), Some(83)));
    let health = client.health().await;
    assert_eq!((health.reachable, health.problem), (false, Some(Cause::BadAnswer)));
}
