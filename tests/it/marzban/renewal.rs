//! Renewing, resetting and revoking, against the simulator with the real panel's traps.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use rad_panel::{
    calendar::{Clock, Time},
    demo::simulator::{
        Options, Simulator,
        user::{NextPlan, Status, User},
    },
    marzban::{self, Settings},
    panel::{AccountStatus, Cause, End, Field, Outcome, Refusal, Renewal, Reset, Server},
};

use super::panel::now;

const GB: i64 = 1 << 30;
const NAME: &str = "sara_1";

async fn start(change: impl FnOnce(&mut User)) -> (Simulator, Server) {
    let clock = Clock::fixed(now());
    let simulator = Simulator::start(Options::new(clock.clone())).await.unwrap();
    let mut user = User::new(NAME, Some(simulator.username()), now());
    (user.expire, user.data_limit) = (Some(now().unix_timestamp() + 86_400), Some(10 * GB));
    (user.used_traffic, user.lifetime_used_traffic) = (4 * GB, 9 * GB);
    change(&mut user);
    simulator.put_user(user);
    let settings = Settings {
        total_timeout: Duration::from_secs(8),
        retry_for: Duration::from_millis(300),
        ..Settings::new(simulator.base_url(), simulator.username(), simulator.password())
    };
    let client = marzban::server(&settings, clock).unwrap();
    (simulator, client)
}

fn end() -> Time {
    now() + time::Duration::days(31)
}

fn renewal() -> Renewal {
    Renewal { end: End::At(end()), data_limit_bytes: Some(30 << 30), keep_disabled: false }
}

fn next_plan() -> NextPlan {
    NextPlan { data_limit: GB, expire: None, add_remaining_traffic: false, fire_on_either: true }
}

fn asked(simulator: &Simulator, method: Method) -> usize {
    simulator
        .requests()
        .iter()
        .filter(|request| request.method == method && request.path.contains(NAME))
        .count()
}

#[tokio::test]
async fn an_account_in_any_state_works_again_with_its_new_end_and_volume() {
    for status in [Status::Active, Status::Limited, Status::Expired] {
        let (simulator, client) = start(|user| {
            user.status = status;
            user.used_traffic = 10 * GB;
            user.expire = Some(now().unix_timestamp() - 10);
        })
        .await;
        for _ in 0..2 {
            let account = client.renew(NAME, &renewal()).await.done().unwrap();
            assert_eq!(
                (account.status, account.expire_at),
                (AccountStatus::Active, Some(end())),
                "{status:?}"
            );
            assert_eq!((account.data_limit_bytes, account.data_used_bytes), (Some(30 * GB), 0));
            assert_eq!(account.lifetime_used_bytes, 9 * GB);
        }
        simulator.review(simulator.now());
        assert_eq!(simulator.user(NAME).unwrap().status, Status::Active);
    }
}

#[tokio::test]
async fn a_next_plan_survives_but_not_where_it_would_stop_the_panels_clockwork() {
    let (simulator, client) = start(|user| user.next_plan = Some(next_plan())).await;
    client.renew(NAME, &renewal()).await.done().unwrap();
    assert_eq!(simulator.user(NAME).unwrap().next_plan, Some(next_plan()));
    let unlimited = Renewal { data_limit_bytes: None, ..renewal() };
    let account = client.renew(NAME, &unlimited).await.done().unwrap();
    assert_eq!(account.data_limit_bytes, None);
    assert_eq!(simulator.user(NAME).unwrap().next_plan, None);
}

#[tokio::test]
async fn a_reset_does_not_wake_what_is_to_stay_switched_off() {
    let (simulator, client) = start(|user| {
        user.status = Status::Disabled;
        user.next_plan = Some(next_plan());
    })
    .await;
    let account = client.renew(NAME, &Renewal { keep_disabled: true, ..renewal() }).await.done().unwrap();
    assert_eq!((account.status, account.expire_at), (AccountStatus::Disabled, Some(end())));
    let user = simulator.user(NAME).unwrap();
    assert_eq!((user.status, user.used_traffic, user.next_plan), (Status::Disabled, 0, Some(next_plan())));
}

