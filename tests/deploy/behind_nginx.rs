//! The real panel behind the real nginx: what arrives, what is let in, and what people see when something is missing.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

use scraper::{Html, Selector};
use sqlx::PgPool;

use crate::{
    nginx::{DOMAIN, Nginx, Reply},
    output,
    panel::{Panel, free_port},
    pictures,
    support::{PASSWORD, TestApp},
};

/// A port behind which there is no Marzban.
const NO_MARZBAN: &str = "http://127.0.0.1:9";
const MEBIBYTE: usize = 1024 * 1024;

fn shop(db: &PgPool) -> (Panel, Nginx) {
    let panel = Panel::start(db, NO_MARZBAN);
    let nginx = Nginx::start(&panel.address.to_string());
    (panel, nginx)
}

/// Where nobody answers.
fn down() -> Nginx {
    Nginx::start(&format!("127.0.0.1:{}", free_port()))
}

#[track_caller]
fn assert_guarded(reply: &Reply) {
    for (name, value) in [
        ("strict-transport-security", "max-age=31536000"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(reply.header(name), value, "{name}");
    }
    assert!(reply.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(!reply.header("server").contains('/'), "nobody needs to know the version");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn plain_http_leads_to_https_and_there_is_http_2_with_each_guard_once(db: PgPool) {
    let app = TestApp::start(db.clone()).await;
    let (_panel, nginx) = shop(&db);
    let plain =
        Reply::of(nginx.curl().arg(format!("http://{DOMAIN}/login?next=%2Fa")).arg("--head")).expect(301);
    assert_eq!(plain.header("location"), "https://panel.test/login?next=%2Fa");
    // Whatever somebody calls it, it leads to the shop and nowhere else.
    let strange = format!("http://127.0.0.1:{}/x", nginx.http);
    let strange = Reply::of(nginx.curl().args(["--header", "Host: evil.test", &strange])).expect(301);
    assert_eq!(strange.header("location"), "https://panel.test/x");

    let page = nginx.ask("/login", &["--http2", "--compressed"]).expect(200);
    assert_eq!(page.version, "HTTP/2");
    assert_guarded(&page);
    let asset = Html::parse_document(&page.body)
        .select(&Selector::parse("link[rel=stylesheet]").unwrap())
        .map(|link| link.attr("href").unwrap().to_owned())
        .next()
        .unwrap();
    let asset = nginx.ask(&asset, &["--head", "--header", "Accept-Encoding: br"]).expect(200);
    assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(asset.header("content-encoding"), "br");
    assert_eq!(asset.header("strict-transport-security"), "max-age=31536000");
    assert_guarded(&nginx.ask("/no-such-page", &[]).expect(404));
    // The real panel's own clock goes on beside it, so a job may just be running.
    app.prove().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn nobody_outside_sees_how_the_panel_is_inside(db: PgPool) {
    let (_panel, nginx) = shop(&db);
    for path in ["/metrics", "/readyz"] {
        let reply = nginx.ask(path, &[]).expect(404);
        assert!(reply.body.contains("nginx"), "{path} must not even reach the panel");
    }
    nginx.ask("/.rad-panel/page/down.html", &[]).expect(404);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_forged_address_or_request_id_is_not_believed(db: PgPool) {
    let (panel, nginx) = shop(&db);
    let forged = [
        "--header",
        "X-Forwarded-For: 203.0.113.9",
        "--header",
        "X-Request-Id: forged",
        "--interface",
        "127.0.0.2",
    ];
    let form = ["--data", "username=sara&password=wrong&next="];
    let reply = nginx.ask("/login", &[&forged[..], &form[..]].concat());
    let addresses: Vec<String> =
        sqlx::query_scalar("SELECT host(address) FROM login_attempts").fetch_all(&db).await.unwrap();
    assert_eq!(addresses, ["127.0.0.2"], "status {}", reply.status);
    let id = reply.header("x-request-id");
    assert!(id.len() == 32 && id.bytes().all(|c| c.is_ascii_hexdigit()), "{id}");
    let line = fs::read_to_string(nginx.path("access.log")).unwrap();
    assert!(line.contains(id), "the same request has one name everywhere: {line}");
    assert!(panel.log().contains(id), "{}", panel.log());
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_receipt_of_10_mb_arrives_and_a_larger_form_than_the_panels_is_refused_with_a_page(db: PgPool) {
    let app = TestApp::start(db.clone()).await;
    sqlx::query(
        "INSERT INTO payment_methods (type, alias, holder, bank, card_number)
         VALUES ('CARD', 'A', 'Sara', 'Bank', '6037991234567893')",
    )
    .execute(&db)
    .await
    .unwrap();
    let (_panel, nginx) = shop(&db);
    let form = format!("username=reza&password={PASSWORD}&next=");
    nginx.ask("/login", &["--data", &form]).expect(303);

    let mut fields = charge_form(&nginx.ask("/agent/wallet/charge", &["--compressed"]).expect(200));
    fields.retain(|field| !field.starts_with("amount="));
    fields.push("amount=250000".to_owned());
    let picture = pictures::encode(&pictures::noise(1868, 1868), image::ImageFormat::Png);
    assert!((10 * MEBIBYTE - 200_000..=10 * MEBIBYTE).contains(&picture.len()), "{}", picture.len());
    let file = nginx.path("receipt.png");
    fs::write(&file, &picture).unwrap();
    let receipt = format!("receipt=@{};type=image/png", file.display());
    let mut arguments: Vec<&str> = fields.iter().flat_map(|field| ["--form-string", field]).collect();
    arguments.extend(["--form", &receipt]);
    let reply = nginx.ask("/agent/payments", &arguments);
    assert_eq!(reply.status, 303, "{}", reply.body);
    let waiting: i64 =
        sqlx::query_scalar("SELECT count(*) FROM payments WHERE status = 'PENDING' AND amount = 250000")
            .fetch_one(&db)
            .await
            .unwrap();
    assert_eq!(waiting, 1);

    fs::write(&file, vec![0; 64 * MEBIBYTE]).unwrap();
    let refused = nginx.ask("/agent/payments", &arguments).expect(413);
    assert!(refused.body.contains("These files are too large"), "{}", refused.body);
    assert_guarded(&refused);
    app.prove().await;
}

/// The fields of the charge form, as curl takes them.
fn charge_form(page: &Reply) -> Vec<String> {
    let inputs = Selector::parse("form[data-upload] input[name]:not([type=file])").unwrap();
    let page = Html::parse_document(&page.body);
    let fields = page.select(&inputs);
    fields.map(|f| format!("{}={}", f.attr("name").unwrap(), f.attr("value").unwrap_or_default())).collect()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_change_reaches_the_page_through_nginx_at_once(db: PgPool) {
    let app = TestApp::start(db.clone()).await;
    let (_panel, nginx) = shop(&db);
    nginx.ask("/login", &["--data", &format!("username=reza&password={PASSWORD}&next=")]).expect(303);
    until_the_panel_listens(&db).await;
    let mut curl = nginx
        .curl()
        .args(["--no-buffer", "--include", "--header", "Accept-Encoding: br, gzip"])
        .arg(format!("https://{DOMAIN}/events"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(curl.stdout.take().unwrap()).lines().map(Result::unwrap);
    let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    assert!(head.iter().any(|line| line == "content-type: text/event-stream"), "{head:?}");
    for n in 1..=3 {
        let begin = Instant::now();
        sqlx::query("SELECT pg_notify('changes', $1)")
            .bind(format!("payment {} {n} PENDING", app.reza.0))
            .execute(&db)
            .await
            .unwrap();
        let data = lines.find(|line| line.starts_with("data:") && line.contains("payment")).unwrap();
        assert!(data.contains(&format!("\"id\":{n}")), "{data}");
        assert!(begin.elapsed() < Duration::from_secs(5), "held back for {:?}", begin.elapsed());
    }
    curl.kill().unwrap();
    curl.wait().unwrap();
    app.prove().await;
}

async fn until_the_panel_listens(db: &PgPool) {
    let begin = Instant::now();
    loop {
        let listens: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%changes%')",
        )
        .fetch_one(db)
        .await
        .unwrap();
        if listens {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "the panel does not listen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn whoever_tries_to_sign_in_without_end_is_stopped_by_nginx_and_nobody_else_is(db: PgPool) {
    let app = TestApp::start(db.clone()).await;
    let (_panel, nginx) = shop(&db);
    let begin = Instant::now();
    let mut stopped = 0;
    for _ in 0..40 {
        let reply = nginx.ask("/login", &["--data", "username=&password=&next="]);
        if reply.status == 429 && reply.body.contains("Too many attempts") {
            assert_guarded(&reply);
            stopped += 1;
        }
    }
    // 20 at once, one each two seconds, and the first, which none came before.
    let allowed = 21 + begin.elapsed().as_secs() as usize / 2 + 1;
    assert!(stopped >= 40 - allowed && stopped > 0, "{stopped} of 40 were stopped, {allowed} may pass");
    for path in ["/register", "/login/code", "/setup"] {
        // One more may pass each two seconds.
        let is_stopped = (0..5).any(|_| nginx.ask(path, &["--data", "a=b"]).status == 429);
        assert!(is_stopped, "{path} is behind the same fence");
    }
    nginx.ask("/login", &[]).expect(200);
    let elsewhere = nginx.ask("/login", &["--data", "username=&password=&next=", "--interface", "127.0.0.2"]);
    assert!(!elsewhere.body.contains("Too many attempts"), "another address is another person");
    app.prove().await;
}

#[test]
fn a_panel_that_is_down_is_said_to_be_down_to_people_and_to_htmx() {
    let nginx = down();
    let page = nginx.ask("/agent/wallet", &[]).expect(502);
    assert_guarded(&page);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!((page.header("retry-after"), page.header("cache-control")), ("10", "no-store"));
    assert!(page.body.contains("lang=\"fa\"") && page.body.contains("can’t be reached for a moment"));
    let form = nginx.ask("/agent/payments", &["--data", "a=b"]).expect(502);
    assert_eq!(form.body, page.body);

    let part = nginx.ask("/notices/bell", &["--header", "HX-Request: true"]).expect(502);
    assert_eq!((part.header("hx-retarget"), part.header("hx-reswap")), ("#flash", "innerHTML"));
    assert!(part.body.starts_with("<p class=\"flash flash--bad\">") && !part.body.contains("<html"));
}

#[test]
fn the_pages_of_nginx_ask_nobody_else_for_anything() {
    for folder in ["deploy/nginx/pages/page", "deploy/nginx/pages/flash"] {
        let files: Vec<_> =
            fs::read_dir(crate::project().join(folder)).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(files.len() >= 3);
        for file in files {
            let page = fs::read_to_string(&file).unwrap();
            for word in ["http:", "https:", "//", "src=", "url(", "@import", "<script", "<link"] {
                assert!(!page.contains(word), "{} has {word}", file.display());
            }
        }
    }
}

#[test]
fn the_first_start_answers_the_challenge_then_takes_the_certificate_up_and_later_the_next_one() {
    let mut nginx = Nginx::new(&format!("127.0.0.1:{}", free_port()));
    fs::write(nginx.path("acme/.well-known/acme-challenge/token"), "proof").unwrap();
    nginx.use_site("first-start.conf.template");
    nginx.run();
    let challenge = format!("http://{DOMAIN}/.well-known/acme-challenge/token");
    assert_eq!(Reply::of(nginx.curl().arg(&challenge).args(["--insecure"])).expect(200).body, "proof");
    let early = Reply::of(nginx.curl().arg(format!("http://{DOMAIN}/login"))).expect(503);
    assert!(early.body.contains("This panel is not ready yet"), "{}", early.body);
    Reply::of(nginx.curl().args(["--data", "password=x"]).arg(format!("http://{DOMAIN}/login"))).expect(503);

    nginx.make_certificate();
    nginx.use_site("rad-panel.conf.template");
    nginx.reload();
    assert_eq!(Reply::of(nginx.curl().arg(&challenge)).expect(200).body, "proof", "renewals need it as well");
    Reply::of(nginx.curl().arg(format!("http://{DOMAIN}/login"))).expect(301);
    nginx.ask("/login", &[]).expect(502);

    let first = shown_certificate(&nginx);
    nginx.make_certificate();
    nginx.reload();
    assert_ne!(shown_certificate(&nginx), first);
}

/// The digest of the certificate that nginx shows.
fn shown_certificate(nginx: &Nginx) -> String {
    let shell = format!(
        "openssl s_client -connect 127.0.0.1:{} -servername {DOMAIN} </dev/null 2>/dev/null \
         | openssl x509 -noout -fingerprint -sha256",
        nginx.https
    );
    output(std::process::Command::new("sh").args(["-c", &shell]))
}
