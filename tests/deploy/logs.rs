//! What the real panel logs: enough to follow a request to the end, and no secret.

use std::{fs, process::Command, time::Duration};

use serde_json::Value;
use sqlx::PgPool;

use crate::{
    output,
    panel::Panel,
    pictures,
    support::{Client, PASSWORD, Part, TestApp},
};

const PRICE: i64 = 50_000;
const CARD: &str = "6037997512345670";
const WRONG_PASSWORD: &str = "wrong-as-can-be-4711";
const NEW_PASSWORD: &str = "gol-o-bolbol-dar-bagh";
const BOT_TOKEN: &str = "123456789:ABC-def_ghiJKLmnopQRSTuvwxyz0123456";
const TRACKING: &str = "98120045678123";

/// The lines of a log, each of which must be JSON.
fn lines(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// Whether the line, or a span around it, has this value under this name.
fn has(line: &Value, name: &str, value: &str) -> bool {
    let spans = line["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
    std::iter::once(line).chain(spans).any(|part| part[name] == value)
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_request_is_followed_to_its_job_and_to_marzban_and_no_secret_is_logged(db: PgPool) {
    let app = TestApp::start(db.clone()).await;
    let plan = app.plan("month", 30, Some(10), PRICE).await;
    app.give_credit(app.reza, 10 * PRICE).await;
    sqlx::query(
        "INSERT INTO payment_methods (type, alias, holder, card_number) VALUES ('CARD', 'card', 'Sara', $1)",
    )
    .bind(CARD)
    .execute(&db)
    .await
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.log");
    let mut panel = Panel::start_with(
        &db,
        &app.simulator.base_url(),
        &[
            ("SHUTDOWN_DRAIN", "0"),
            ("LOG", "info,rad_panel=trace,sqlx=trace,tower_http=trace,tower_sessions=debug"),
            ("LOG_FORMAT", "json"),
            ("LOG_FILE", file.to_str().unwrap()),
            ("MARZBAN_USERNAME", app.simulator.username()),
            ("MARZBAN_PASSWORD", app.simulator.password()),
        ],
    );
    let sign_in = async |username: &str, password: &str| {
        let client = Client::new(panel.address);
        let form = [("username", username), ("password", password), ("next", "")];
        let status = client.post("/login", &form).await.status;
        (client, status)
    };
    assert_eq!(sign_in("reza", WRONG_PASSWORD).await.1, 422);
    let (reza, status) = sign_in("reza", PASSWORD).await;
    assert_eq!(status, 303);

    // An account: the request stores a job, and the job asks Marzban.
    let page = reza.get("/agent/create-user").await.expect(200);
    let (id, plan) = (page.attribute("input[name=request_id]", "value"), format!("{plan}:{PRICE}"));
    let form =
        [("request_id", id.as_str()), ("plan", &plan), ("username", "reza_1"), ("alias", ""), ("note", "")];
    let ordered = reza.post("/agent/create-user", &form).await.expect(303);
    let request = ordered.header("x-request-id").to_owned();
    let begin = std::time::Instant::now();
    while app.simulator.user("reza_1").is_none() {
        assert!(begin.elapsed() < Duration::from_secs(30), "no account: {}", panel.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let made = app
        .simulator
        .requests()
        .into_iter()
        .find(|arrival| arrival.method == "POST" && arrival.path == "/api/user");
    assert_eq!(made.unwrap().request_id.as_deref(), Some(request.as_str()));

    // A charge, a customer, and a bot.
    let page = reza.get("/agent/wallet/charge").await.expect(200);
    let value = |name: &str| page.attribute(&format!("form[data-upload] input[name={name}]"), "value");
    let receipt = pictures::encode(&pictures::receipt(1), image::ImageFormat::Png);
    let (id, method) = (value("request_id"), value("payment_method_id"));
    let parts = [
        Part::Field("request_id", &id),
        Part::Field("payment_method_id", &method),
        Part::Field("amount", "75000"),
        Part::Field("tracking_number", TRACKING),
        Part::Field("note", ""),
        Part::File("receipt", "receipt.png", "image/png", &receipt),
    ];
    reza.post_multipart("/agent/payments", &parts).await.expect(303);
    let id = uuid::Uuid::new_v4().to_string();
    let form = [
        ("request_id", id.as_str()),
        ("username", "sahar"),
        ("password", NEW_PASSWORD),
        ("phone", "09123456789"),
        ("email", ""),
        ("next", ""),
    ];
    Client::new(panel.address).post("/register", &form).await.expect(303);
    let (sara, _) = sign_in("sara", PASSWORD).await;
    let bot = [("token_password", BOT_TOKEN), ("api", "http://127.0.0.1:9")];
    let told = sara.post("/admin/settings/notices/telegram", &bot).await;
    assert!(told.status < 500, "{}", told.body);
    let session = reza.cookie("__Host-session").unwrap();

    panel.tell_to_stop();
    panel.ended().await;
    let (said, written) = (panel.log(), fs::read_to_string(&file).unwrap());
    for log in [&said, &written] {
        let lines = lines(log);
        assert!(lines.len() > 100, "hardly anything is logged: {log}");
        let of_request: Vec<_> = lines.iter().filter(|line| has(line, "id", &request)).collect();
        let one = |name: &str, value: &str| of_request.iter().any(|line| has(line, name, value));
        assert!(one("path", "/agent/create-user") && one("message", "answered"), "{of_request:?}");
        assert!(one("kind", "orders.provision") && one("message", "job done"), "{of_request:?}");
        assert!(one("call", "create_account"), "{of_request:?}");
        for secret in [
            PASSWORD,
            WRONG_PASSWORD,
            NEW_PASSWORD,
            app.simulator.password(),
            BOT_TOKEN,
            &session,
            CARD,
            TRACKING,
            "$argon2",
            "Bearer ",
        ] {
            let found = log.lines().find(|line| line.contains(secret));
            assert_eq!(found, None, "{secret} is logged");
        }
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_slow_query_is_logged_with_its_text_and_without_what_was_asked_for(db: PgPool) {
    let options = db.connect_options().as_ref().clone();
    let panel = Panel::start_with(&db, "http://127.0.0.1:9", &[("SHUTDOWN_DRAIN", "0")]);
    // Nobody can read the table while this transaction lasts.
    let mut other = <sqlx::PgConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE login_attempts IN ACCESS EXCLUSIVE MODE")
        .execute(&mut other)
        .await
        .unwrap();
    let client = Client::new(panel.address);
    let form = [("username", "a-name-typed"), ("password", WRONG_PASSWORD), ("next", "")];
    let (answer, ()) = tokio::join!(client.post("/login", &form), async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    });
    answer.expect(422);
    let log = panel.log();
    let slow: Vec<&str> = log.lines().filter(|line| line.contains("slow statement")).collect();
    assert!(slow.iter().any(|line| line.contains("login_attempts")), "{log}");
    assert!(!slow.iter().any(|line| line.contains("a-name-typed")), "{slow:?}");
}

#[test]
fn a_log_file_that_cannot_be_written_stops_the_start_and_is_named() {
    let mut serve = Command::new(env!("CARGO_BIN_EXE_rad-panel"));
    serve.arg("serve").env_clear().envs([
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:9/none"),
        ("MARZBAN_URL", "http://127.0.0.1:9"),
        ("MARZBAN_USERNAME", "panel"),
        ("MARZBAN_PASSWORD", "any"),
        ("LOG_FILE", "/dev/null/app.log"),
    ]);
    let ended = serve.output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success() && said.contains("LOG_FILE /dev/null/app.log"), "{said}");
}

#[test]
fn the_health_command_says_no_where_nothing_answers() {
    let mut health = Command::new(env!("CARGO_BIN_EXE_rad-panel"));
    let ended = health.arg("health").env_clear().env("LISTEN", "127.0.0.1:9").output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success() && said.contains("nothing answers on 127.0.0.1:9"), "{said}");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_health_command_tells_what_the_panel_says_of_itself(db: PgPool) {
    let panel = Panel::start(&db, "http://127.0.0.1:9");
    let mut health = Command::new(env!("CARGO_BIN_EXE_rad-panel"));
    health.arg("health").env_clear().env("LISTEN", panel.address.to_string());
    let said: Value = serde_json::from_str(&output(&mut health)).unwrap();
    assert_eq!((&said["ready"], &said["storage"]), (&Value::Bool(true), &Value::Bool(true)));
}
