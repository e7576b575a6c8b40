//! Creating an account: get, compare, then decide; and what was unknown is never sent twice by itself.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use rad_panel::{
    ids::OrderId,
    panel::{Attempt, Cause, Field, NewAccount, Outcome, Refusal, Validity},
};
use serde_json::json;

use super::panel::{Panel, Reply, missing, now, user, user_from};

fn order() -> NewAccount {
    NewAccount {
        username: "sara_1".into(),
        validity: Validity::For { seconds: 2_592_000 },
        data_limit_bytes: Some(10_737_418_240),
        order: OrderId(7),
    }
}

#[tokio::test]
async fn a_first_attempt_sends_every_protocol_empty_inbounds_and_nothing_personal() {
    let panel = Panel::start(|_| None).await;
    let made = panel.client().create_account(&order(), Attempt::First).await.done().unwrap();
    assert!(made.belongs_to(OrderId(7)));
    assert_eq!(made.expire_at, Some(now() + time::Duration::days(30)));
    assert_eq!(made.subscription_url, format!("{}/sub/abc", panel.address));
    let posts: Vec<_> = panel.seen().into_iter().filter(|seen| seen.is("POST", "/api/user")).collect();
    assert_eq!(posts.len(), 1);
    assert_eq!(
        posts[0].json(),
        json!({
            "username": "sara_1", "proxies": {"vless": {}, "trojan": {}}, "inbounds": {},
            "note": "RAD order #7", "status": "active",
            "expire": 1_795_000_000 + 2_592_000, "data_limit": 10_737_418_240_i64,
        })
    );
    assert_eq!(panel.count("GET", "/api/user/sara_1"), 0, "a first attempt does not look first");
}

#[tokio::test]
async fn an_account_on_hold_gets_its_seconds_and_no_end() {
    let panel = Panel::start(|_| None).await;
    let new = NewAccount {
        validity: Validity::FromFirstConnection { seconds: 86_400 },
        data_limit_bytes: None,
        ..order()
    };
    let made = panel.client().create_account(&new, Attempt::First).await.done().unwrap();
    assert_eq!((made.expire_at, made.on_hold_seconds), (None, Some(86_400)));
    let sent = panel.seen().pop().unwrap().json();
    assert_eq!((&sent["status"], &sent["on_hold_expire_duration"]), (&json!("on_hold"), &json!(86_400)));
    assert!(sent.get("expire").is_none() && sent.get("data_limit").is_none());
}

#[tokio::test]
async fn a_name_that_is_taken_is_ours_or_someone_elses_by_its_note() {
    for (found, expected) in [
        (Reply::Json(200, user(json!({}))), None),
        (Reply::Json(200, user(json!({"note": "RAD order #71"}))), Some(Refusal::UsernameTaken)),
        (Reply::Json(200, user(json!({"note": null}))), Some(Refusal::UsernameTaken)),
        (Reply::Json(403, json!({"detail": "You're not allowed"})), Some(Refusal::UsernameTaken)),
    ] {
        let found = std::sync::Mutex::new(Some(found));
        let panel = Panel::start(move |seen| match seen.method.as_str() {
            "POST" if seen.target == "/api/user" => {
                Some(Reply::Json(409, json!({"detail": "User already exists"})))
            }
            "GET" if seen.target == "/api/user/sara_1" => found.lock().unwrap().take(),
            _ => None,
        })
        .await;
        let outcome = panel.client().create_account(&order(), Attempt::First).await;
        match expected {
            None => assert!(outcome.done().unwrap().belongs_to(OrderId(7))),
            Some(refusal) => assert_eq!(outcome, Outcome::Refused(refusal)),
        }
        assert_eq!(panel.count("POST", "/api/user"), 1);
    }
}

#[tokio::test]
async fn a_name_that_was_taken_and_then_belongs_to_nobody_is_unknown() {
    let panel = Panel::start(|seen| {
        seen.is("POST", "/api/user").then(|| Reply::Json(409, json!({"detail": "User already exists"})))
    })
    .await;
    let outcome = panel.client().create_account(&order(), Attempt::First).await;
    assert_eq!(outcome, Outcome::Unknown(Cause::BadAnswer));
    assert_eq!(panel.count("POST", "/api/user"), 1);
}

