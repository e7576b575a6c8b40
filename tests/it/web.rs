//! The base of all handlers, tried on routes of our own inside of the panel's very layers.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

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
use reqwest::{
    Method,
    header::{ACCEPT_ENCODING, CONTENT_TYPE},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tower_sessions::Session;

use crate::support::{Answer, Client, Part, TestApp};

/// The largest file of `/test/upload`, and the largest body of that route, bytes.
const MAX_FILE: usize = 100_000;
const MAX_BODY: usize = 400_000;

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
    let router: Router = app::router_of(doors, app.state.clone(), false, Duration::from_millis(800)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    // The runtime of the test ends with the test, and takes the server with it.
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    address
}

async fn start(db: PgPool) -> (TestApp, Client) {
    let app = TestApp::start(db).await;
    let client = app.stranger().at(serve(&app).await);
    (app, client)
}

fn values(answer: &Answer) -> BTreeMap<String, String> {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no fields: {}", answer.body))
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn both_encodings_of_a_form_read_the_same(db: PgPool) {
    let (_app, client) = start(db).await;
    let typed = [("name", "سارا & رضا"), ("note", "a=b+c%20"), ("empty", "")];
    let expected = pairs(typed);
    assert_eq!(values(&client.post("/test/form", &typed).await.expect(200)), expected);
    let parts = typed.map(|(name, value)| Part::Field(name, value));
    assert_eq!(values(&client.post_multipart("/test/form", &parts).await.expect(200)), expected);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_file_is_missing_taken_or_too_large_and_the_fields_around_it_stay(db: PgPool) {
    let (_app, client) = start(db).await;
    let file = vec![7; MAX_FILE + 1];
    let around = |file: Option<(&'static str, Vec<u8>)>| {
        let client = client.clone();
        async move {
            let mut parts = vec![Part::Field("before", "1")];
            if let Some((name, bytes)) = &file {
                parts.push(Part::File("receipt", name, "image/png", bytes));
            }
            parts.push(Part::Field("after", "2"));
            client.post_multipart("/test/upload", &parts).await.expect(200).body
        }
    };
    for (sent, expected) in [
        (None, json!("missing")),
        // What browsers send when no file was chosen.
        (Some(("", Vec::new())), json!("missing")),
        (Some(("r.png", vec![1; 10])), json!(10)),
        (Some(("r.png", file[1..].to_vec())), json!(MAX_FILE)),
        (Some(("r.png", file.clone())), json!("too large")),
    ] {
        let body: Value = serde_json::from_str(&around(sent).await).unwrap();
        assert_eq!(body, json!({ "fields": { "before": "1", "after": "2" }, "file": expected }));
    }
    let answer = client.post("/test/upload", &[("after", "2")]).await.expect(200);
    assert!(answer.body.contains("missing"), "a form without file is a form: {}", answer.body);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn more_than_the_route_takes_gets_the_page_that_says_so(db: PgPool) {
    let (_app, client) = start(db).await;
    let huge = vec![1; MAX_BODY + 10_000];
    let answer =
        client.post_multipart("/test/upload", &[Part::File("receipt", "r.png", "image/png", &huge)]).await;
    assert!(answer.expect(413).text("h1").contains("حجم"));
    // A form without file has its own, smaller limit, and a single field one smaller still.
    let long = "x".repeat(70_000);
    assert!(client.post("/test/form", &[("note", &long)]).await.expect(413).text("h1").contains("حجم"));
    let field = "x".repeat(9_000);
    client.post("/test/form", &[("note", &field)]).await.expect(413);
    client.post_multipart("/test/form", &[Part::Field("note", &field)]).await.expect(413);
    let request = client.request(Method::POST, "/test/upload").header("hx-request", "true");
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(huge);
    let answer = client.send(request).await.expect(413);
    assert_eq!((answer.header("hx-retarget"), answer.count(".flash")), ("#flash", 1));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn bytes_that_are_no_text_break_nothing(db: PgPool) {
    let (_app, client) = start(db).await;
    let send = async |content_type: &str, body: &[u8]| {
        let request = client.request(Method::POST, "/test/form").header(CONTENT_TYPE, content_type);
        client.send(request.body(body.to_vec())).await
    };
    let urlencoded = "application/x-www-form-urlencoded";
    let multipart = "multipart/form-data; boundary=b";
    let answer = send(urlencoded, b"name=%FF%FE&other=%zz&%F0=1").await.expect(200);
    assert_eq!(values(&answer)["other"], "%zz");
    let head = b"--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n";
    let answer = send(multipart, &[head, b"\xFFabc\r\n--b--\r\n".as_slice()].concat()).await.expect(200);
    assert_eq!(values(&answer)["name"], "\u{FFFD}abc");
    for (content_type, body) in [
        (multipart, b"no boundary here".as_slice()),
        (multipart, head.as_slice()),
        ("multipart/form-data", b"--b--".as_slice()),
        ("application/json", b"{}".as_slice()),
        ("", b"name=1".as_slice()),
    ] {
        let answer = send(content_type, body).await;
        assert_eq!(answer.status, 400, "{content_type}: {}", answer.body);
        assert_eq!(answer.count("h1"), 1);
    }
    // PostgreSQL holds no NUL byte: a bad request, and no failure of ours.
    let form = [("username", "re\0za"), ("password", "not-the-password"), ("next", "")];
    client.post("/login", &form).await.expect(400);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_was_typed_when_the_session_ended_waits_on_its_own_page(db: PgPool) {
    let (app, client) = start(db).await;
    let login = [("username", "reza"), ("password", crate::support::PASSWORD), ("next", "")];
    client.post("/login", &login).await.expect(303);
    sqlx::query("UPDATE sign_ins SET ended_at = now(), end_reason = 'SIGNED_OUT'")
        .execute(&app.db)
        .await
        .unwrap();
    let typed = [
        ("amount", "۵۰٬۰۰۰"),
        ("note", "کارت سارا"),
        ("password", "secret-1"),
        ("new_password", "secret-2"),
        ("request_id", "0190f3a0-0000-7000-8000-000000000000"),
    ];
    let answer = client.post_from("/test/draft?plan=3", "/test/draft", &typed).await.expect(303);
    assert_eq!(answer.location(), "/login?next=/test/draft?plan=3");
    let kept: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT data FROM web_sessions").fetch_all(&app.db).await.unwrap();
    assert!(
        !kept.iter().any(|data| data.windows(6).any(|window| window == b"secret")),
        "no password is kept"
    );

    client.post("/login", &login).await.expect(303);
    assert!(values(&client.get("/test/other").await.expect(200)).is_empty(), "not on another page");
    let expected = pairs([("amount", "۵۰٬۰۰۰"), ("note", "کارت سارا")]);
    assert_eq!(values(&client.get("/test/draft?plan=3").await.expect(200)), expected);
    assert!(values(&client.get("/test/draft?plan=3").await.expect(200)).is_empty(), "and only once");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_was_typed_beside_a_photo_is_kept_without_the_photo(db: PgPool) {
    let (app, client) = start(db).await;
    let photo = vec![0xFF; 1_500_000];
    let form = [
        Part::Field("amount", "50000"),
        Part::File("receipt", "r.jpg", "image/jpeg", &photo),
        Part::Field("note", "after the photo"),
    ];
    let answer = client.post_multipart("/test/draft", &form).await.expect(303);
    assert_eq!(answer.location(), "/login?next=/", "without a Referer it is kept for nowhere in particular");
    let size: i32 =
        sqlx::query_scalar("SELECT max(length(data)) FROM web_sessions").fetch_one(&app.db).await.unwrap();
    assert!((50..2_000).contains(&size), "the fields are kept and the photo is not: {size} bytes");
    // More text than any form of ours holds is not kept for a stranger.
    let fresh = app.stranger().at(serve(&app).await);
    let field = "x".repeat(8_000);
    let long: Vec<(&str, &str)> = ["a", "b", "c"].map(|name| (name, field.as_str())).to_vec();
    fresh.post_from("/test/draft", "/test/draft", &long).await.expect(303);
    assert_eq!(fresh.cookie("session"), None);
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
    let login = [("username", "reza"), ("password", crate::support::PASSWORD), ("next", "")];
    client.post("/login", &login).await.expect(303);
    let mut stream = client.request(Method::GET, "/events").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    tokio::time::timeout(Duration::from_secs(2), stream.chunk())
        .await
        .expect_err("open and silent after 2 s");
    app.state.live.close();
    let end = tokio::time::timeout(Duration::from_secs(2), stream.chunk()).await.expect("it ends now");
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
