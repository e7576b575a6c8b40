//! `deploy/start.sh` with an engine that only writes down what it is told.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use super::{output, project};

/// Says yes to everything, and that the page answers.
const ENGINE: &str = r#"#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in
    *"ps --quiet panel") [ -z "${RUNNING-}" ] || echo container ;;
    *"test -e /tmp/failed") exit 1 ;;
    "image ls"*) [ -z "${IMAGE-}" ] || echo image ;;
    *"exec -T nginx /bin/sh"*) [ -z "${OTHER_SCRIPT-}" ] ;;
esac
"#;

/// Name servers that know the domain of the tests, with an address of IPv6 where there is one.
const NAMES: &str = r#"#!/bin/sh
case "$*" in
    "hosts panel.test") echo "192.0.2.1 panel.test" ;;
    "ahostsv6 panel.test") echo "${AAAA:-::ffff:192.0.2.1} STREAM panel.test" ;;
esac
"#;

/// A server: a copy of `deploy/`, an empty home, and that engine.
struct Server {
    folder: TempDir,
    variables: BTreeMap<&'static str, String>,
}

impl Server {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        output(Command::new("cp").arg("-r").arg(project().join("deploy")).arg(folder.path()));
        let _ = fs::remove_file(folder.path().join("deploy/.env"));
        fs::create_dir(folder.path().join("bin")).unwrap();
        for (name, script) in [("docker", ENGINE), ("getent", NAMES)] {
            let program = folder.path().join("bin").join(name);
            fs::write(&program, script).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let answers = [
            ("DOMAIN", "panel.test".to_owned()),
            ("EMAIL", "sara@panel.test".to_owned()),
            ("MARZBAN_URL", "https://marzban.test:8000".to_owned()),
            ("MARZBAN_USERNAME", "panel".to_owned()),
            ("MARZBAN_PASSWORD", "first $ecret".to_owned()),
            ("RAD_HOME", folder.path().join("home").display().to_string()),
        ];
        Self { folder, variables: answers.into() }
    }

