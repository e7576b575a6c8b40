//! What a real panel exposes after it has done a little of everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rad_panel::{
    accounts, agents,
    calendar::Clock,
    demo::simulator::{Options, Simulator},
    ids::UserId,
    ledger::{self, EntryType, Posting, Reference},
    money::Toman,
    orders,
    web::Role,
};
use sqlx::{ConnectOptions as _, PgPool};
use tempfile::TempDir;
use uuid::Uuid;

const PASSWORD: &str = "a-password-for-tests";

/// `rad-panel serve`, ended with the test.
struct Panel {
    pages: SocketAddr,
    metrics: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Drop for Panel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Panel {
    fn start(db: &PgPool, marzban: &Simulator) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (pages, metrics, folder) = (free(), free(), tempfile::tempdir().unwrap());
        let log = File::create(folder.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_rad-panel"))
            .arg("serve")
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("DATABASE_URL", db.connect_options().as_ref().to_url_lossy().as_str())
            .env("LISTEN", pages.to_string())
            .env("METRICS_LISTEN", metrics.to_string())
            .env("MARZBAN_URL", marzban.base_url())
            .env("MARZBAN_USERNAME", marzban.username())
            .env("MARZBAN_PASSWORD", marzban.password())
            .env("MARZBAN_TIMEOUT", "2")
            // A store that nobody ever reaches.
            .env("BACKUP_S3_ENDPOINT", "http://127.0.0.1:9")
            .env("BACKUP_S3_BUCKET", "backups")
            .env("BACKUP_S3_ACCESS_KEY", "key")
            .env("BACKUP_S3_SECRET_KEY", "secret")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { pages, metrics, child, folder }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.pages)
    }