#[tokio::test]
async fn an_account_that_waits_for_its_first_connection_is_not_reset_into_one_without_end() {
    let held = |user: &mut User| {
        (user.status, user.expire, user.on_hold_expire_duration) = (Status::OnHold, None, Some(86_400));
        (user.used_traffic, user.lifetime_used_traffic) = (0, 0);
    };
    let (simulator, client) = start(held).await;
    let renewal = Renewal { end: End::AfterFirstConnection { seconds: 2 * 86_400 }, ..renewal() };
    for _ in 0..2 {
        let account = client.renew(NAME, &renewal).await.done().unwrap();
        assert_eq!((account.status, account.expire_at), (AccountStatus::OnHold, None));
        assert_eq!(account.on_hold_seconds, Some(2 * 86_400));
    }
    assert_eq!(asked(&simulator, Method::POST), 0);
    let (_simulator, client) = start(|user| {
        held(user);
        user.status = Status::Disabled;
    })
    .await;
    let account = client.renew(NAME, &Renewal { keep_disabled: true, ..renewal }).await.done().unwrap();
    assert_eq!((account.status, account.on_hold_seconds), (AccountStatus::Disabled, Some(2 * 86_400)));
    assert!(account.waits_for_connection());
    let account = client.set_enabled(NAME, true).await.done().unwrap();
    assert_eq!((account.status, account.on_hold_seconds), (AccountStatus::OnHold, Some(2 * 86_400)));
}

#[tokio::test]
async fn an_account_without_end_keeps_none() {
    let (_simulator, client) = start(|user| user.expire = None).await;
    let account = client.renew(NAME, &Renewal { end: End::Never, ..renewal() }).await.done().unwrap();
    assert_eq!((account.status, account.expire_at), (AccountStatus::Active, None));
}

#[tokio::test]
async fn a_renewal_broken_off_anywhere_is_unknown_and_the_next_one_ends_it() {
    for (method, committed) in
        [(Method::PUT, false), (Method::PUT, true), (Method::POST, false), (Method::POST, true)]
    {
        let (simulator, client) = start(|_| {}).await;
        if committed {
            simulator.drop_after_commit_of(method.clone(), 1);
        } else {
            simulator.drop_before_work_of(method.clone(), 1);
        }
        assert_eq!(client.renew(NAME, &renewal()).await, Outcome::Unknown(Cause::ConnectionBroken));
        let account = client.renew(NAME, &renewal()).await.done().unwrap();
        assert_eq!((account.expire_at, account.data_used_bytes), (Some(end()), 0), "{method} {committed}");
        assert_eq!(account.status, AccountStatus::Active);
    }
}

#[tokio::test]
async fn a_next_plan_survives_the_lost_answer_to_the_reset_that_drops_it() {
    for committed in [false, true] {
        let (simulator, client) = start(|user| user.next_plan = Some(next_plan())).await;
        if committed {
            simulator.drop_after_commit_of(Method::POST, 1);
        } else {
            simulator.drop_before_work_of(Method::POST, 1);
        }
        assert_eq!(client.renew(NAME, &renewal()).await, Outcome::Unknown(Cause::ConnectionBroken));
        assert_eq!(simulator.user(NAME).unwrap().next_plan, Some(next_plan()), "{committed}");
        let account = client.renew(NAME, &renewal()).await.done().unwrap();
        assert_eq!((account.expire_at, account.data_used_bytes), (Some(end()), 0), "{committed}");
        assert_eq!(simulator.user(NAME).unwrap().next_plan, Some(next_plan()), "{committed}");
    }
}