    fn run(&self) -> Output {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        Command::new("bash")
            .arg(self.path("deploy/start.sh"))
            .env_clear()
            .env("PATH", path)
            .env("CALLS", self.path("calls"))
            .envs(&self.variables)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What it says when all is well.
    fn starts(&self) -> String {
        let output = self.run();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refuses(&self, why: &str) {
        let output = self.run();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(why), "{error}");
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// What the engine was told since the last time.
    fn calls(&self) -> String {
        let calls = self.read("calls");
        fs::remove_file(self.path("calls")).unwrap();
        calls
    }
}

/// Only root gives folders away.
fn not_root() -> bool {
    let root = output(Command::new("id").arg("-u")).trim() == "0";
    if !root {
        eprintln!("SKIPPED: deploy/start.sh runs as root only, and this is not root");
    }
    !root
}

fn rights(path: &Path) -> (u32, u32) {
    let metadata = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (metadata.uid(), metadata.mode() & 0o777)
}

#[test]
fn a_first_start_makes_folders_secrets_and_settings() {
    if not_root() {
        return;
    }
    let server = Server::new();
    server.starts();
    for (path, expected) in [
        ("home/uploads", (10_001, 0o750)),
        ("home/backups", (10_001, 0o750)),
        ("home/logs", (10_001, 0o750)),
        ("home/certificates", (101, 0o700)),
        ("home/secrets", (0, 0o700)),
        ("home/secrets/database_password", (10_001, 0o400)),
        ("home/secrets/marzban_password", (10_001, 0o400)),
        ("home/secrets/backup_s3_secret_key", (10_001, 0o400)),
        ("home/secrets/marzban_http_proxy", (10_001, 0o400)),
        ("home/secrets/marzban_https_proxy", (10_001, 0o400)),
        ("deploy/.env", (0, 0o600)),
    ] {
        assert_eq!(rights(&server.path(path)), expected, "{path}");
    }
    assert_eq!(server.read("home/secrets/marzban_password"), "first $ecret");
    assert_eq!(server.read("home/secrets/backup_s3_secret_key"), "", "there is no such store");
    let generated = server.read("home/secrets/database_password");
    assert!(generated.len() == 48 && generated.chars().all(|c| c.is_ascii_hexdigit()), "{generated}");
    let settings = server.read("deploy/.env");
    assert!(
        settings.contains("DOMAIN=panel.test\n")
            && settings.contains("MARZBAN_URL=https://marzban.test:8000\n")
    );
    assert!(!settings.contains("ecret"), "{settings}");
    let calls = server.calls();
    assert!(calls.contains("build --file Dockerfile --tag rad-panel:latest --build-arg POSTGRES_IMAGE=postgres:15-bookworm ..\n"), "{calls}");
    assert!(calls.contains("compose up --detach --no-build --remove-orphans\n"), "{calls}");
}

#[test]
fn a_second_start_asks_for_nothing_and_changes_nothing() {
    if not_root() {
        return;
    }
    let mut server = Server::new();
    server.starts();
    let settings = server.read("deploy/.env") + "PANEL_MEMORY=2g\n";
    fs::write(server.path("deploy/.env"), &settings).unwrap();
    let password = server.read("home/secrets/database_password");
    fs::write(server.path("home/uploads/receipt"), "kept").unwrap();
    server.calls();
    server.variables = [("IMAGE", "yes".to_owned()), ("RUNNING", "yes".to_owned())].into();
    server.starts();
    assert_eq!(server.read("deploy/.env"), settings);
    assert_eq!(server.read("home/secrets/database_password"), password);
    assert_eq!(server.read("home/uploads/receipt"), "kept");
    let calls = server.calls();
    assert!(!calls.contains("build --file") && !calls.contains("stop"), "{calls}");

    server.variables.insert("MARZBAN_PASSWORD", "second".into());
    server.starts();
    assert_eq!(server.read("home/secrets/marzban_password"), "second");
    assert!(server.calls().contains("compose stop panel\n"), "the panel would go on with the old password");

    server.variables.remove("MARZBAN_PASSWORD");
    server.variables.insert("BACKUP_S3_SECRET_KEY", "third".into());
    server.starts();
    assert_eq!(server.read("home/secrets/backup_s3_secret_key"), "third");
    assert_eq!(server.read("home/secrets/marzban_password"), "second");
    assert!(server.calls().contains("compose stop panel\n"), "the panel would go on without the key");
}

#[test]
fn a_proxy_that_an_older_version_kept_for_all_to_see_becomes_a_secret() {
    if not_root() {
        return;
    }
    let mut server = Server::new();
    server.starts();
    let settings = server.read("deploy/.env");
    let older = "MARZBAN_HTTP_PROXY=\nLOG=debug\nMARZBAN_HTTPS_PROXY='http://sara:a$$b@proxy.test:3128'\n";
    fs::write(server.path("deploy/.env"), settings.clone() + older).unwrap();
    for secret in ["http", "https"] {
        fs::remove_file(server.path(&format!("home/secrets/marzban_{secret}_proxy"))).unwrap();
    }
    server.calls();
    server.variables = [("IMAGE", "yes".to_owned()), ("RUNNING", "yes".to_owned())].into();
    server.starts();
    let proxy = "home/secrets/marzban_https_proxy";
    assert_eq!(server.read(proxy), "http://sara:a$b@proxy.test:3128");
    assert_eq!(rights(&server.path(proxy)), (10_001, 0o400));
    assert_eq!(server.read("home/secrets/marzban_http_proxy"), "");
    assert_eq!(server.read("deploy/.env"), settings + "LOG=debug\n");
    assert!(server.calls().contains("compose stop panel\n"), "the panel would go on without the proxy");

    // Nothing is lost by the next start, and another one takes its place.
    server.starts();
    assert_eq!(server.read(proxy), "http://sara:a$b@proxy.test:3128");
    server.variables.insert("MARZBAN_HTTPS_PROXY", "socks5h://proxy.test:1080".into());
    server.starts();
    assert_eq!(server.read(proxy), "socks5h://proxy.test:1080");
    assert!(!server.read("deploy/.env").contains("PROXY"));
}

#[test]
fn nginx_starts_again_where_another_version_brought_another_script() {
    if not_root() {
        return;
    }
    let mut server = Server::new();
    server.starts();
    assert!(!server.calls().contains("restart nginx"));
    server.variables = [("OTHER_SCRIPT", "yes".to_owned())].into();
    server.starts();
    assert!(server.calls().contains("compose restart nginx\n"));
}

#[test]
fn nothing_is_open_over_ipv6_and_a_domain_that_leads_there_is_told_of() {
    if not_root() {
        return;
    }
    let mut server = Server::new();
    assert!(!server.starts().contains("AAAA"));
    let settings = server.read("deploy/.env");
    let ports = "HTTP_PORT=8080\nHTTPS_PORT=127.0.0.1:8443\n";
    fs::write(server.path("deploy/.env"), settings.clone() + ports).unwrap();
    server.variables = [("AAAA", "2001:db8::1".to_owned())].into();
    assert!(server.starts().contains("AAAA"));
    let ports = "HTTP_PORT=0.0.0.0:8080\nHTTPS_PORT=127.0.0.1:8443\n";
    assert_eq!(server.read("deploy/.env"), settings + ports);
    server.starts();
    assert!(server.read("deploy/.env").contains("HTTP_PORT=0.0.0.0:8080\n"));
}

#[test]
fn a_shop_starts_without_an_address_for_the_certificate_authority() {
    if not_root() {
        return;
    }
    let mut server = Server::new();
    server.variables.remove("EMAIL");
    server.starts();
    assert!(server.read("deploy/.env").contains("EMAIL=\n"));
    server.variables = [("EMAIL", "sara@panel.test".to_owned())].into();
    server.starts();
    assert!(server.read("deploy/.env").contains("EMAIL=sara@panel.test\n"), "it may be told later");
}

#[test]
fn nothing_is_started_on_answers_that_cannot_be_right() {
    if not_root() {
        return;
    }
    for (name, value, why) in [
        ("DOMAIN", "https://panel.test", "DOMAIN is missing or malformed"),
        ("DOMAIN", "", "DOMAIN is missing or malformed"),
        ("EMAIL", "nobody", "EMAIL is missing or malformed"),
        ("MARZBAN_URL", "marzban.test", "MARZBAN_URL is missing or malformed"),
        ("MARZBAN_URL", "http://127.0.0.1:8000", "host.docker.internal"),
        ("MARZBAN_PASSWORD", "", "MARZBAN_PASSWORD is missing"),
        ("RAD_HOME", "var", "RAD_HOME must begin with /"),
    ] {
        let mut server = Server::new();
        server.variables.insert(name, value.into());
        server.refuses(why);
        assert!(!server.read("calls").contains(" up "), "{name}={value}");
    }
}

#[test]
fn a_database_whose_password_is_lost_is_not_given_another() {
    if not_root() {
        return;
    }
    let server = Server::new();
    server.starts();
    fs::write(server.path("home/database/PG_VERSION"), "15").unwrap();
    fs::remove_file(server.path("home/secrets/database_password")).unwrap();
    server.refuses("its password is not in");
}
