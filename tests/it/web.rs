//! The base of all handlers, tried on routes of our own inside of the panel's very layers.

mod typing;

use std::{net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    response::{Html, IntoResponse as _},
    routing::{get, post},
};
use rad_panel::{
    app::{self, Doors},
    web::{AppError, AppState, Fields, client::ClientAddress, drafts, forms, forms::UploadedFile},
};
use reqwest::{Method, header::ACCEPT_ENCODING};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tower_sessions::Session;

use crate::support::{Client, PASSWORD, Part, TestApp};

/// The largest file of `/test/upload`, and the largest body of that route, bytes.
const MAX_FILE: usize = 100_000;
const MAX_BODY: usize = 400_000;

/// How long an answer may take here.
const PAGE_TIME: Duration = Duration::from_secs(2);

fn shown(fields: &Fields) -> Value {
    json!(fields.clone().into_values())
}

async fn upload(request: Request) -> Result<Json<Value>, AppError> {
    let upload = forms::read(request, &(), MAX_FILE).await?;
    let file = match upload.file {
        UploadedFile::Missing => json!("missing"),
        UploadedFile::TooLarge => json!("too large"),
        UploadedFile::Bytes(bytes) => json!(bytes.len()),
    };
    Ok(Json(json!({ "fields": shown(&upload.fields), "file": file })))
}

async fn draft(session: Session, request: Request) -> Result<Json<Value>, AppError> {
    Ok(Json(shown(&drafts::take(&session, request.uri().path()).await?)))
}

async fn failing_query(State(app): State<AppState>) -> Result<(), AppError> {
    sqlx::query("SELECT secret_column FROM no_such_table").execute(&app.db).await?;
    Ok(())
}

fn panicking() -> &'static str {
    panic!("the secret of the panic")
}

/// The panel with the routes of these tests.
async fn serve(app: &TestApp) -> SocketAddr {
    let mut doors = Doors::all();
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        "late"
    };
    doors.public = doors
        .public
        .route("/test/form", post(async |form: Fields| Json(shown(&form))))
        .route("/test/upload", post(upload).layer(DefaultBodyLimit::max(MAX_BODY)))
        .route("/test/address", get(async |ClientAddress(address): ClientAddress| address.to_string()))
        .route("/test/page", get(async || Html("سلام! ".repeat(2_000))))
        .route("/test/panic", get(async || panicking()))
        .route("/test/query", get(failing_query))
        .route("/test/slow", get(slow).post(slow));
    doors.member =
        doors.member.route("/test/draft", get(draft).post(async || "taken")).route("/test/other", get(draft));
    let router: Router = app::router_of(doors, app.state.clone(), false, PAGE_TIME).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<rad_panel::web::client::Peer>();
    // The runtime of the test ends with the test, and takes the server with it.
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    address
}

