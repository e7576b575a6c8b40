//! The client against the simulator, which behaves as the real panel was recorded, and fails on command.

use std::time::Duration;

use axum::http::Method;
use futures_util::future::join_all;
use rad_panel::{
    calendar::Clock,
    demo::simulator::{Options, Simulator, user::NextPlan},
    ids::OrderId,
    marzban::{self, Settings},
    panel::{AccountStatus, Attempt, Cause, NewAccount, Outcome, Refusal, Server, Validity},
};

use super::panel::now;

const GB: u64 = 1 << 30;

async fn start() -> (Simulator, Server, Clock) {
    let clock = Clock::fixed(now());
    let mut options = Options::new(clock.clone());
    options.environment_admin = Some(("env".into(), "env-pass".into()));
    let simulator = Simulator::start(options).await.unwrap();
    let client = client(&simulator, simulator.username(), simulator.password(), &clock);
    (simulator, client, clock)
}

fn client(simulator: &Simulator, username: &str, password: &str, clock: &Clock) -> Server {
    let settings = Settings {
        public_url: Some("https://shop.example".into()),
        total_timeout: Duration::from_secs(8),
        retry_for: Duration::from_millis(500),
        ..Settings::new(simulator.base_url(), username, password)
    };
    marzban::server(&settings, clock.clone()).unwrap()
}

fn order(number: i64) -> NewAccount {
    NewAccount {
        username: format!("reza_{number}"),
        validity: Validity::For { seconds: 30 * 86_400 },
        data_limit_bytes: Some(10 * GB),
        order: OrderId(number),
    }
}

#[tokio::test]
async fn an_account_lives_from_creation_to_deletion() {
    let (simulator, client, _) = start().await;
    let made = client.create_account(&order(7), Attempt::First).await.done().unwrap();
    assert!(made.subscription_url.starts_with("https://shop.example/sub/"));
    let stored = simulator.user("reza_7").unwrap();
    assert_eq!(stored.expire, Some(now().unix_timestamp() + 30 * 86_400));
    assert_eq!((stored.data_limit, stored.note.as_deref()), (Some(10 << 30), Some("RAD order #7")));
    assert_eq!(stored.proxies.len(), 4, "every protocol that has an inbound");
    assert!(simulator.traffic("reza_7", 1000));
    let found = client.account("reza_7").await.done().unwrap().unwrap();
    assert_eq!((found.data_used_bytes, found.lifetime_used_bytes), (1000, 1000));
    assert_eq!((found.created_at, found.online_at), (now(), Some(now())));
    let off = client.set_enabled("reza_7", false).await.done().unwrap();
    assert_eq!((off.status, off.expire_at), (AccountStatus::Disabled, found.expire_at));
    assert_eq!(client.set_enabled("reza_7", true).await.done().unwrap().status, AccountStatus::Active);
    assert_eq!(client.delete_account("reza_7").await, Outcome::Done(()));
    assert!(simulator.users().is_empty());
    assert_eq!(client.account("reza_7").await, Outcome::Done(None));
    let health = client.health().await;
    assert_eq!((health.version.as_deref(), health.users), (Some("0.8.4"), Some(0)));
}

#[tokio::test]
async fn a_creation_broken_off_before_or_after_the_work_ends_in_one_account() {
    for committed in [false, true] {
        let (simulator, client, _) = start().await;
        if committed {
            simulator.drop_after_commit(1)
        } else {
            simulator.drop_before_work(1)
        }
        let lost = client.create_account(&order(7), Attempt::First).await;
        assert_eq!(lost, Outcome::Unknown(Cause::ConnectionBroken));
        assert_eq!(simulator.user("reza_7").is_some(), committed);
        assert!(
            client.create_account(&order(7), Attempt::Again).await.done().unwrap().belongs_to(OrderId(7))
        );
        assert_eq!(simulator.users().len(), 1);
        let posts =
            simulator.requests().iter().filter(|r| r.method == "POST" && r.path == "/api/user").count();
        assert_eq!(posts, if committed { 1 } else { 2 });
    }
}

#[tokio::test]
async fn an_account_made_after_we_gave_up_waiting_is_adopted() {
    let (simulator, _, clock) = start().await;
    let settings = Settings {
        total_timeout: Duration::from_millis(900),
        ..Settings::new(simulator.base_url(), simulator.username(), simulator.password())
    };
    let hasty = marzban::server(&settings, clock).unwrap();
    assert!(hasty.create_account(&order(6), Attempt::First).await.done().is_some());
    simulator.slow(Duration::from_millis(1300));
    assert_eq!(hasty.create_account(&order(7), Attempt::First).await, Outcome::Unknown(Cause::Timeout));
    tokio::time::sleep(Duration::from_millis(1000)).await;
    simulator.heal();
    assert!(hasty.create_account(&order(7), Attempt::Again).await.done().is_some());
    assert_eq!(simulator.users().len(), 2);
}

#[tokio::test]
async fn a_panel_that_was_down_is_used_again_when_it_is_back() {
    let (simulator, client, _) = start().await;
    assert!(client.create_account(&order(6), Attempt::First).await.done().is_some());
    simulator.down().await;
    assert_eq!(
        client.create_account(&order(7), Attempt::First).await,
        Outcome::Unknown(Cause::ConnectFailed)
    );
    assert!(!client.health().await.reachable);
    simulator.up().await.unwrap();
    simulator.answer_500(1);
    assert!(client.create_account(&order(7), Attempt::Again).await.done().is_some(), "a read is repeated");
    assert_eq!(simulator.users().len(), 2);
}