    /// What it exposes once all of these words stand in it.
    async fn exposes(&self, http: &reqwest::Client, words: &[&str]) -> String {
        let begin = Instant::now();
        loop {
            let page = match http.get(format!("http://{}/metrics", self.metrics)).send().await {
                Ok(answer) => answer.text().await.unwrap(),
                Err(_) => String::new(),
            };
            let missing: Vec<_> = words.iter().filter(|word| !page.contains(**word)).collect();
            if missing.is_empty() {
                return page;
            }
            assert!(begin.elapsed() < Duration::from_secs(90), "no {missing:?} in\n{page}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}

/// The page that Prometheus reads, in parts.
pub struct Exposed {
    kinds: BTreeMap<String, String>,
    /// Each series: its name and its labels.
    series: Vec<(String, BTreeMap<String, String>)>,
}

impl Exposed {
    /// What a panel exposes that has shown pages, taken an order, and lost its Marzban.
    pub async fn by_a_panel(db: &PgPool) -> Self {
        let clock = Clock::system();
        let marzban = Simulator::start(Options::new(clock.clone())).await.unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().no_proxy().redirect(redirect).build().unwrap();
        let (sara, reza) = hire(db, &clock).await;
        let panel = Panel::start(db, &marzban);
        panel.exposes(&http, &["rad_ready 1"]).await;
        visit(&panel, &http).await;
        order(db, &clock, sara, reza, "first_one").await;
        let made = r#"rad_vpn_server_calls_total{call="create_account",outcome="done"}"#;
        // All that the clock asks for at the first start, the backup and the check of the books among it.
        panel.exposes(&http, &[made, r#"rad_task_last_run_ok{task="ENDS"}"#, "rad_ledger_check_ok 1"]).await;
        marzban.down().await;
        order(db, &clock, sara, reza, "second_one").await;
        let lost = r#"rad_vpn_server_unknowns_total{cause="connect_failed"}"#;
        let page = panel.exposes(&http, &[lost, "rad_backup_last_copied_timestamp_seconds 0"]).await;
        Self::read(&page)
    }

    fn read(page: &str) -> Self {
        let kinds = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let kinds = kinds.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect();
        let lines = page.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { kinds, series: lines.map(series).collect() }
    }

    /// The metric that a name belongs to, as `a` for `a_bucket`.
    pub fn family<'a>(&self, name: &'a str) -> &'a str {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        base.filter(|base| self.kinds.get(*base).is_some_and(|kind| kind == "histogram")).unwrap_or(name)
    }

    /// All metrics.
    pub fn families(&self) -> impl Iterator<Item = &String> {
        self.kinds.keys()
    }

    /// The labels of a name, with those that Prometheus itself gives; `None` when nothing bears it.
    pub fn labels(&self, name: &str) -> Option<BTreeSet<String>> {
        let given = ["instance", "job"].map(str::to_owned);
        // Prometheus' own.
        if name == "up" {
            return Some(given.into());
        }
        let mut found = self.series.iter().filter(|(known, _)| known == name).peekable();
        found.peek()?;
        Some(found.flat_map(|(_, labels)| labels.keys().cloned()).chain(given).collect())
    }

    /// Whether some series of that name has that value.
    pub fn has(&self, name: &str, label: &str, value: &str) -> bool {
        self.series
            .iter()
            .any(|(known, labels)| known == name && labels.get(label).is_some_and(|v| v == value))
    }
}

/// `name{label="value",…} 1`; no value of ours holds a quotation mark.
fn series(line: &str) -> (String, BTreeMap<String, String>) {
    let (name, rest) = line.split_once(['{', ' ']).unwrap();
    let labels = rest.rsplit_once('}').map_or("", |(labels, _)| labels);
    let mut parts = labels.split('"');
    let mut found = BTreeMap::new();
    while let (Some(label), Some(value)) = (parts.next(), parts.next()) {
        found.insert(label.trim_matches([',', '=']).to_owned(), value.to_owned());
    }
    (name.to_owned(), found)
}

async fn hire(db: &PgPool, clock: &Clock) -> (UserId, UserId) {
    let mut tx = db.begin().await.unwrap();
    let sara = accounts::create_user(&mut tx, "sara", PASSWORD, Role::Admin, clock.now()).await.unwrap();
    let reza = agents::NewAgent {
        username: "reza",
        password: PASSWORD,
        first_name: "رضا",
        last_name: "",
        phone: "09121111111",
        shop_name: "",
        province: "",
        city: "",
        username_prefix: None,
        pending_ceiling: Toman(0),
    };
    let reza = agents::create(&mut tx, &reza, clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    (sara, reza)
}

/// Signs in, and looks at a page and at one that is not there.
async fn visit(panel: &Panel, http: &reqwest::Client) {
    let form = [("username", "sara"), ("password", PASSWORD), ("next", "")];
    let sign_in = http.post(panel.url("/login")).header("sec-fetch-site", "same-origin").form(&form);
    let answer = sign_in.send().await.unwrap();
    assert_eq!(answer.status(), 303, "{}", panel.log());
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    for (path, status) in [("/admin", 200), ("/admin/orders/77", 404), ("/no-such-page", 404)] {
        let answer = http.get(panel.url(path)).header("cookie", &cookie).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
}

async fn order(db: &PgPool, clock: &Clock, sara: UserId, reza: UserId, username: &str) {
    let mut tx = db.begin().await.unwrap();
    let posting = Posting {
        user: reza,
        entry_type: EntryType::ChargeManual,
        confirmed: Toman(90_000),
        pending: Toman(0),
        reference: Reference::Manual,
        notes: "credit for a test".to_owned(),
        by: Some(sara),
    };
    ledger::post(&mut tx, &posting, clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let plan = sqlx::query_scalar::<_, i64>(
        "INSERT INTO plans (name, days, data_limit_gb, price_agent, price_public) VALUES ('30', 30, 30, 90000, 120000)
         RETURNING id",
    );
    let new = orders::NewOrder {
        buyer: reza,
        plan: rad_panel::ids::PlanId(plan.fetch_one(db).await.unwrap()),
        price_seen: Toman(90_000),
        username,
        alias: "",
        note: "",
        on_hold: false,
        request_id: Uuid::new_v4(),
    };
    orders::place(db, &new, clock.now()).await.unwrap();
}
