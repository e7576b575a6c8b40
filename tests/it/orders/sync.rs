//! The round through all accounts, and how they were used over time.

use std::time::{Duration, Instant};

use rad_panel::{
    demo::simulator::{state::Admin, user::User},
    marzban::{self, Settings},
    orders::{
        history,
        sync::{self, Swept},
    },
    panel::Reach,
};
use sqlx::PgPool;

use super::{Form, PRICE, month};
use crate::support::TestApp;

const GB: i64 = 1 << 30;

/// Accounts `reza_0`, `reza_1` and so on, all with old news.
async fn with_accounts(db: PgPool, count: usize) -> TestApp {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, PRICE * count as i64).await;
    for number in 0..count {
        Form::new(app.reza, plan, &format!("reza_{number}")).send(&app).await.unwrap();
    }
    app.run_jobs().await;
    app.clock.advance(time::Duration::minutes(30));
    app
}

async fn sweep(app: &TestApp) -> Swept {
    sync::sweep(&app.db, &app.state.server, &app.clock).await.unwrap()
}

async fn drift(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar("SELECT username || ' ' || array_to_string(drift, ' ') FROM marzban_users WHERE drift <> '{}' ORDER BY username")
        .fetch_all(&app.db)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn many_accounts_are_read_in_one_list_and_none_twice(db: PgPool) {
    let app = with_accounts(db, 5).await;
    assert!(app.simulator.traffic("reza_3", GB));
    app.simulator.forget_requests();
    assert_eq!(sweep(&app).await, Swept { read: 5, ..Swept::default() });
    let paths: Vec<String> = app.simulator.requests().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/api/users"]);
    assert_eq!(sweep(&app).await, Swept::default(), "all is known");
    let news: (i64, Option<time::OffsetDateTime>) =
        sqlx::query_as("SELECT lifetime_used_bytes, online_at FROM marzban_users WHERE username = 'reza_3'")
            .fetch_one(&app.db)
            .await
            .unwrap();
    assert_eq!(news.0, GB);
    assert!(news.1.is_some());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_poisoned_account_is_named_and_the_others_are_read(db: PgPool) {
    let app = with_accounts(db, 4).await;
    assert!(app.simulator.mutate("reza_1", |user| user.expire = Some(1_790_000_000_000)));
    assert_eq!(sweep(&app).await, Swept { read: 3, drifted: 1, unread: 1 });
    assert_eq!(drift(&app).await, ["reza_1 UNREADABLE"]);
    app.clock.advance(time::Duration::minutes(30));
    let end = app.simulator.user("reza_2").unwrap().expire;
    assert!(app.simulator.mutate("reza_1", |user| user.expire = end));
    assert_eq!(sweep(&app).await.read, 4);
    assert_eq!(drift(&app).await, Vec::<String>::new());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn many_poisoned_accounts_side_by_side_hide_nobody_behind_them(db: PgPool) {
    const POISONED: usize = 6;
    let app = with_accounts(db, POISONED + 2).await;
    for number in 0..POISONED {
        let name = format!("reza_{number}");
        assert!(app.simulator.mutate(&name, |user| user.expire = Some(1_790_000_000_000)));
    }
    assert_eq!(sweep(&app).await, Swept { read: 2, drifted: POISONED, unread: POISONED });
    let named: Vec<String> = (0..POISONED).map(|number| format!("reza_{number} UNREADABLE")).collect();
    assert_eq!(drift(&app).await, named);
    assert_eq!(sweep(&app).await, Swept::default(), "all had their turn");
    assert_eq!(app.state.server.reach(), Reach::Open, "and orders go on being made");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_account_is_missing_only_when_its_own_question_was_answered_so(db: PgPool) {
    let app = with_accounts(db, 4).await;
    // An nginx that knows no such page says nothing about accounts.
    app.simulator.answer(40, axum::http::StatusCode::NOT_FOUND);
    assert_eq!(sweep(&app).await, Swept::default());
    app.simulator.heal();
    app.simulator.answer_500(40);
    assert_eq!(sweep(&app).await, Swept::default());
    app.simulator.heal();
    app.simulator.down().await;
    assert_eq!(sweep(&app).await, Swept::default());
    app.simulator.up().await.unwrap();
    assert_eq!(drift(&app).await, Vec::<String>::new());
    let marzban = &app.state.server;
    assert!(marzban.delete_account("reza_2").await.done().is_some());
    assert_eq!(sweep(&app).await, Swept { read: 3, drifted: 1, unread: 0 });
    assert_eq!(drift(&app).await, ["reza_2 MISSING"]);
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM orders WHERE status = 'ACTIVE'")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!(kept, 4, "nothing is decided");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn our_link_is_kept_until_the_keys_were_changed_elsewhere(db: PgPool) {
    let app = with_accounts(db, 3).await;
    let link = async || -> String {
        sqlx::query_scalar("SELECT subscription_url FROM marzban_users WHERE username = 'reza_0'")
            .fetch_one(&app.db)
            .await
            .unwrap()
    };
    let ours = link().await;
    sweep(&app).await;
    assert_eq!(link().await, ours, "each answer has another one, and ours stays good");
    app.clock.advance(time::Duration::minutes(30));
    let revoked = app.state.server.revoke_subscription("reza_0").await.done().unwrap();
    assert_ne!(revoked.subscription_url, ours);
    app.clock.advance(time::Duration::minutes(30));
    sweep(&app).await;
    let path = |link: &str| link.replace(&app.simulator.base_url(), "");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = async |link: &str| {
        let url = format!("{}{}", app.simulator.base_url(), path(link));
        client.get(url).send().await.unwrap().status().as_u16()
    };
    assert_eq!((status(&ours).await, status(&link().await).await), (404, 200));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn usage_is_kept_by_hour_and_thinned_with_age(db: PgPool) {
    let app = with_accounts(db, 3).await;
    let day = time::Duration::days(1);
    let order: i64 = sqlx::query_scalar("SELECT id FROM orders WHERE marzban_username = 'reza_0'")
        .fetch_one(&app.db)
        .await
        .unwrap();
    // Ten in the morning in Tehran.
    let (start, _) = rad_panel::calendar::day_bounds(app.clock.now() + day);
    app.clock.set(start + time::Duration::hours(10));
    let samples = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM usage_samples").fetch_one(&app.db).await.unwrap()
    };
    for _ in 0..6 {
        assert!(app.simulator.traffic("reza_0", GB));
        sweep(&app).await;
        app.clock.advance(time::Duration::minutes(30));
    }
    assert_eq!(samples().await, 5, "what was known before, and one an hour");
    // A reset on the server is no hole.
    assert!(app.simulator.mutate("reza_0", |user| user.reset()));
    app.clock.advance(day);
    assert!(app.simulator.traffic("reza_0", 2 * GB));
    sweep(&app).await;
    let used = async |days: i32| -> Vec<i64> {
        let owner = app.reza;
        let order = rad_panel::ids::OrderId(order);
        let days = history::days(&app.db, owner, order, days, app.clock.now()).await.unwrap();
        days.iter().map(|day| day.bytes / GB).collect()
    };
    assert_eq!(used(3).await, [0, 6, 2]);
    assert!(
        history::days(&app.db, app.mina, rad_panel::ids::OrderId(order), 3, app.clock.now())
            .await
            .unwrap()
            .is_empty()
    );
    app.clock.advance(day * 4);
    assert_eq!(history::thin(&app.db, app.clock.now()).await.unwrap(), 3, "the last of a day is left");
    assert_eq!(used(7).await, [0, 6, 2, 0, 0, 0, 0]);
    app.clock.advance(day * 100);
    history::thin(&app.db, app.clock.now()).await.unwrap();
    assert!(samples().await <= 2, "and then of a month");

    let reza = app.signed_in("reza").await;
    let page = reza.get(&format!("/agent/users/{order}")).await.expect(200);
    assert_eq!(page.count("#usage-chart"), 0, "nothing was used lately");
    assert!(app.simulator.mutate("reza_0", |user| user.lifetime_used_traffic += 3 * GB));
    sweep(&app).await;
    let page = reza.get(&format!("/agent/users/{order}")).await.expect(200);
    assert_eq!(page.count("#usage-chart rect"), 14);
    assert!(page.text("#usage-chart desc").contains("۳ گیگابایت"), "{}", page.text("#usage-chart desc"));
    app.finish().await;
}

/// Accounts in both, without the orders' money. Returns how long the round took, and the longest run of it.
async fn measure(db: PgPool, count: i64) -> (usize, Duration, Duration) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    let now = app.clock.now();
    sqlx::query(
        "INSERT INTO orders (user_id, plan_id, plan_name, days, data_limit_gb, amount, marzban_username, status,
             request_id, created_at, provisioned_at)
         SELECT $1, $2, 'x', 30, 30, 1, 'acct_' || n, 'ACTIVE', gen_random_uuid(), $3, $3
         FROM generate_series(1, $4) AS n",
    )
    .bind(app.reza.0)
    .bind(plan.0)
    .bind(now)
    .bind(count)
    .execute(&app.db)
    .await
    .unwrap();
    let end = now + time::Duration::days(30);
    sqlx::query(
        "INSERT INTO marzban_users (order_id, username, subscription_url, expire_at, data_limit_bytes, status,
             created_at, last_synced_at)
         SELECT id, marzban_username, 'http://x/sub/1', to_timestamp($2), 32212254720, 'ACTIVE', $1, $1 FROM orders",
    )
    .bind(now)
    .bind(end.unix_timestamp() as f64)
    .execute(&app.db)
    .await
    .unwrap();
    let ids: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, marzban_username FROM orders").fetch_all(&app.db).await.unwrap();
    let admin = Admin::new(app.simulator.username(), "", true);
    for (number, (id, name)) in ids.into_iter().enumerate() {
        let mut user = User::new(&name, Some(&admin.username), now);
        user.note = Some(format!("RAD order #{id}"));
        user.expire = Some(end.unix_timestamp());
        user.data_limit = Some(30 * GB);
        user.lifetime_used_traffic = i64::try_from(number % 2).unwrap() * GB;
        user.used_traffic = user.lifetime_used_traffic;
        app.simulator.put_user(user);
    }
    app.simulator.take_measured_time();
    app.clock.advance(time::Duration::minutes(30));
    let settings =
        Settings::new(app.simulator.base_url(), app.simulator.username(), app.simulator.password());
    let marzban = marzban::server(&settings, app.clock.clone()).unwrap();
    let (began, mut read, mut longest) = (Instant::now(), 0, Duration::ZERO);
    loop {
        let run = Instant::now();
        let swept = sync::sweep(&app.db, &marzban, &app.clock).await.unwrap();
        if swept.read == 0 {
            break;
        }
        assert_eq!((swept.drifted, swept.unread), (0, 0));
        read += swept.read;
        longest = longest.max(run.elapsed());
    }
    (read, began.elapsed(), longest)
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_round_leaves_nobody_out_and_spreads_over_several_runs(db: PgPool) {
    let (read, took, longest) = measure(db, 600).await;
    println!("{read} accounts in {took:.1?}, the longest run {longest:.1?}");
    assert_eq!(read, 600);
    assert!(longest < took / 3, "{longest:?} of {took:?}");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
#[ignore = "takes minutes: for measuring"]
async fn ten_thousand_accounts_are_read(db: PgPool) {
    let (read, took, longest) = measure(db, 10_000).await;
    println!("{read} accounts in {took:.1?}, the longest run {longest:.1?}");
    assert_eq!(read, 10_000);
}