async fn start(db: PgPool) -> (TestApp, Client) {
    let app = TestApp::start(db).await;
    let client = app.stranger().at(serve(&app).await);
    (app, client)
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn strange_preferences_are_the_default(db: PgPool) {
    let (_app, client) = start(db).await;
    for (language, theme, lang, dir, data_theme) in [
        ("en", "dark", "en", "ltr", "dark"),
        ("fa", "light", "fa", "rtl", "light"),
        ("fa", "system", "fa", "rtl", ""),
        ("xx", "purple", "fa", "rtl", ""),
        ("\"><script>", "\"><script>", "fa", "rtl", ""),
    ] {
        client.set_cookie("language", language);
        client.set_cookie("theme", theme);
        let page = client.get("/login").await.expect(200);
        assert_eq!(
            (page.attribute("html", "lang"), page.attribute("html", "dir")),
            (lang.to_owned(), dir.to_owned())
        );
        assert_eq!(page.attributes("html", "data-theme").concat(), data_theme);
    }
    client.clear_cookies();
    for (name, value) in [("language", "xx"), ("theme", "purple")] {
        client.post("/preferences", &[(name, value), ("back", "/login")]).await.expect(303);
        assert_eq!(client.cookie(name), None, "what is strange is not stored");
    }
    let answer = client.post("/preferences", &[("theme", "dark"), ("back", "https://evil.example")]).await;
    assert_eq!(answer.expect(303).location(), "/");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn only_our_own_proxies_say_where_a_request_comes_from(db: PgPool) {
    let (mut app, client) = start(db).await;
    let address = async |client: &Client, forwarded: &[&str]| {
        let request = client.request(Method::GET, "/test/address");
        let request =
            forwarded.iter().fold(request, |request, value| request.header("x-forwarded-for", *value));
        client.send(request).await.expect(200).body
    };
    for (forwarded, expected) in [
        (&[][..], "127.0.0.1"),
        (&["203.0.113.7"], "203.0.113.7"),
        (&["203.0.113.7, 127.0.0.5"], "203.0.113.7"),
        // What stands left of the first stranger was written by that stranger.
        (&["10.0.0.1, 203.0.113.7"], "203.0.113.7"),
        (&["127.0.0.1, 203.0.113.7, 127.0.0.9"], "203.0.113.7"),
        (&["10.0.0.1", "203.0.113.7"], "203.0.113.7"),
        (&["unknown, 203.0.113.7"], "203.0.113.7"),
        (&["'; DROP TABLE users, 203.0.113.7"], "203.0.113.7"),
        (&["203.0.113.7, unknown"], "127.0.0.1"),
        (&["unknown"], "127.0.0.1"),
        (&[""], "127.0.0.1"),
        (&["203.0.113.7:51000"], "203.0.113.7"),
        (&["2001:db8::1"], "2001:db8::1"),
        (&["[2001:db8::1]"], "2001:db8::1"),
        (&["[2001:db8::1]:443"], "2001:db8::1"),
        (&["::ffff:203.0.113.7"], "203.0.113.7"),
    ] {
        assert_eq!(address(&client, forwarded).await, expected, "{forwarded:?}");
    }
    app.state.trusted_proxies = Vec::new().into();
    let direct = app.stranger().at(serve(&app).await);
    assert_eq!(address(&direct, &["203.0.113.7"]).await, "127.0.0.1", "without proxies nobody is believed");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn pages_are_compressed_as_the_browser_takes_them(db: PgPool) {
    let (_app, client) = start(db).await;
    // A client that shows what was sent, and decodes nothing by itself.
    let http = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
    let url = client.request(Method::GET, "/test/page").build().unwrap().url().clone();
    let plain = http.get(url.clone()).send().await.unwrap();
    assert!(plain.headers().get("content-encoding").is_none());
    let plain = plain.bytes().await.unwrap();
    for encoding in ["br", "gzip"] {
        let answer = http.get(url.clone()).header(ACCEPT_ENCODING, encoding).send().await.unwrap();
        assert_eq!(answer.headers()["content-encoding"], encoding);
        assert!(answer.headers()["vary"].to_str().unwrap().to_lowercase().contains("accept-encoding"));
        let bytes = answer.bytes().await.unwrap();
        assert!(bytes.len() < plain.len() / 10, "{encoding}: {} of {} bytes", bytes.len(), plain.len());
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn shared_files_come_as_they_were_compressed_beforehand(db: PgPool) {
    let (_app, client) = start(db).await;
    let page = client.get("/login").await.expect(200);
    let css = page.attribute("link[rel=stylesheet]", "href");
    let get = async |encoding: &str| {
        client.send(client.request(Method::GET, &css).header(ACCEPT_ENCODING, encoding)).await.expect(200)
    };
    let (brotli, plain) = (get("br").await, get("identity").await);
    assert_eq!((brotli.header("content-encoding"), plain.header("content-encoding")), ("br", ""));
    assert!(brotli.bytes.len() < plain.bytes.len() / 3);
    assert_eq!(
        brotli.header("content-length"),
        brotli.bytes.len().to_string(),
        "nothing is compressed again"
    );
    for answer in [brotli, plain] {
        assert_eq!(answer.header("vary"), "accept-encoding");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert!(answer.header("set-cookie").is_empty());
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_panic_or_a_failure_gets_an_honest_page_that_leaks_nothing(db: PgPool) {
    let (_app, client) = start(db).await;
    for path in ["/test/panic", "/test/query"] {
        let page = client.get(path).await.expect(500);
        assert!(page.text("h1").contains("خطا"), "{}", page.text("h1"));
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
        let part = client.get_part(path).await.expect(500);
        assert_eq!((part.header("hx-retarget"), part.header("hx-reswap")), ("#flash", "innerHTML"));
        assert_eq!((part.count(".flash"), part.count("main")), (1, 0));
        for answer in [page, part] {
            for secret in ["secret", "no_such_table", "panick", "tests/it", "src/", "sqlx"] {
                assert!(!answer.body.contains(secret), "{path} shows {secret}: {}", answer.body);
            }
        }
    }
    client.get("/login").await.expect(200);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_slow_answer_gets_the_page_that_says_so(db: PgPool) {
    let (_app, client) = start(db).await;
    let page = client.get("/test/slow").await.expect(503);
    assert!(page.text("h1").contains("طول کشید"), "{}", page.body);
    assert_eq!(page.header("retry-after"), "10");
    assert_eq!(client.get_part("/test/slow").await.expect(503).header("hx-retarget"), "#flash");
    // A file over a slow line has more time.
    let began = std::time::Instant::now();
    client.post_multipart("/test/slow", &[Part::File("f", "f.png", "image/png", b"x")]).await.expect(200);
    assert!(began.elapsed() > Duration::from_secs(4));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_stream_of_changes_outlives_the_time_that_a_page_has(db: PgPool) {
    let (app, client) = start(db).await;
    let login = [("username", "reza"), ("password", PASSWORD), ("next", "")];
    client.post("/login", &login).await.expect(303);
    let mut stream = client.request(Method::GET, "/events").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    tokio::time::timeout(PAGE_TIME + Duration::from_secs(1), stream.chunk())
        .await
        .expect_err("open and silent for longer than a page has");
    app.state.live.close();
    let end = tokio::time::timeout(Duration::from_secs(10), stream.chunk()).await.expect("it ends now");
    assert_eq!(end.unwrap(), None);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn every_answer_bears_the_number_of_its_request(db: PgPool) {
    let (_app, client) = start(db).await;
    let css = client.get("/login").await.attribute("link[rel=stylesheet]", "href");
    let mut numbers = Vec::new();
    for path in ["/login", "/nothing", "/test/panic", "/test/slow", "/favicon.ico", &css] {
        let number = client.get(path).await.header("x-request-id").to_owned();
        assert!(number.parse::<uuid::Uuid>().is_ok(), "{path}: {number}");
        numbers.push(number);
    }
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 6, "each its own");
    let request = client.request(Method::GET, "/login").header("x-request-id", "from-nginx");
    assert_eq!(client.send(request).await.header("x-request-id"), "from-nginx");
}

#[tokio::test]
async fn an_error_is_its_status_before_it_is_a_page() {
    for (error, status) in [
        (AppError::NotFound, 404),
        (AppError::Forbidden, 403),
        (AppError::BadRequest("x"), 400),
        (AppError::TooLarge, 413),
        (AppError::Slow, 503),
        (sqlx::Error::PoolTimedOut.into(), 503),
        (sqlx::Error::RowNotFound.into(), 500),
    ] {
        assert_eq!(error.into_response().status().as_u16(), status);
    }
}
