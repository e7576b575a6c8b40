//! Many accounts in one call: what a list says, and what it doesn't.

use std::time::Duration;

use rad_panel::{
    calendar::Clock,
    demo::simulator::{Options, Simulator, user::User},
    marzban::{self, Settings},
    panel::{Cause, Outcome, Server},
};
use serde_json::json;

use super::panel::{Panel, Reply, now, user};

async fn start(names: &[&str]) -> (Simulator, Server) {
    let clock = Clock::fixed(now());
    let simulator = Simulator::start(Options::new(clock.clone())).await.unwrap();
    for name in names {
        simulator.put_user(User::new(name, Some("root"), now()));
    }
    let settings = Settings {
        retry_for: Duration::ZERO,
        public_url: Some("https://shop.example".into()),
        ..Settings::new(simulator.base_url(), simulator.username(), simulator.password())
    };
    let client = marzban::server(&settings, clock).unwrap();
    (simulator, client)
}

#[tokio::test]
async fn those_asked_for_are_listed_and_no_others_whatever_a_pattern_would_find() {
    let (simulator, client) = start(&["reza_1", "rezax1", "reza_12", "mina_1"]).await;
    let listed = client.accounts(&["reza_1", "nobody", "mina_1"]).await.done().unwrap();
    let names: Vec<&str> = listed.accounts.iter().map(|account| account.username.as_str()).collect();
    assert_eq!(names, ["mina_1", "reza_1"]);
    assert_eq!(listed.left_out, ["nobody"], "left out, which is not to say absent");
    assert!(listed.accounts[0].subscription_url.starts_with("https://shop.example/sub/"));
    let asked = simulator.requests().into_iter().rfind(|seen| seen.path == "/api/users").unwrap();
    assert_eq!(
        asked.query.as_deref(),
        Some("sort=username&limit=100&username=reza_1&username=nobody&username=mina_1")
    );
}

#[tokio::test]
async fn one_poisoned_row_makes_the_list_unknown_and_it_is_asked_once() {
    let (simulator, client) = start(&["reza_1", "reza_2"]).await;
    assert!(simulator.mutate("reza_2", |user| user.proxies.clear()));
    assert_eq!(client.accounts(&["reza_1", "reza_2"]).await, Outcome::Unknown(Cause::Server5xx));
    assert_eq!(simulator.requests().iter().filter(|seen| seen.path == "/api/users").count(), 1);
    assert!(client.account("reza_1").await.done().unwrap().is_some());
    assert_eq!(client.account("reza_2").await, Outcome::Unknown(Cause::Server5xx));
    // What is broken can still be deleted.
    assert_eq!(client.delete_account("reza_2").await, Outcome::Done(()));
    assert_eq!(client.accounts(&["reza_1", "reza_2"]).await.done().unwrap().left_out, ["reza_2"]);
}

#[tokio::test]
async fn a_list_of_others_or_a_part_of_one_is_believed_in_nothing() {
    for answer in [
        json!({"users": [user(json!({})), user(json!({"username": "mina_1"}))], "total": 2}),
        json!({"users": [], "total": 1}),
        json!({"users": [user(json!({}))], "total": 575}),
        json!([]),
    ] {
        let panel = Panel::start(move |seen| {
            seen.target.starts_with("/api/users?").then(|| Reply::Json(200, answer.clone()))
        })
        .await;
        assert_eq!(panel.client().accounts(&["sara_1"]).await, Outcome::Unknown(Cause::BadAnswer));
    }
    let refused = Panel::start(|seen| {
        seen.target.starts_with("/api/users?").then(|| Reply::Json(404, json!({"detail": "User not found"})))
    })
    .await;
    assert_eq!(refused.client().accounts(&["sara_1"]).await, Outcome::Unknown(Cause::BadAnswer));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_spoils_no_other() {
    let panel = Panel::start(|seen| {
        seen.target.starts_with("/api/users?").then(|| {
            let odd = user(json!({"username": "sara_2", "created_at": "yesterday"}));
            Reply::Json(200, json!({"users": [user(json!({})), odd, {"username": "sara_3"}], "total": 3}))
        })
    })
    .await;
    let listed = panel.client().accounts(&["sara_1", "sara_2", "sara_3"]).await.done().unwrap();
    assert_eq!((listed.accounts.len(), listed.left_out.join(" ")), (1, "sara_2 sara_3".to_owned()));
}

#[tokio::test]
async fn everyone_is_never_listed_by_mistake() {
    let (simulator, client) = start(&["reza_1"]).await;
    assert!(client.accounts(&[]).await.done().unwrap().accounts.is_empty());
    let names: Vec<String> = (0..101).map(|number| format!("reza_{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(client.accounts(&names).await, Outcome::Unknown(Cause::BadAnswer));
    assert!(simulator.requests().iter().all(|seen| seen.path != "/api/users"));
    assert_eq!(client.accounts(&names[..100]).await.done().unwrap().left_out.len(), 99);
}

#[tokio::test]
async fn a_list_takes_the_time_that_was_measured() {
    let names: Vec<String> = (0..50).map(|number| format!("reza_{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (simulator, client) = start(&names).await;
    assert!(client.account("reza_1").await.done().is_some());
    simulator.take_measured_time();
    let began = std::time::Instant::now();
    assert_eq!(client.accounts(&names).await.done().unwrap().accounts.len(), 50);
    assert!(began.elapsed() >= Duration::from_millis(240), "{:?}", began.elapsed());
}