#[tokio::test]
async fn another_attempt_adopts_what_is_there_and_creates_only_what_is_absent() {
    let panel =
        Panel::start(|seen| seen.is("GET", "/api/user/sara_1").then(|| Reply::Json(200, user(json!({})))));
    let panel = panel.await;
    // Even where the order's own end has passed meanwhile.
    let late = NewAccount { validity: Validity::Until(now() - time::Duration::hours(1)), ..order() };
    assert!(panel.client().create_account(&late, Attempt::Again).await.done().is_some());
    assert_eq!(panel.count("POST", "/api/user"), 0);

    let panel = Panel::start(|_| None).await;
    assert!(panel.client().create_account(&order(), Attempt::Again).await.done().is_some());
    assert_eq!((panel.count("GET", "/api/user/sara_1"), panel.count("POST", "/api/user")), (1, 1));
}

#[tokio::test]
async fn another_attempt_that_cannot_look_does_not_create() {
    for (reply, cause) in [
        (|| Reply::Json(404, json!({"detail": "Not Found"})), Cause::BadAnswer),
        (|| Reply::Text(404, "<html>404</html>".into()), Cause::BadAnswer),
        (|| Reply::Text(403, "<html>Access denied</html>".into()), Cause::BadAnswer),
        (|| Reply::Text(500, "Internal Server Error".into()), Cause::Server5xx),
        (|| Reply::Json(200, json!({"username": "sara_1"})), Cause::BadAnswer),
        (|| Reply::Json(200, user(json!({"username": "somebody"}))), Cause::BadAnswer),
        (|| Reply::Broken, Cause::ConnectionBroken),
    ] as [(fn() -> Reply, Cause); 7]
    {
        let panel = Panel::start(move |seen| seen.is("GET", "/api/user/sara_1").then(reply)).await;
        let outcome = panel.client().create_account(&order(), Attempt::Again).await;
        assert_eq!(outcome, Outcome::Unknown(cause));
        assert_eq!(panel.count("POST", "/api/user"), 0);
    }
}

#[tokio::test]
async fn a_creation_whose_answer_is_lost_is_unknown_and_sent_once() {
    for (reply, cause) in [
        (|| Reply::Broken, Cause::ConnectionBroken),
        (|| Reply::Text(500, "Internal Server Error".into()), Cause::Server5xx),
        (|| Reply::Text(502, "<html>Bad Gateway</html>".into()), Cause::Server5xx),
        (|| Reply::Json(408, json!({"detail": "slow"})), Cause::Timeout),
        (|| Reply::Json(429, json!({"detail": "easy"})), Cause::Throttled),
        (|| Reply::Text(307, String::new()), Cause::BadAnswer),
        (|| Reply::Text(200, "<html>Welcome</html>".into()), Cause::BadAnswer),
        (|| Reply::Late(Duration::from_secs(9), Box::new(missing())), Cause::Timeout),
    ] as [(fn() -> Reply, Cause); 8]
    {
        let panel = Panel::start(move |seen| seen.is("POST", "/api/user").then(reply)).await;
        let mut settings = panel.settings();
        settings.total_timeout = Duration::from_secs(2);
        let client = rad_panel::marzban::server(&settings, rad_panel::calendar::Clock::system()).unwrap();
        assert_eq!(client.create_account(&order(), Attempt::First).await, Outcome::Unknown(cause));
        assert_eq!(panel.count("POST", "/api/user"), 1, "{cause:?}");
        assert_eq!(panel.count("GET", "/elsewhere"), 0);
    }
}

#[tokio::test]
async fn an_account_made_although_the_answer_was_lost_is_adopted_the_next_time() {
    let made = std::sync::Mutex::new(None);
    let panel = Panel::start(move |seen| match seen.method.as_str() {
        "POST" if seen.target == "/api/user" => {
            *made.lock().unwrap() = Some(user_from(&seen.json()));
            Some(Reply::Broken)
        }
        "GET" if seen.target == "/api/user/sara_1" => {
            made.lock().unwrap().clone().map(|u| Reply::Json(200, u))
        }
        _ => None,
    })
    .await;
    let client = panel.client();
    let lost = client.create_account(&order(), Attempt::First).await;
    assert_eq!(lost, Outcome::Unknown(Cause::ConnectionBroken));
    assert!(client.create_account(&order(), Attempt::Again).await.done().unwrap().belongs_to(OrderId(7)));
    assert_eq!(panel.count("POST", "/api/user"), 1);
}

