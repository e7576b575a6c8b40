//! The ways out: through the proxies of the settings, and by TLS to a server whose authority is trusted or is not.

use std::process::Command;

use rad_panel::{
    config::{Config, Values},
    notices::Couriers,
};
use sqlx::PgPool;

use super::{deliver, link, outcomes, tell_admins, with_bot, with_mail_of};
use crate::{
    marzban::proxies::socks_proxy,
    support::{Authority, MailSecurity, MailServer, Relay, TestApp},
};

/// Names the file with the authorities that the process trusts.
const TRUSTED: &str = "SSL_CERT_FILE";

fn host(url: &str) -> &str {
    url.strip_prefix("http://").unwrap()
}

/// The couriers that these settings make.
fn couriers(proxy: &str) -> Couriers {
    let values = [
        ("DATABASE_URL", "postgres://localhost/none"),
        ("MARZBAN_URL", "http://localhost:1"),
        ("MARZBAN_USERNAME", "root"),
        ("MARZBAN_PASSWORD", "x"),
        ("HTTP_PROXY", proxy),
    ];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Couriers::new(&Config::from_values(&Values::read(values, None).unwrap()).unwrap())
}

async fn with_api(app: &TestApp, api: &str) {
    sqlx::query("UPDATE notice_settings SET telegram_api = $1").bind(api).execute(&app.db).await.unwrap();
    link(app, app.sara, "TELEGRAM", "77").await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_message_goes_through_the_http_proxy_with_its_credentials(db: PgPool) {
    let mut app = TestApp::start(db).await;
    let bot = with_bot(&app).await;
    let relay = Relay::start(host(&bot.url)).await;
    app.state = app.state.clone().with_couriers(couriers(&format!("http://ali:secret@{}", relay.address)));
    with_api(&app, "http://telegram.test").await;
    tell_admins(&app, "یک").await;
    deliver(&app).await;
    assert_eq!(bot.take_sent().len(), 1);
    let head = &relay.heads()[0];
    assert!(head.starts_with("post http://telegram.test/bot"), "{head}");
    assert!(head.contains("proxy-authorization: basic ywxponnly3jlda=="), "{head}");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_message_goes_through_a_socks_proxy_that_looks_up_the_name(db: PgPool) {
    let mut app = TestApp::start(db).await;
    let bot = with_bot(&app).await;
    let (proxy, asked) = socks_proxy(host(&bot.url).to_owned()).await;
    app.state = app.state.clone().with_couriers(couriers(&format!("socks5h://ali:p%C3%A4%3Ass@{proxy}")));
    with_api(&app, "http://telegram.test").await;
    tell_admins(&app, "یک").await;
    deliver(&app).await;
    assert_eq!(bot.take_sent().len(), 1);
    assert!(asked.lock().unwrap().iter().all(|host| host.contains("telegram.test")), "{asked:?}");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_proxy_that_is_away_is_named_and_the_message_waits(db: PgPool) {
    let mut app = TestApp::start(db).await;
    let bot = with_bot(&app).await;
    let none = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    app.state = app.state.clone().with_couriers(couriers(&format!("http://ali:secret@{none}")));
    with_api(&app, "http://telegram.test").await;
    tell_admins(&app, "یک").await;
    deliver(&app).await;
    assert_eq!((bot.take_sent().len(), outcomes(&app).await), (0, vec![None]));
    let page = app.signed_in("sara").await.get("/admin/settings/notices").await.expect(200);
    let trouble = page.text("#telegram .banner--bad");
    assert!(trouble.contains("پراکسی") && !page.body.contains("secret"), "{trouble}");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_mail_server_with_a_certificate_that_nobody_trusts_gets_no_password(db: PgPool) {
    let app = TestApp::start(db).await;
    for security in [MailSecurity::Starttls, MailSecurity::Tls] {
        let authority = Authority::for_server("127.0.0.1");
        let mail = with_mail_of(&app, MailServer::start_with(security, &authority.acceptor).await).await;
        let sara = app.signed_in("sara").await;
        let test = sara.post("/admin/settings/notices/mail/test", &[("to", "sara@example.com")]).await;
        test.expect(303);
        let told = sara.get("/admin/settings/notices").await.text("#flash .flash--bad");
        assert!(told.contains("امن"), "{security:?}: {told}");
        assert_eq!((mail.sign_ins(), mail.take_letters().len()), (0, 0), "{security:?}");
    }
}

/// Which authorities are trusted is a matter of the whole process: the letters are sent by one of its own.
#[test]
fn letters_go_by_starttls_and_by_tls_to_a_server_of_a_trusted_authority() {
    let folder = tempfile::tempdir().unwrap();
    let own = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "notices::ways::letters_go_by_tls", "--ignored"])
        .env(TRUSTED, folder.path().join("authority.pem"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&[own.stdout, own.stderr].concat()).into_owned();
    assert!(own.status.success() && told.contains("1 passed"), "{told}");
}

#[ignore = "run by the test above, in a process that trusts its authority"]
#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn letters_go_by_tls(db: PgPool) {
    let authority = Authority::for_server("127.0.0.1");
    std::fs::write(std::env::var(TRUSTED).unwrap(), &authority.certificate).unwrap();
    let app = TestApp::start(db).await;
    for security in [MailSecurity::Starttls, MailSecurity::Tls] {
        let mail = with_mail_of(&app, MailServer::start_with(security, &authority.acceptor).await).await;
        let sara = app.signed_in("sara").await;
        sara.post("/admin/settings/notices/mail/test", &[("to", "sara@example.com")]).await.expect(303);
        let page = sara.get("/admin/settings/notices").await;
        assert_eq!(page.count("#flash .flash--bad"), 0, "{security:?}: {}", page.text("#flash"));
        let letters = mail.take_letters();
        assert_eq!((mail.sign_ins(), letters.len()), (1, 1), "{security:?}");
        assert_eq!(letters[0].to, "sara@example.com");
    }
    // The authority is trusted, but its certificate is for another address.
    let other = Authority::for_server("mail.example.com");
    std::fs::write(std::env::var(TRUSTED).unwrap(), &other.certificate).unwrap();
    let mail = with_mail_of(&app, MailServer::start_with(MailSecurity::Tls, &other.acceptor).await).await;
    let sara = app.signed_in("sara").await;
    sara.post("/admin/settings/notices/mail/test", &[("to", "sara@example.com")]).await.expect(303);
    let told = sara.get("/admin/settings/notices").await.text("#flash .flash--bad");
    assert!(told.contains("امن"), "{told}");
    assert_eq!((mail.sign_ins(), mail.take_letters().len()), (0, 0));
}