#[tokio::test]
async fn fifty_orders_at_once_are_made_eight_at_a_time() {
    let (simulator, client, _) = start().await;
    simulator.slow(Duration::from_millis(20));
    let orders: Vec<NewAccount> = (1..=50).map(order).collect();
    let made = join_all(orders.iter().map(|new| client.create_account(new, Attempt::First))).await;
    assert!(made.into_iter().all(|outcome| outcome.done().is_some()));
    assert_eq!((simulator.users().len(), simulator.most_in_flight()), (50, 8));
}

#[tokio::test]
async fn twenty_orders_for_one_name_make_one_account_and_nineteen_refusals() {
    let (simulator, client, _) = start().await;
    let orders: Vec<NewAccount> =
        (1..=20).map(|number| NewAccount { username: "reza_x".into(), ..order(number) }).collect();
    let made = join_all(orders.iter().map(|new| client.create_account(new, Attempt::First))).await;
    let taken = Outcome::Refused(Refusal::UsernameTaken);
    assert_eq!(made.iter().filter(|outcome| **outcome == taken).count(), 19);
    assert_eq!(made.into_iter().filter_map(Outcome::done).count(), 1);
    assert_eq!(simulator.users().len(), 1);
}

#[tokio::test]
async fn an_account_on_hold_keeps_waiting_after_being_off_and_starts_at_its_first_connection() {
    let (simulator, client, _) = start().await;
    let new = NewAccount { validity: Validity::FromFirstConnection { seconds: 86_400 }, ..order(7) };
    assert_eq!(
        client.create_account(&new, Attempt::First).await.done().unwrap().status,
        AccountStatus::OnHold
    );
    assert!(client.set_enabled("reza_7", false).await.done().is_some());
    let back = client.set_enabled("reza_7", true).await.done().unwrap();
    assert_eq!((back.status, back.on_hold_seconds), (AccountStatus::OnHold, Some(86_400)));
    assert!(simulator.traffic("reza_7", 1));
    simulator.review(now());
    let started = client.account("reza_7").await.done().unwrap().unwrap();
    assert_eq!(started.status, AccountStatus::Active);
    assert_eq!(started.expire_at, Some(now() + time::Duration::days(1)));
}

#[tokio::test]
async fn a_next_plan_survives_switching_off_and_on() {
    let (simulator, client, _) = start().await;
    assert!(client.create_account(&order(7), Attempt::First).await.done().is_some());
    let plan = NextPlan { data_limit: 5000, expire: None, add_remaining_traffic: true, fire_on_either: true };
    assert!(simulator.mutate("reza_7", |user| user.next_plan = Some(plan.clone())));
    for enabled in [false, true] {
        assert!(client.set_enabled("reza_7", enabled).await.done().is_some());
        assert_eq!(simulator.user("reza_7").unwrap().next_plan, Some(plan.clone()));
    }
}

#[tokio::test]
async fn an_account_without_owner_no_longer_works_when_it_counts_as_deleted() {
    let (simulator, ours, clock) = start().await;
    let environments = client(&simulator, "env", "env-pass", &clock);
    // Ours can own it; the environment's can't, and has to switch it off.
    for (client, is_broken) in [(&ours, false), (&ours, true), (&environments, false), (&environments, true)]
    {
        assert!(environments.create_account(&order(7), Attempt::First).await.done().is_some());
        assert_eq!(simulator.user("reza_7").unwrap().admin, None);
        if is_broken {
            assert!(simulator.mutate("reza_7", |user| user.expire = Some(1_790_000_000_000)));
        }
        assert_eq!(client.delete_account("reza_7").await, Outcome::Done(()));
        assert!(simulator.users().is_empty());
        assert_eq!(simulator.working(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn whatever_is_lost_on_the_way_an_account_without_owner_is_not_deleted_into_a_ghost() {
    let (simulator, ours, clock) = start().await;
    let environments = client(&simulator, "env", "env-pass", &clock);
    for client in [&ours, &environments] {
        for method in [Method::PUT, Method::DELETE] {
            for committed in [false, true] {
                assert!(environments.create_account(&order(7), Attempt::First).await.done().is_some());
                if committed {
                    simulator.drop_after_commit_of(method.clone(), 1);
                } else {
                    simulator.drop_before_work_of(method.clone(), 1);
                }
                let lost = client.delete_account("reza_7").await;
                assert_eq!(lost, Outcome::Unknown(Cause::ConnectionBroken), "{method} {committed}");
                assert_eq!(client.delete_account("reza_7").await, Outcome::Done(()), "{method} {committed}");
                assert_eq!((simulator.users().len(), simulator.working().len()), (0, 0));
            }
        }
    }
}

#[tokio::test]
async fn a_token_is_replaced_when_its_day_is_over_and_survives_a_restart() {
    let (simulator, client, clock) = start().await;
    let sign_ins = || simulator.requests().iter().filter(|r| r.path == "/api/admin/token").count();
    assert_eq!(client.account("reza_7").await, Outcome::Done(None));
    simulator.restart().await.unwrap();
    assert_eq!((client.account("reza_7").await, sign_ins()), (Outcome::Done(None), 1));
    clock.advance(time::Duration::days(1));
    assert_eq!((client.account("reza_7").await, sign_ins()), (Outcome::Done(None), 2));
}