#[tokio::test]
async fn a_definite_no_says_why() {
    for (reply, refusal) in [
        (
            Reply::Json(422, json!({"detail": {"expire": "Input should be", "username": "Username only"}})),
            Refusal::Invalid { fields: vec![Field::Username, Field::Validity] },
        ),
        (Reply::Json(403, json!({"detail": "You're not allowed"})), Refusal::Forbidden),
        (
            Reply::Json(400, json!({"detail": "nonsense"})),
            Refusal::Other { status: 400, detail: "nonsense".into() },
        ),
        (
            Reply::Text(413, "<html>too large</html>".into()),
            Refusal::Other { status: 413, detail: "<html>too large</html>".into() },
        ),
    ] {
        let reply = std::sync::Mutex::new(Some(reply));
        let panel = Panel::start(move |seen| {
            seen.is("POST", "/api/user").then(|| reply.lock().unwrap().take().unwrap())
        })
        .await;
        let outcome = panel.client().create_account(&order(), Attempt::First).await;
        assert_eq!(outcome, Outcome::Refused(refusal));
    }
}

#[tokio::test]
async fn a_protocol_switched_off_meanwhile_is_left_out_after_asking_again() {
    let asked = AtomicUsize::new(0);
    let panel = Panel::start(move |seen| {
        if seen.is("GET", "/api/inbounds") && asked.fetch_add(1, SeqCst) > 0 {
            return Some(Reply::Json(200, json!({"trojan": [{"tag": "t"}]})));
        }
        (seen.is("POST", "/api/user") && seen.json()["proxies"].get("vless").is_some()).then(|| {
            Reply::Json(400, json!({"detail": "Protocol ProxyTypes.VLESS is disabled on your server"}))
        })
    })
    .await;
    let client = panel.client();
    assert!(client.create_account(&order(), Attempt::First).await.done().is_some());
    let next = NewAccount { username: "sara_2".into(), order: OrderId(8), ..order() };
    assert!(client.create_account(&next, Attempt::First).await.done().is_some());
    assert_eq!((panel.count("GET", "/api/inbounds"), panel.count("POST", "/api/user")), (2, 3));
}

#[tokio::test]
async fn a_panel_without_any_inbound_refuses() {
    let panel =
        Panel::start(|seen| seen.is("GET", "/api/inbounds").then(|| Reply::Json(200, json!({})))).await;
    let outcome = panel.client().create_account(&order(), Attempt::First).await;
    assert_eq!(outcome, Outcome::Refused(Refusal::ProtocolDisabled));
    assert_eq!(panel.count("POST", "/api/user"), 0);
}

#[tokio::test]
async fn what_the_panel_would_misread_is_refused_without_asking_it() {
    let panel = Panel::start(|_| None).await;
    let client = panel.client();
    let ab = "ab".to_owned();
    let year_9999 = Validity::Until(now().replace_year(9999).unwrap());
    for (new, field) in [
        (NewAccount { username: ab, ..order() }, Field::Username),
        (NewAccount { username: "../admin".into(), ..order() }, Field::Username),
        (NewAccount { data_limit_bytes: Some(0), ..order() }, Field::DataLimit),
        (NewAccount { data_limit_bytes: Some(1 << 63), ..order() }, Field::DataLimit),
        (NewAccount { validity: Validity::For { seconds: 0 }, ..order() }, Field::Validity),
        (NewAccount { validity: Validity::FromFirstConnection { seconds: 0 }, ..order() }, Field::Validity),
        (NewAccount { validity: Validity::Until(now()), ..order() }, Field::Validity),
        (NewAccount { validity: year_9999, ..order() }, Field::Validity),
    ] {
        let outcome = client.create_account(&new, Attempt::First).await;
        assert_eq!(outcome, Outcome::Refused(Refusal::Invalid { fields: vec![field] }));
    }
    assert!(panel.seen().is_empty());
}
