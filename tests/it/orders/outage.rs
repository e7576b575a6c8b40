//! The server is away for a while: what was ordered meanwhile is delivered by itself when it is back.

use std::time::{Duration, Instant};

use rad_panel::{
    calendar::Clock,
    marzban::{self, Settings},
    panel::Reach,
    worker,
};

use super::{Form, PRICE, month};
use crate::support::TestApp;

const ORDERS: usize = 50;

/// Places orders while the server is away for so long, with the real worker and the times of the real panel.
/// Returns how long after the server's return the last one was delivered.
async fn wait_for_delivery(db: sqlx::PgPool, outage: Duration) -> Duration {
    let app = TestApp::start(db).await;
    let mut state = app.state.clone();
    state.clock = Clock::system();
    let simulator = &app.simulator;
    let settings = Settings::new(simulator.base_url(), simulator.username(), simulator.password());
    state.server = marzban::server(&settings, Clock::system()).unwrap();
    let plan = month(&app).await;
    app.give_credit(app.reza, PRICE * ORDERS as i64).await;
    simulator.take_measured_time();
    simulator.down().await;
    let worker = worker::start(&state).await.unwrap();
    for number in 0..ORDERS {
        Form::new(app.reza, plan, &format!("reza_{number}")).send(&app).await.unwrap();
    }
    tokio::time::sleep(outage).await;
    assert!(matches!(state.server.reach(), Reach::Away { .. }));
    simulator.up().await.unwrap();
    let back = Instant::now();
    loop {
        let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM orders WHERE status <> 'ACTIVE'")
            .fetch_one(&app.db)
            .await
            .unwrap();
        if waiting == 0 {
            break;
        }
        assert!(back.elapsed() < Duration::from_secs(60), "{waiting} of {ORDERS} still wait");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = back.elapsed();
    worker.stop().await;
    assert_eq!(simulator.users().len(), ORDERS, "each once");
    app.finish().await;
    took
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn fifty_orders_are_delivered_within_seconds_of_the_servers_return(db: sqlx::PgPool) {
    let took = wait_for_delivery(db, Duration::from_secs(8)).await;
    println!("the last of {ORDERS} orders was delivered {took:.1?} after the server's return");
    assert!(took < Duration::from_secs(30), "{took:?}");
}

/// The pause between probes has grown to its longest by then.
#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
#[ignore = "takes minutes: for measuring"]
async fn fifty_orders_are_delivered_soon_after_a_long_absence(db: sqlx::PgPool) {
    let took = wait_for_delivery(db, Duration::from_secs(75)).await;
    println!("the last of {ORDERS} orders was delivered {took:.1?} after the server's return");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn members_are_told_that_their_orders_wait_safely_and_the_admin_why(db: sqlx::PgPool) {
    let mut app = TestApp::start(db).await;
    let settings = Settings::new("http://127.0.0.1:1", "root", "pass");
    app.state.server = marzban::server(&settings, app.clock.clone()).unwrap();
    let address = app.second_instance().await;
    let reza = app.signed_in("reza").await.at(address);
    let sara = app.signed_in("sara").await.at(address);
    assert_eq!(reza.get("/agent/create-user").await.expect(200).count("#server-away"), 0);
    for _ in 0..5 {
        assert!(app.state.server.account("reza_1").await.done().is_none());
    }
    assert_eq!(reza.get("/agent/create-user").await.expect(200).count("#server-away"), 1);
    let nima = app.signed_in("nima").await.at(address);
    assert_eq!(nima.get("/user").await.expect(200).count("#server-away"), 1);
    let page = sara.get("/admin/upkeep").await.expect(200);
    assert_eq!(page.count("#server-away"), 0);
    assert!(page.text("#held-back").contains("سفارش‌ها منتظر می‌مانند"), "{}", page.text("#server"));
    app.finish().await;
}