#[tokio::test]
async fn an_error_is_unknown_and_a_no_to_the_first_request_is_a_no() {
    let (simulator, client) = start(|_| {}).await;
    client.account(NAME).await.done().unwrap();
    simulator.answer_500(1000);
    assert_eq!(client.renew(NAME, &renewal()).await, Outcome::Unknown(Cause::Server5xx));
    simulator.heal();
    simulator.answer(1, StatusCode::IM_A_TEAPOT);
    assert!(matches!(client.renew("nobody_1", &renewal()).await, Outcome::Unknown(_) | Outcome::Refused(_)));
    assert_eq!(client.renew("nobody_1", &renewal()).await, Outcome::Refused(Refusal::NotFound));
    let nothing = Renewal { data_limit_bytes: Some(0), ..renewal() };
    let beyond = Renewal { end: End::At(Time::from_unix_timestamp(250_000_000_000).unwrap()), ..renewal() };
    let never = Renewal { end: End::AfterFirstConnection { seconds: 0 }, ..renewal() };
    simulator.forget_requests();
    for (wrong, field) in [(nothing, Field::DataLimit), (beyond, Field::Validity), (never, Field::Validity)] {
        let refused = Outcome::Refused(Refusal::Invalid { fields: vec![field] });
        assert_eq!(client.renew(NAME, &wrong).await, refused);
    }
    assert!(simulator.requests().is_empty(), "what would break the account is not sent");
    assert_eq!(simulator.user(NAME).unwrap().used_traffic, 4 * GB);
}

#[tokio::test]
async fn a_revoked_link_is_replaced_and_nothing_else_changes() {
    let (simulator, client) = start(|user| {
        user.status = Status::Disabled;
        user.next_plan = Some(next_plan());
    })
    .await;
    let before = simulator.user(NAME).unwrap();
    simulator.drop_after_commit(1);
    assert_eq!(client.revoke_subscription(NAME).await, Outcome::Unknown(Cause::ConnectionBroken));
    let account = client.revoke_subscription(NAME).await.done().unwrap();
    assert!(account.subscription_url.starts_with(&format!("{}/sub/", simulator.base_url())));
    let after = simulator.user(NAME).unwrap();
    assert_ne!(after.proxies, before.proxies);
    assert_eq!(
        (after.status, after.expire, after.next_plan),
        (before.status, before.expire, before.next_plan)
    );
    assert_eq!(client.revoke_subscription("nobody_1").await, Outcome::Refused(Refusal::NotFound));
}

#[tokio::test]
async fn a_volume_begins_anew_once_and_an_ended_account_stays_ended() {
    let reset = Reset { counted_off_bytes: 5 * GB, keep_disabled: false };
    for (before, after) in [
        (Status::Active, AccountStatus::Active),
        (Status::Limited, AccountStatus::Active),
        (Status::Expired, AccountStatus::Expired),
    ] {
        let (simulator, client) = start(|user| {
            user.status = before;
            user.next_plan = Some(next_plan());
        })
        .await;
        let account = client.reset_volume(NAME, &reset).await.done().unwrap();
        assert_eq!((account.status, account.data_used_bytes), (after, 0), "{before:?}");
        assert_eq!((account.lifetime_used_bytes, account.counted_off_bytes()), (9 * GB, 9 * GB));
        assert_eq!(simulator.user(NAME).unwrap().next_plan, Some(next_plan()));
        assert!(simulator.traffic(NAME, GB));
        let again = client.reset_volume(NAME, &reset).await.done().unwrap();
        assert_eq!(again.data_used_bytes, GB, "used since");
        assert_eq!(asked(&simulator, Method::POST), 1);
    }
}

#[tokio::test]
async fn a_volume_that_begins_anew_loses_a_next_plan_that_would_stop_the_panels_clockwork() {
    let (simulator, client) = start(|user| {
        user.data_limit = None;
        user.next_plan = Some(next_plan());
    })
    .await;
    let reset = Reset { counted_off_bytes: 5 * GB, keep_disabled: true };
    let account = client.reset_volume(NAME, &reset).await.done().unwrap();
    assert_eq!(account.status, AccountStatus::Disabled, "it was to stay so");
    assert_eq!(simulator.user(NAME).unwrap().next_plan, None);
    let nobody = client.reset_volume("nobody", &reset).await;
    assert_eq!(nobody, Outcome::Refused(Refusal::NotFound));
}
