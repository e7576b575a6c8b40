//! Live changes over real server-sent events: who hears what, and what happens when a connection breaks.

use std::time::Duration;

use rad_panel::{
    ids::UserId,
    money::Toman,
    orders::{
        self, NewOrder,
        changes::{self, By},
    },
    payments,
};
use reqwest::{Method, header::ACCEPT_ENCODING};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    payments::{card, pay},
    support::{Client, TestApp},
};

/// A page that listens.
struct Stream {
    response: reqwest::Response,
    heard: String,
}

impl Stream {
    async fn open(client: &Client) -> Self {
        // As browsers ask: whatever could be compressed would be.
        let request = client.request(Method::GET, "/events").header(ACCEPT_ENCODING, "br");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let header =
            |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        assert_eq!(header("content-type"), "text/event-stream");
        assert_eq!(header("content-encoding"), "", "compression would hold the events back");
        assert_eq!(header("x-accel-buffering"), "no", "and so would nginx");
        assert!(header("cache-control").contains("no-"), "{}", header("cache-control"));
        Self { response, heard: String::new() }
    }

    /// The next event as name and data; `None` when the stream has ended.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            if let Some((event, rest)) = self.heard.split_once("\n\n") {
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap_or_default()
                        .trim()
                        .to_owned()
                };
                let event = (field("event:"), field("data:"));
                self.heard = rest.to_owned();
                if !event.0.is_empty() {
                    return Some(event);
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(15), self.response.chunk()).await;
            let chunk = chunk.expect("something is heard").unwrap()?;
            self.heard.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next change as topic, id and status; asks to look anew are passed over.
    async fn change(&mut self) -> (String, i64, String) {
        loop {
            let (name, data) = self.next().await.expect("the stream goes on");
            if name == "change" {
                let data: serde_json::Value = serde_json::from_str(&data).unwrap();
                assert!(data.get("owner").is_none(), "whose it is stays inside: {data}");
                let text = |key: &str| data[key].as_str().unwrap().to_owned();
                return (text("topic"), data["id"].as_i64().unwrap(), text("status"));
            }
            assert_eq!(name, "resync");
        }
    }

    async fn next_resync(&mut self) {
        while self.next().await.expect("the stream goes on").0 != "resync" {}
    }

    async fn is_silent(&mut self) {
        let quiet = tokio::time::timeout(Duration::from_millis(700), async {
            while let Some((name, data)) = self.next().await {
                assert_eq!(name, "resync", "heard {data}");
            }
        });
        quiet.await.expect_err("the stream goes on, without a word");
    }
}

