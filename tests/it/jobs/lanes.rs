//! Who holds up whom: nothing holds up an order.

use std::{sync::Arc, time::Duration};

use rad_panel::{
    jobs::{Job, Verdict},
    money::Toman,
    notices::{self, Kind, Notice, Recipients, Subject},
    orders, worker,
};
use serde_json::json;
use sqlx::PgPool;
use tokio::{net::TcpListener, sync::Mutex};
use uuid::Uuid;

use super::{NewJob, running::eventually, store};
use crate::support::TestApp;

/// A Bot API and a mail server that take every connection and never say a word. The connections are kept in the list.
async fn black_hole(app: &TestApp) -> Arc<Mutex<Vec<tokio::net::TcpStream>>> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let held = Arc::<Mutex<Vec<_>>>::default();
    let keeping = held.clone();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            keeping.lock().await.push(connection);
        }
    });
    sqlx::query(
        "UPDATE notice_settings SET telegram_token = '123456:ABC', telegram_api = $1, smtp_host = '127.0.0.1',
                smtp_port = $2, smtp_security = 'NONE', smtp_sender = 'shop@example.com'",
    )
    .bind(format!("http://127.0.0.1:{port}"))
    .bind(i32::from(port))
    .execute(&app.db)
    .await
    .unwrap();
    held
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_order_is_delivered_at_once_while_no_courier_answers(db: PgPool) {
    let app = TestApp::start(db).await;
    let held = black_hole(&app).await;
    let plan = app.plan("ماهانه", 30, Some(30), 90_000).await;
    app.give_credit(app.mina, 500_000).await;
    for user in [app.sara, app.reza, app.mina, app.nima] {
        for (channel, address) in [("TELEGRAM", "77"), ("EMAIL", "somebody@example.com")] {
            sqlx::query(
                "INSERT INTO notice_channels (user_id, channel, address, linked_at) VALUES ($1, $2, $3, $4)",
            )
            .bind(user.0)
            .bind(channel)
            .bind(format!("{}{address}", user.0))
            .bind(app.clock.now())
            .execute(&app.db)
            .await
            .unwrap();
        }
        for n in 0..3 {
            let kind = if user == app.sara { Kind::BackupFailed } else { Kind::PaymentDecided };
            let data = json!({ "error": n.to_string(), "approved": true, "amount": n });
            let to = if user == app.sara { Recipients::Admins } else { Recipients::User(user) };
            let notice = Notice { to, kind, subject: Subject::Nothing, data, key: None };
            let mut tx = app.db.begin().await.unwrap();
            notices::raise(&mut tx, notice, app.clock.now()).await.unwrap();
            tx.commit().await.unwrap();
        }
    }
    app.clock.advance(time::Duration::minutes(1));
    let worker = worker::start(&app.state).await.unwrap();
    eventually("messages are on their way", async || held.lock().await.len() >= 2).await;
    let now = app.clock.now();
    let new = orders::NewOrder {
        buyer: app.mina,
        plan,
        price_seen: Toman(90_000),
        username: "at_once",
        alias: "",
        note: "",
        on_hold: false,
        request_id: Uuid::new_v4(),
    };
    let order = orders::place(&app.db, &new, now).await.unwrap();
    let delivered = async || {
        let status: String = sqlx::query_scalar("SELECT status FROM orders WHERE id = $1")
            .bind(order.0)
            .fetch_one(&app.db)
            .await
            .unwrap();
        status == "ACTIVE"
    };
    let waiting = tokio::time::timeout(Duration::from_secs(6), eventually("the account is made", delivered));
    waiting.await.expect("a message takes twelve seconds; an order waits for none");
    // The connections end, and so do the deliveries that the worker waits for.
    held.lock().await.clear();
    tokio::time::timeout(Duration::from_secs(30), worker.stop()).await.expect("it stops");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_full_lane_waits_for_its_own_slots_and_loses_nothing(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    // Two copies at a time would be one too many.
    for number in 0..4 {
        let kind = rad_panel::backups::COPY;
        let job = NewJob { kind, payload: json!({ "number": number }), unique_key: None, run_at: now };
        store(&app.db, &job, now).await;
    }
    let (running, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    let run = {
        let most = most.clone();
        move |_: rad_panel::web::AppState, _: Job| {
            let (running, most) = (running.clone(), most.clone());
            async move {
                let beside = {
                    let mut running = running.lock().await;
                    *running += 1;
                    *running
                };
                let mut highest = most.lock().await;
                *highest = beside.max(*highest);
                drop(highest);
                tokio::time::sleep(Duration::from_millis(100)).await;
                *running.lock().await -= 1;
                Verdict::Done
            }
        }
    };
    let began = std::time::Instant::now();
    let background = worker::start_with(&app.state, run);
    eventually("all are finished", async || super::running::finished(&app.db).await == 4).await;
    assert_eq!(*most.lock().await, 1);
    assert!(began.elapsed() < Duration::from_secs(3), "a slot that is given back is taken at once");
    background.stop().await;
    app.finish().await;
}
