//! What Prometheus reads, over HTTP.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use rad_panel::{
    ids::UserId,
    jobs::{self, NewJob},
    money::Toman,
    orders,
    scrape::Scrape,
    worker,
};
use serde_json::json;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::support::{Client, S3Server, TestApp};

/// The metrics of a panel, served as in the real one.
pub struct Metrics {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Metrics {
    pub async fn of(app: &TestApp) -> Self {
        let metrics = Scrape::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (address, state) = (metrics.address().unwrap(), app.state.clone());
        let server = tokio::spawn(async move { metrics.serve(state).await.unwrap() });
        Self { address, server }
    }

    async fn text(&self) -> String {
        let answer = Client::new(self.address).get("/metrics").await.expect(200);
        assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        answer.body
    }

    /// Each series with its value.
    pub async fn read(&self) -> BTreeMap<String, f64> {
        let text = self.text().await;
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let read: Vec<(String, f64)> = lines
            .map(|line| line.rsplit_once(' ').unwrap())
            .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
            .collect();
        let (count, map) = (read.len(), BTreeMap::from_iter(read));
        assert_eq!(map.len(), count, "no series stands twice: {text}");
        map
    }
}

async fn place(app: &TestApp, buyer: UserId, username: &str) {
    let plan = app.plan("ماهانه", 30, Some(30), 90_000).await;
    let new = orders::NewOrder {
        buyer,
        plan,
        price_seen: Toman(90_000),
        username,
        alias: "",
        note: "",
        on_hold: false,
        request_id: Uuid::new_v4(),
    };
    orders::place(&app.db, &new, app.clock.now()).await.unwrap();
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn requests_are_counted_by_the_template_of_their_route_and_never_by_their_path(db: PgPool) {
    let app = TestApp::start(db).await;
    let metrics = Metrics::of(&app).await;
    let sara = app.signed_in("sara").await;
    for id in 1..=3 {
        sara.get(&format!("/admin/orders/{id}")).await.expect(404);
    }
    sara.get("/admin").await.expect(200);
    for path in ["/wp-login.php", "/.env", "/admin/nothing"] {
        sara.get(path).await.expect(404);
    }
    sara.send(sara.request("BREW".parse().unwrap(), "/admin")).await;
    for path in ["/healthz", "/readyz"] {
        sara.get(path).await.expect(200);
    }
    let read = metrics.read().await;
    let count = |route: &str, method: &str, status: u16| {
        let labels = format!(r#"{{route="{route}",method="{method}",status="{status}"}}"#);
        read.get(&format!("rad_http_requests_total{labels}")).copied()
    };
    assert_eq!(count("/admin/orders/{id}", "GET", 404), Some(3.0));
    assert_eq!(count("/admin", "GET", 200), Some(1.0));
    assert_eq!(count("/login", "POST", 303), Some(1.0));
    assert_eq!(count("none", "GET", 404), Some(3.0));
    let all = read.keys().map(String::as_str).collect::<Vec<_>>().join("\n");
    for word in ["wp-login", ".env", "BREW", "healthz", "readyz", "orders/1"] {
        assert!(!all.contains(word), "{word} in {all}");
    }
    assert!(all.contains(r#"method="other""#), "{all}");
    let took = r#"rad_http_request_duration_seconds_count{route="/admin/orders/{id}",method="GET"}"#;
    assert_eq!(read.get(took), Some(&3.0));
    assert_eq!(read.get("rad_http_requests_in_flight"), Some(&0.0));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_shops_figures_are_looked_up_and_good_for_ten_seconds(db: PgPool) {
    let app = TestApp::start(db).await;
    app.give_credit(app.reza, 500_000).await;
    app.give_credit(app.mina, -70_000).await;
    place(&app, app.reza, "waiting_one").await;
    let mut tx = app.db.begin().await.unwrap();
    sqlx::query("SET LOCAL session_replication_role = replica").execute(&mut *tx).await.unwrap();
    for minutes in [90, 5] {
        sqlx::query(
            "INSERT INTO payments (user_id, payment_method_id, receipt_id, amount, request_id, created_at)
             VALUES ($1, 1, $2, 50000, $3, $4)",
        )
        .bind(app.reza.0)
        .bind(i64::from(minutes))
        .bind(Uuid::new_v4())
        .bind(app.clock.now() - time::Duration::minutes(minutes.into()))
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    for (task, outcome, hour) in
        [("VERIFICATION", "DONE", 30), ("VERIFICATION", "FAILED", 6), ("WATCH", "DONE", 1)]
    {
        sqlx::query(
            "INSERT INTO scheduled_runs (task, due_at, started_at, finished_at, outcome)
             VALUES ($1, $2, $2, $2 + interval '7 seconds', $3)",
        )
        .bind(task)
        .bind(app.clock.now() - time::Duration::hours(hour))
        .bind(outcome)
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    sqlx::query(
        "INSERT INTO backups (started_at, finished_at, outcome, file_name, size_bytes, sha256)
         VALUES ($1, $1, 'DONE', 'b.tar', 4096, sha256('b'))",
    )
    .bind(app.clock.now() - time::Duration::hours(27))
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    app.clock.advance(time::Duration::minutes(2));

    let metrics = Metrics::of(&app).await;
    let read = metrics.read().await;
    let value = |series: &str| *read.get(series).unwrap_or_else(|| panic!("{series} in {read:?}"));
    let now = app.clock.now().unix_timestamp() as f64;
    let expected = [
        ("rad_database_up", 1.0),
        ("rad_ready", 1.0),
        ("rad_payments_waiting", 2.0),
        ("rad_payments_oldest_waiting_seconds", 92.0 * 60.0),
        ("rad_orders_provisioning", 1.0),
        ("rad_orders_oldest_provisioning_seconds", 120.0),
        ("rad_agents_negative", 1.0),
        ("rad_agents_owed_toman", 70_000.0),
        (r#"rad_queue_jobs{kind="orders.provision",state="due"}"#, 1.0),
        (r#"rad_queue_jobs{kind="orders.change",state="due"}"#, 0.0),
        (r#"rad_queue_oldest_due_seconds{kind="orders.provision"}"#, 120.0),
        (r#"rad_task_last_run_ok{task="VERIFICATION"}"#, 0.0),
        (r#"rad_task_last_run_ok{task="WATCH"}"#, 1.0),
        (r#"rad_task_last_run_duration_seconds{task="WATCH"}"#, 7.0),
        (r#"rad_task_last_success_timestamp_seconds{task="BACKUP"}"#, 0.0),
        ("rad_ledger_check_ok", 0.0),
        ("rad_backup_last_good_size_bytes", 4096.0),
        (r#"rad_vpn_server_reach{state="reachable"}"#, 1.0),
        (r#"rad_vpn_server_reach{state="away"}"#, 0.0),
    ];
    for (series, expected) in expected {
        assert_eq!(value(series), expected, "{series}");
    }
    let ago = |series: &str| (now - value(series)).round();
    let hour = 3600.0;
    assert_eq!(ago("rad_backup_last_good_timestamp_seconds"), 27.0 * hour + 120.0);
    assert_eq!(ago("rad_ledger_check_timestamp_seconds"), 6.0 * hour + 113.0);
    let success = r#"rad_task_last_success_timestamp_seconds{task="VERIFICATION"}"#;
    assert_eq!(ago(success), 30.0 * hour + 113.0);
    assert!(!read.contains_key("rad_backup_last_copied_timestamp_seconds"), "none was copied");
    assert!(!read.contains_key(r#"rad_task_last_run_ok{task="CLEANING"}"#), "it never ran");
    assert!(value("process_resident_memory_bytes") > 1e6 && value("process_open_fds") > 3.0);

    app.run_jobs().await;
    assert_eq!(metrics.read().await["rad_orders_provisioning"], 1.0, "as last read");
    let calls = r#"rad_vpn_server_calls_total{call="create_account",outcome="done"}"#;
    let jobs = r#"rad_jobs_total{kind="orders.provision",outcome="done"}"#;
    let read = metrics.read().await;
    assert!(read[calls] >= 1.0 && read[jobs] >= 1.0, "what is counted is always fresh");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_store_without_a_copy_stands_at_zero_whatever_another_store_has(db: PgPool) {
    const COPIED: &str = "rad_backup_last_copied_timestamp_seconds";
    let mut app = TestApp::start(db).await;
    let store = S3Server::start().await;
    let mut backups = (*app.state.backups).clone();
    backups.offsite = Some(store.config());
    app.state.backups = Arc::new(backups);
    assert_eq!(Metrics::of(&app).await.read().await[COPIED], 0.0);
    let at = app.clock.now() - time::Duration::hours(3);
    let copied = "INSERT INTO backups (started_at, finished_at, outcome, file_name, size_bytes, sha256, copied_at, copied_to)
                  VALUES ($1, $1, 'DONE', $2, 1, sha256('b'), $1, $3)";
    for (name, place) in [("a.tar", "elsewhere".to_owned()), ("b.tar", store.config().place())] {
        let insert = sqlx::query(copied).bind(at).bind(name).bind(&place);
        insert.execute(&app.db).await.unwrap();
        let expected = if place == "elsewhere" { 0.0 } else { at.unix_timestamp() as f64 };
        assert_eq!(Metrics::of(&app).await.read().await[COPIED], expected, "{place}");
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn without_the_database_a_scrape_says_so_and_tells_the_rest(db: PgPool) {
    let app = TestApp::start(db).await;
    let metrics = Metrics::of(&app).await;
    assert!(metrics.read().await.contains_key("rad_payments_waiting"));
    app.db.close().await;
    // What /readyz found is good for a second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let read = metrics.read().await;
    assert_eq!((read["rad_database_up"], read["rad_ready"]), (0.0, 0.0));
    for gone in ["rad_payments_waiting", "rad_ledger_check_ok", "rad_backup_last_good_timestamp_seconds"] {
        assert!(!read.contains_key(gone), "{gone} would look as if all were well");
    }
    assert!(read.contains_key("rad_http_requests_in_flight") && read.contains_key("process_open_fds"));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn while_all_connections_are_taken_the_scrape_gives_up_after_two_seconds(db: PgPool) {
    let app = TestApp::start(db).await;
    let metrics = Metrics::of(&app).await;
    let mut taken = Vec::new();
    for _ in 0..app.db.options().get_max_connections() {
        taken.push(app.db.acquire().await.unwrap());
    }
    let read = metrics.read().await;
    let wait = read["rad_database_pool_wait_seconds"];
    assert!((2.0..4.0).contains(&wait), "{wait}");
    let max = read["rad_database_pool_max_connections"];
    assert_eq!(read[r#"rad_database_pool_connections{state="in_use"}"#], max);
    drop(taken);
    assert!(metrics.read().await["rad_database_pool_wait_seconds"] < 1.0);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn two_panels_of_one_process_tell_each_its_own_shop(db: PgPool) {
    let one = TestApp::start(db.clone()).await;
    let mut two = TestApp::fresh(db).await;
    two.state.server = one.state.server.clone();
    let (first, second) = (Metrics::of(&one).await, Metrics::of(&two).await);
    // Held by the first panel alone.
    let _page = one.state.live.clone();
    let sara = one.signed_in("sara").await;
    let events = sara.request(reqwest::Method::GET, "/events").send().await.unwrap();
    assert_eq!((first.read().await["rad_live_streams"], second.read().await["rad_live_streams"]), (1.0, 0.0));
    drop(events);
    let counted = r#"rad_http_requests_total{route="/events",method="GET",status="200"}"#;
    assert_eq!(first.read().await[counted], second.read().await[counted], "one count for the process");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn jobs_are_counted_by_how_they_end_and_kinds_that_never_ran_stand_at_zero(db: PgPool) {
    let app = TestApp::start(db).await;
    let metrics = Metrics::of(&app).await;
    let read = metrics.read().await;
    for kind in worker::kinds() {
        for outcome in ["done", "retried", "failed"] {
            let series = format!(r#"rad_jobs_total{{kind="{kind}",outcome="{outcome}"}}"#);
            assert!(read.contains_key(&series), "{series}");
        }
    }
    let retried = r#"rad_jobs_total{kind="no.such",outcome="retried"}"#;
    assert!(!read.contains_key(retried));
    let now = app.clock.now();
    let job = NewJob { kind: "no.such", payload: json!({}), unique_key: None, run_at: now };
    jobs::enqueue(&mut app.db.acquire().await.unwrap(), &job, now).await.unwrap();
    app.run_jobs().await;
    assert_eq!(metrics.read().await[retried], 1.0);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn every_kind_of_job_is_known_to_the_worker(db: PgPool) {
    let app = TestApp::start(db).await;
    let now = app.clock.now();
    for kind in worker::kinds() {
        let job = NewJob { kind, payload: json!({}), unique_key: None, run_at: now };
        jobs::enqueue(&mut app.db.acquire().await.unwrap(), &job, now).await.unwrap();
        let job = jobs::claim(&app.db, now).await.unwrap().unwrap();
        let verdict = worker::run(&app.state, &job).await;
        assert!(!format!("{verdict:?}").contains("no room knows"), "{kind}: {verdict:?}");
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn each_series_is_described_and_calls_that_were_held_back_are_counted_apart(db: PgPool) {
    let app = TestApp::start(db).await;
    let metrics = Metrics::of(&app).await;
    app.simulator.down().await;
    for _ in 0..3 {
        let _ = app.state.server.account("nobody").await;
    }
    let text = metrics.text().await;
    let name = |line: &str| line.split([' ', '{']).next().unwrap().to_owned();
    let described: Vec<String> =
        text.lines().filter_map(|line| line.strip_prefix("# HELP ").map(name)).collect();
    for line in text.lines().filter(|line| line.starts_with("rad_")) {
        let full = name(line);
        let known =
            |suffix: &str| full.strip_suffix(suffix).is_some_and(|base| described.iter().any(|d| d == base));
        assert!(["", "_bucket", "_sum", "_count"].into_iter().any(known), "{line} has no HELP");
    }
    let read = metrics.read().await;
    assert!(read[r#"rad_vpn_server_calls_total{call="account",outcome="unknown"}"#] >= 3.0);
    assert!(read[r#"rad_vpn_server_unknowns_total{cause="connect_failed"}"#] >= 3.0, "{text}");
}
