//! The real thing, where a Docker engine is reachable: the image is built, `deploy/start.sh` brings a shop up from
//! nothing, and it is treated as a server treats it.

use std::{
    fs,
    io::Write,
    os::unix::fs::{MetadataExt, chown},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{output, project, text, works, yaml};

const DOMAIN: &str = "panel.test";

/// Why this machine can't do it, said on standard error as well.
fn missing() -> Option<String> {
    let docker = |arguments: &[&str]| works(Command::new("docker").args(arguments));
    let mut why = None;
    if !docker(&["version"]) {
        why = Some("no Docker engine is reachable".to_owned());
    } else if output(Command::new("id").arg("-u")).trim() != "0" {
        why = Some("deploy/start.sh runs as root only, and this is not root".to_owned());
    } else {
        for image in images() {
            if !docker(&["image", "inspect", &image]) && !docker(&["pull", "--quiet", &image]) {
                why = Some(format!("the image {image} is not here and can't be fetched"));
            }
        }
    }
    if let Some(why) = &why {
        eprintln!("SKIPPED: the image was NOT built and the Compose file NOT started: {why}");
    }
    why
}

/// The images of others that this takes.
fn images() -> Vec<String> {
    let compose = yaml(&text("deploy/compose.yaml"));
    let services = compose["services"].as_object().unwrap();
    let defaults = services.iter().filter(|(name, _)| *name != "panel").map(|(_, service)| {
        let image = service["image"].as_str().unwrap();
        image.split_once(":-").unwrap().1.trim_end_matches('}').to_owned()
    });
    defaults.chain(["debian:bookworm-slim".to_owned()]).collect()
}

/// A shop in containers; gone with its folder, its containers and its image.
struct Shop {
    folder: TempDir,
    id: u32,
    http: u16,
    https: u16,
}

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        output(Command::new("cp").arg("-r").arg(project().join("deploy")).arg(folder.path()));
        let _ = fs::remove_file(folder.path().join("deploy/.env"));
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { folder, id: std::process::id(), http: free(), https: free() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn image(&self) -> String {
        format!("rad-panel-test:{}", self.id)
    }

    /// A command in `deploy/`, with what its owner has set.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path("deploy"))
            .env("DOMAIN", DOMAIN)
            .env("EMAIL", "sara@panel.test")
            .env("MARZBAN_URL", "http://host.docker.internal:9")
            .env("MARZBAN_USERNAME", "panel")
            .env("MARZBAN_PASSWORD", "secret")
            .env("RAD_HOME", self.path("home"))
            .env("ACME_SERVER", "none")
            .env("HTTP_PORT", format!("127.0.0.1:{}", self.http))
            .env("HTTPS_PORT", format!("127.0.0.1:{}", self.https))
            .env("NETWORK", format!("172.31.{}", 100 + self.id % 100))
            .env("COMPOSE_PROJECT_NAME", format!("radpaneltest{}", self.id))
            .env("RAD_PANEL_IMAGE", self.image());
        command
    }

    fn compose(&self) -> Command {
        if works(Command::new("docker").args(["compose", "version"])) {
            let mut command = self.command("docker");
            command.arg("compose");
            return command;
        }
        self.command("docker-compose")
    }

    /// The image as `deploy/Dockerfile` makes it, but for the half hour of its first stage: the binary is this test's.
    fn build(&self) {
        let dockerfile = text("deploy/Dockerfile");
        let rest = dockerfile.split_once("FROM ${POSTGRES_IMAGE} AS postgresql").unwrap().1;
        let context = self.path("context");
        fs::create_dir(&context).unwrap();
        fs::write(
            context.join("Dockerfile"),
            format!(
                "ARG BASE_IMAGE=debian:bookworm-slim\nARG POSTGRES_IMAGE=postgres:15-bookworm\n\
                 FROM scratch AS builder\nCOPY rad-panel /out/rad-panel\n\
                 FROM ${{POSTGRES_IMAGE}} AS postgresql{rest}"
            ),
        )
        .unwrap();
        let binary = context.join("rad-panel");
        let stripped =
            works(Command::new("strip").arg("-o").arg(&binary).arg(env!("CARGO_BIN_EXE_rad-panel")));
        if !stripped {
            fs::copy(env!("CARGO_BIN_EXE_rad-panel"), &binary).unwrap();
        }
        output(self.command("docker").args(["build", "--quiet", "--tag", &self.image()]).arg(&context));
    }

    fn start(&self) -> Child {
        let mut start = self.command("bash");
        start.arg("start.sh").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        start.spawn().unwrap()
    }

    /// A command inside of a service's container, without a terminal.
    fn inside(&self, service: &str, command: &[&str]) -> Command {
        let mut compose = self.compose();
        compose.args(["exec", "-T", service]).args(command);
        compose
    }

    /// What `docker inspect` says of a service's container.
    fn inspect(&self, service: &str, format: &str) -> String {
        let container = output(self.compose().args(["ps", "--quiet", service]));
        output(Command::new("docker").args(["inspect", "--format", format, container.trim()]))
            .trim()
            .to_owned()
    }

    /// A self-made certificate where certbot would put its own.
    fn certify(&self) {
        let live = self.path("home/certificates/live").join(DOMAIN);
        fs::create_dir_all(&live).unwrap();
        let (key, chain) = (live.join("privkey.pem"), live.join("fullchain.pem"));
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ]);
        openssl.args(["-subj", "/CN=panel.test", "-addext", "subjectAltName=DNS:panel.test"]);
        output(openssl.arg("-keyout").arg(&key).arg("-out").arg(&chain));
        for path in [live.parent().unwrap(), &live, &key, &chain] {
            chown(path, Some(101), Some(101)).unwrap();
        }
    }

    /// The status of an answer, and where it leads.
    async fn get(&self, scheme: &str, path: &str) -> Option<(u16, String)> {
        let port = if scheme == "https" { self.https } else { self.http };
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_danger_accept_invalid_certs(true)
            .resolve(DOMAIN, ([127, 0, 0, 1], port).into())
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        let answer = client.get(format!("{scheme}://{DOMAIN}:{port}{path}")).send().await.ok()?;
        let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        Some((answer.status().as_u16(), location.unwrap_or_default()))
    }

    /// Waits until the address answers so.
    async fn answers(&self, scheme: &str, path: &str, status: u16) {
        let begin = Instant::now();
        loop {
            let answer = self.get(scheme, path).await;
            if answer.as_ref().is_some_and(|(found, _)| *found == status) {
                return;
            }
            assert!(
                begin.elapsed() < Duration::from_secs(150),
                "{scheme} {path}: {answer:?}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn healthy(&self, service: &str) {
        let begin = Instant::now();
        while self.inspect(service, "{{.State.Health.Status}}") != "healthy" {
            assert!(begin.elapsed() < Duration::from_secs(120), "{service}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    fn log(&self) -> String {
        let output = self.compose().args(["logs", "--tail=40"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn finish(&self, start: Child) {
        let output = start.wait_with_output().unwrap();
        let (said, error) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}\n{error}\n{}", self.log());
        assert!(said.contains("The panel is on https://panel.test"), "{said}");
    }

    /// Makes the admin, and says whether she was new.
    fn create_admin(&self) -> bool {
        let mut create = self.inside("panel", &["rad-panel", "create-admin", "--username", "sara"]);
        create.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut create = create.spawn().unwrap();
        create.stdin.take().unwrap().write_all(b"a long enough pass phrase\n").unwrap();
        create.wait().unwrap().success()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.compose().args(["down", "--volumes", "--timeout", "10"]).output();
        let _ = self.command("docker").args(["image", "rm", "--force", &self.image()]).output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_in_containers_starts_from_nothing_and_survives_what_happens_to_servers() {
    if missing().is_some() {
        return;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let shop = Shop::new();
    shop.build();
    let bytes =
        output(Command::new("docker").args(["image", "inspect", "--format", "{{.Size}}", &shop.image()]));
    eprintln!(
        "The image has {} MB, with an unoptimised binary.",
        bytes.trim().parse::<u64>().unwrap() / 1_000_000
    );
    let runs = works(Command::new("docker").args(["run", "--rm", &shop.image(), "--version"]));
    if !runs {
        eprintln!(
            "SKIPPED: this machine's libc is newer than Debian bookworm's, so its binary does not run there"
        );
        return;
    }

    // From nothing to the page.
    let begin = Instant::now();
    let start = shop.start();
    shop.answers("http", "/login", 503).await;
    assert!(shop.get("https", "/login").await.is_none(), "there is no certificate yet");
    shop.certify();
    // While there is no admin, everything leads there.
    shop.answers("https", "/setup", 200).await;
    eprintln!("From nothing to the page over HTTPS: {:.0} s.", begin.elapsed().as_secs_f64());
    shop.finish(start);
    let (status, location) = shop.get("http", "/login").await.unwrap();
    assert_eq!((status, location.as_str()), (301, "https://panel.test/login"));
    for service in ["database", "panel", "nginx", "certbot"] {
        shop.healthy(service).await;
    }

    // Nothing is open that need not be.
    for (service, user) in [("panel", "10001"), ("nginx", "101"), ("certbot", "101")] {
        assert_eq!(output(&mut shop.inside(service, &["id", "-u"])).trim(), user);
    }
    for service in ["database", "panel", "nginx", "certbot"] {
        let touched =
            shop.inside(service, &["touch", "/etc/probe", "/usr/local/bin/probe"]).output().unwrap();
        assert!(!touched.status.success(), "{service} writes to its root");
    }
    let ports = shop.inspect("database", "{{json .NetworkSettings.Ports}}");
    assert!(!ports.contains("HostPort"), "{ports}");
    let database = shop.inside("nginx", &["getent", "hosts", "database"]).output().unwrap();
    assert!(!database.status.success(), "nginx knows the way to the database");

    // Work is done and kept.
    assert!(shop.create_admin());
    output(&mut shop.inside("panel", &["rad-panel", "backup"]));
    let backups: Vec<_> = fs::read_dir(shop.path("home/backups")).unwrap().map(Result::unwrap).collect();
    assert!(backups.iter().any(|backup| {
        let metadata = backup.metadata().unwrap();
        metadata.is_file() && metadata.len() > 1000 && metadata.uid() == 10_001
    }));

    // `app.log` itself leads to today's file by its name inside of the container.
    let logs = fs::read_dir(shop.path("home/logs")).unwrap().map(|entry| entry.unwrap().path());
    assert!(logs.filter(|path| path.is_file()).any(|path| fs::metadata(path).unwrap().len() > 0));

    // The panel dies, and is back.
    let pid = shop.inspect("panel", "{{.State.Pid}}");
    output(Command::new("kill").args(["-9", &pid]));
    let begin = Instant::now();
    while shop.inspect("panel", "{{.RestartCount}}") != "1" {
        assert!(begin.elapsed() < Duration::from_secs(30), "the engine did not start it again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    shop.answers("https", "/login", 200).await;
    eprintln!("After kill -9 of the panel, the page was back in {:.1} s.", begin.elapsed().as_secs_f64());

    // Everything is taken down, and comes back with what it knew.
    output(shop.compose().args(["down", "--volumes"]));
    assert!(shop.get("https", "/login").await.is_none());
    let start = shop.start();
    shop.answers("https", "/login", 200).await;
    shop.finish(start);
    assert!(!shop.create_admin(), "the admin of before is gone");
}
