//! The panel's own client against the simulator: the two were made apart from the same recordings.

use std::time::Duration;

use axum::http::Method;
use rad_panel::{
    calendar::Clock,
    demo::simulator::{Simulator, user::Status},
    ids::OrderId,
    marzban::{self, Settings},
    panel::{AccountStatus, Attempt, NewAccount, Outcome, Server, Validity},
};

use super::{NOON, client, instant, options};

async fn pair() -> (Simulator, Server, Clock) {
    drop(client());
    let clock = Clock::fixed(instant(NOON));
    let options = rad_panel::demo::simulator::Options { clock: clock.clone(), ..options() };
    let simulator = Simulator::start(options).await.unwrap();
    let settings = Settings::new(simulator.base_url(), simulator.username(), simulator.password());
    let marzban = marzban::server(&settings, clock.clone()).unwrap();
    (simulator, marzban, clock)
}

fn order(username: &str, validity: Validity) -> NewAccount {
    NewAccount { username: username.to_owned(), validity, data_limit_bytes: Some(1000), order: OrderId(7) }
}

const MONTH: Validity = Validity::For { seconds: 2_592_000 };

#[tokio::test]
async fn the_panels_client_leads_an_account_through_its_life() {
    let (simulator, marzban, clock) = pair().await;
    let made = marzban.create_account(&order("reza_1", MONTH), Attempt::First).await.done().unwrap();
    assert_eq!(made.status, AccountStatus::Active);
    assert_eq!(made.expire_at, Some(instant(NOON + 2_592_000_000_000)));
    assert!(made.subscription_url.starts_with(&simulator.base_url()));
    let links = client().get(&made.subscription_url).send().await.unwrap();
    assert_eq!(links.status(), 200);

    simulator.traffic("reza_1", 1200);
    clock.advance(time::Duration::seconds(10));
    simulator.review(clock.now());
    let used = marzban.account("reza_1").await.done().unwrap().unwrap();
    assert_eq!((used.status, used.data_used_bytes), (AccountStatus::Limited, 1200));

    let off = marzban.set_enabled("reza_1", false).await.done().unwrap();
    assert_eq!(off.status, AccountStatus::Disabled);
    let health = marzban.health().await;
    assert!(health.reachable, "{health:?}");
    assert_eq!((health.version.as_deref(), health.users), (Some("0.8.4"), Some(1)));
    assert_eq!(marzban.delete_account("reza_1").await, Outcome::Done(()));
    assert_eq!(marzban.account("reza_1").await, Outcome::Done(None));
}

#[tokio::test]
async fn the_panels_client_starts_an_account_at_its_first_connection() {
    let (simulator, marzban, clock) = pair().await;
    let new = order("reza_1", Validity::FromFirstConnection { seconds: 3600 });
    let made = marzban.create_account(&new, Attempt::First).await.done().unwrap();
    assert_eq!((made.status, made.expire_at), (AccountStatus::OnHold, None));
    clock.advance(time::Duration::seconds(60));
    simulator.traffic("reza_1", 1);
    simulator.review(clock.now());
    let started = marzban.account("reza_1").await.done().unwrap().unwrap();
    assert_eq!(started.expire_at, Some(instant(NOON + 3_660_000_000)));
}

#[tokio::test]
async fn the_panels_client_finds_its_account_after_an_answer_was_lost() {
    let (simulator, marzban, _clock) = pair().await;
    simulator.drop_after_commit_of(Method::POST, 1);
    let new = order("reza_1", MONTH);
    let made = match marzban.create_account(&new, Attempt::First).await {
        Outcome::Unknown(_) => marzban.create_account(&new, Attempt::Again).await,
        other => other,
    };
    assert!(made.done().unwrap().belongs_to(OrderId(7)));
    let posts = simulator.requests().into_iter().filter(|a| a.path == "/api/user").count();
    assert_eq!(posts, 1);
    assert_eq!(simulator.user("reza_1").unwrap().status, Status::Active);
}

#[tokio::test]
async fn the_panels_client_keeps_eight_requests_in_flight_and_no_more() {
    let (simulator, marzban, _clock) = pair().await;
    marzban.account("nobody").await.done().unwrap();
    simulator.forget_requests();
    simulator.slow(Duration::from_millis(50));
    let reads = (0..20).map(|_| marzban.account("nobody"));
    for outcome in futures_util::future::join_all(reads).await {
        assert_eq!(outcome, Outcome::Done(None));
    }
    assert_eq!(simulator.requests().len(), 20);
    assert_eq!(simulator.most_in_flight(), 8);
}
