//! Forms as browsers and others send them, and what was typed when the session had run out.

use std::collections::BTreeMap;

use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{MAX_BODY, MAX_FILE, serve, start};
use crate::support::{Answer, PASSWORD, Part};

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
    let field = "x".repeat(25_000);
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
    let login = [("username", "reza"), ("password", PASSWORD), ("next", "")];
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
