//! The owner at the panel's own machine.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, Command, Output, Stdio},
};

use sqlx::PgPool;

use super::{STRONG, make};
use crate::{
    shell::rad_panel,
    support::{Client, PASSWORD, TestApp},
};

/// The program over this panel's database.
fn program(app: &TestApp, folder: &std::path::Path) -> Command {
    let url = std::env::var("DATABASE_URL").unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    let mut command = rad_panel(folder);
    command.env("DATABASE_URL", format!("{server}/{}", app.db.connect_options().get_database().unwrap()));
    command.env("LOG", "warn");
    command
}

async fn run(app: &TestApp, arguments: &[&str], settings: &[(&str, &str)], typed: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(app, folder.path());
    command.args(arguments).envs(settings.iter().copied()).stdin(Stdio::piped());
    let typed = typed.to_owned();
    let output: Output = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
    (output.status.success(), said)
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_code_is_told_while_there_is_no_admin(db: PgPool) {
    let app = TestApp::fresh(db).await;
    let (good, said) = run(&app, &["setup-code"], &[], "").await;
    assert!(good && said.contains("/setup"), "{said}");
    let code = said.trim().rsplit(' ').next().unwrap().to_owned();
    make(&app.stranger(), &code, "sara").await.expect(303);
    let (good, said) = run(&app, &["setup-code"], &[], "").await;
    assert!(!good && said.contains("there is an admin already"), "{said}");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_forgotten_password_is_set_anew_and_what_still_stands_in_the_way_is_said(db: PgPool) {
    let app = TestApp::start(db).await;
    let (good, said) =
        run(&app, &["reset-password", "--username", "sara"], &[], &format!("{STRONG}\n")).await;
    assert!(good && said.contains("has the new password") && !said.contains(STRONG), "{said}");
    let entry = [("username", "sara"), ("password", STRONG), ("next", "")];
    app.stranger().post("/login", &entry).await.expect(303);
    let (good, said) = run(&app, &["reset-password", "--username", "nobody"], &[], "long-enough-1\n").await;
    assert!(!good && said.contains("nobody has the user name"), "{said}");
    let (good, said) = run(&app, &["reset-password", "--username", "sara"], &[], "short\n").await;
    assert!(!good && said.contains("at least 8"), "{said}");
    sqlx::query("UPDATE users SET status = 'DISABLED' WHERE username = 'reza'")
        .execute(&app.db)
        .await
        .unwrap();
    let (good, said) = run(&app, &["reset-password", "--username", "reza"], &[], "long-enough-1\n").await;
    assert!(good && said.contains("disabled"), "{said}");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn marzban_is_checked_from_the_command_line(db: PgPool) {
    let app = TestApp::start(db).await;
    let (url, password) = (app.simulator.base_url(), app.simulator.password().to_owned());
    let settings = |password: &'static str| {
        [("MARZBAN_URL", url.as_str()), ("MARZBAN_USERNAME", "root"), ("MARZBAN_PASSWORD", password)]
    };
    let (good, said) = run(&app, &["check-marzban"], &settings("root-pass-1"), "").await;
    assert_eq!(password, "root-pass-1");
    assert!(good && said.contains("Version: 0.8.4") && said.contains("accounts can be made"), "{said}");
    assert!(said.contains("warning: The links that customers get"), "{said}");
    let (good, said) = run(&app, &["check-marzban"], &settings("not-this-one"), "").await;
    assert!(!good && said.contains("error: Marzban answers, but does not take"), "{said}");
    assert!(!said.contains("not-this-one"));
    app.finish().await;
}

/// Ends with the test, however it ends.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_first_start_without_a_server_goes_on_and_says_so(db: PgPool) {
    let app = TestApp::fresh(db).await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(&app, folder.path());
    command.arg("serve").env("LISTEN", "127.0.0.1:0").env("MARZBAN_URL", "http://127.0.0.1:9");
    command.envs([("MARZBAN_USERNAME", "root"), ("MARZBAN_PASSWORD", "x")]);
    let mut served = Served(command.stderr(Stdio::inherit()).spawn().unwrap());
    let output = served.0.stdout.take().unwrap();
    let line = tokio::task::spawn_blocking(move || {
        // Among the lines of the log.
        let mut lines = BufReader::new(output).lines().map(Result::unwrap);
        lines.find(|line| line.contains("/setup")).unwrap()
    })
    .await
    .unwrap();
    let told: Vec<&str> = line.split_whitespace().collect();
    let address = told.iter().find_map(|word| word.strip_prefix("http://")?.strip_suffix("/setup")).unwrap();
    let address: SocketAddr = address.parse().unwrap();
    let browser = Client::new(address);
    // Without HTTPS and on loopback the cookie is not Secure.
    assert_eq!(make(&browser, told.last().unwrap(), "sara").await.expect(303).location(), "/admin");
    browser.get("/admin").await.expect(200);
    let part = browser.get_part("/admin/checklist").await.expect(200);
    assert_eq!(part.count("#checklist .need:first-child.need--warn"), 1, "{}", part.body);
    let server = browser.get_part("/admin/server").await.expect(200);
    assert_eq!(server.count("#server .need--bad"), 1, "{}", server.body);
    browser.get("/admin/upkeep").await.expect(200);
    browser.get("/admin/upkeep/server").await.expect(200);
    let entry = [("username", "sara"), ("password", PASSWORD), ("next", "")];
    browser.post("/login", &entry).await.expect(422);
}