/// Waits until this many instances listen to the database.
async fn until_listening(db: &PgPool, instances: i64) {
    for _ in 0..500 {
        let listening: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'listen%changes%' AND datname = current_database()",
        )
        .fetch_one(db)
        .await
        .unwrap();
        if listening >= instances {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody listens");
}

async fn place(app: &TestApp, buyer: UserId, username: &str) -> i64 {
    let plan = app.plan("ماهانه", 30, Some(30), 90_000).await;
    let new = NewOrder {
        buyer,
        plan,
        price_seen: Toman(90_000),
        username,
        alias: "",
        note: "",
        on_hold: false,
        request_id: Uuid::new_v4(),
    };
    orders::place(&app.db, &new, app.clock.now()).await.unwrap().0
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admin_hears_of_everything_and_an_agent_of_her_own_on_every_instance(db: PgPool) {
    let mut app = TestApp::start(db).await;
    app.listen();
    let elsewhere = app.second_instance().await;
    until_listening(&app.db, 2).await;
    card(&app.db, "ملی").await;
    for agent in [app.reza, app.mina] {
        app.give_credit(agent, 500_000).await;
    }
    let sara = app.signed_in("sara").await;
    let (reza, mina) = (app.signed_in("reza").await, app.signed_in("mina").await);
    let mut admin = Stream::open(&sara).await;
    let mut admin_elsewhere = Stream::open(&sara.at(elsewhere)).await;
    let mut of_reza = Stream::open(&reza.at(elsewhere)).await;
    let mut of_mina = Stream::open(&mina).await;

    let payment = pay(&app, app.reza, 50_000).await;
    payments::approve(&app.db, payment, app.sara, Default::default(), app.clock.now()).await.unwrap();
    let order = place(&app, app.mina, "of_mina").await;
    app.run_jobs().await;

    let change = |topic: &str, id, status: &str| (topic.to_owned(), id, status.to_owned());
    let of_payment = [change("payment", payment.0, "PENDING"), change("payment", payment.0, "APPROVED")];
    let of_order = [change("order", order, "PROVISIONING"), change("order", order, "ACTIVE")];
    for expected in of_payment.iter().chain(&of_order) {
        assert_eq!(&admin.change().await, expected);
        assert_eq!(&admin_elsewhere.change().await, expected);
    }
    for (payment, order) in of_payment.iter().zip(&of_order) {
        assert_eq!(&of_reza.change().await, payment);
        assert_eq!(&of_mina.change().await, order);
    }
    of_reza.is_silent().await;
    of_mina.is_silent().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_done_with_an_account_is_heard_of_as_of_its_order(db: PgPool) {
    let mut app = TestApp::start(db).await;
    app.listen();
    until_listening(&app.db, 1).await;
    app.give_credit(app.reza, 500_000).await;
    let order = place(&app, app.reza, "of_reza").await;
    app.run_jobs().await;
    let mut of_reza = Stream::open(&app.signed_in("reza").await).await;
    let mut of_mina = Stream::open(&app.signed_in("mina").await).await;
    let by = By::Owner(app.reza.into());
    let now = app.clock.now();
    changes::revoke(&app.db, order.into(), by, Uuid::new_v4(), now).await.unwrap();
    let change = |status: &str| ("order".to_owned(), order, status.to_owned());
    assert_eq!(of_reza.change().await, change("WAITING"));
    app.run_jobs().await;
    assert_eq!(of_reza.change().await, change("DONE"));
    of_mina.is_silent().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_rolled_back_or_changes_no_status_is_not_heard_of(db: PgPool) {
    let mut app = TestApp::start(db).await;
    app.listen();
    until_listening(&app.db, 1).await;
    app.give_credit(app.reza, 500_000).await;
    let order = place(&app, app.reza, "quiet_one").await;
    let mut stream = Stream::open(&app.signed_in("reza").await).await;
    let mut tx = app.db.begin().await.unwrap();
    sqlx::query("UPDATE orders SET status = 'ACTIVE'").execute(&mut *tx).await.unwrap();
    tx.rollback().await.unwrap();
    sqlx::query("UPDATE orders SET note = 'other' WHERE id = $1").bind(order).execute(&app.db).await.unwrap();
    stream.is_silent().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn after_a_lost_connection_pages_are_told_to_look_anew_and_hear_again(db: PgPool) {
    let mut app = TestApp::start(db).await;
    app.listen();
    until_listening(&app.db, 1).await;
    app.give_credit(app.reza, 500_000).await;
    let mut stream = Stream::open(&app.signed_in("reza").await).await;
    let killed: Vec<bool> = sqlx::query_scalar(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE query ILIKE 'listen%changes%' AND datname = current_database()",
    )
    .fetch_all(&app.db)
    .await
    .unwrap();
    assert_eq!(killed, [true]);
    // Told once listening has begun again: before that, looking anew would find no database and miss the rest.
    stream.next_resync().await;
    until_listening(&app.db, 1).await;
    let order = place(&app, app.reza, "after_the_break").await;
    assert_eq!(stream.change().await, ("order".to_owned(), order, "PROVISIONING".to_owned()));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn streams_end_when_the_panel_closes_and_none_begins_after(db: PgPool) {
    let app = TestApp::start(db).await;
    let reza = app.signed_in("reza").await;
    let mut before = Stream::open(&reza).await;
    app.state.live.close();
    assert_eq!(before.next().await, None);
    let mut after = Stream::open(&reza).await;
    assert_eq!(after.next().await, None, "a page that asks while the panel closes holds nothing up");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_stranger_is_led_to_sign_in_and_hears_nothing(db: PgPool) {
    let app = TestApp::start(db).await;
    let answer = app.stranger().get("/events").await.expect(303);
    assert_eq!(answer.location(), "/login?next=/events");
    let client = app.signed_in("reza").await;
    client.post("/sign-out", &[]).await.expect(303);
    client.get("/events").await.expect(303);
}
