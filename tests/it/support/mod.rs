//! The panel as tests see it: the real router over HTTP, a database of its own, a Marzban that speaks HTTP.
//!
//! The cast: `sara` the admin, `reza` an agent with credit, `mina` another agent who must never see Reza's
//! things, `nima` an end user.

mod answer;
mod bot_api;
mod bulk;
mod certificates;
mod client;
mod mail_server;
mod relay;
mod s3;

use std::{net::SocketAddr, time::Duration};

use axum::Router;
use rad_panel::{
    accounts, agents,
    calendar::{Clock, Time},
    config::{BackupConfig, MarzbanConfig, Values},
    customers,
    demo::simulator::{Options, Simulator},
    ids::{OrderId, PlanId, UserId},
    ledger::{self, EntryType, Posting, Reference},
    marzban::{self, Settings},
    money::Toman,
    orders::{self, NewOrder},
    panel::{Probing, Server},
    receipts, verification,
    web::{AppState, Role, live},
    worker,
};
use sqlx::PgPool;
use tokio::{net::TcpListener, task::JoinHandle};
use uuid::Uuid;

pub use answer::Answer;
pub use bot_api::{BotApi, TOKEN};
pub use certificates::Authority;
pub use client::{Client, Part};
pub use mail_server::{MAIL_PASSWORD, MAIL_USER, MailSecurity, MailServer};
pub use relay::Relay;
pub use s3::{ACCESS_KEY, BUCKET, Fault, S3Server, SECRET_KEY};

/// The password of everyone in the cast.
pub const PASSWORD: &str = "a-password-for-tests";

/// A running panel.
pub struct TestApp {
    pub state: AppState,
    pub db: PgPool,
    pub clock: Clock,
    pub simulator: Simulator,
    pub sara: UserId,
    pub reza: UserId,
    pub mina: UserId,
    pub nima: UserId,
    address: SocketAddr,
    server: JoinHandle<()>,
    background: Vec<JoinHandle<()>>,
    _receipts: tempfile::TempDir,
}

impl TestApp {
    /// A panel with the cast, over this database. Jobs run only by [`Self::run_jobs`].
    pub async fn start(db: PgPool) -> Self {
        let mut app = Self::fresh(db).await;
        (app.sara, app.reza, app.mina, app.nima) = hire_the_cast(&app.db, &app.clock).await;
        app
    }

    /// A panel that knows nobody yet.
    pub async fn fresh(db: PgPool) -> Self {
        let clock = Clock::fixed(Clock::system().now());
        let simulator = Simulator::start(Options::new(clock.clone())).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let state = AppState::new(
            db.clone(),
            clock.clone(),
            marzban(&simulator, &clock),
            receipts::Store::new(folder.path().join("receipts")).unwrap(),
            live::Hub::default(),
            BackupConfig {
                folder: folder.path().join("backups"),
                keep_days: 30,
                recipients: Vec::new(),
                offsite: None,
            },
            // Requests may say whom they come from, as behind nginx.
            vec!["127.0.0.0/8".parse().unwrap()],
        )
        .configured_by(configured(&simulator), None);
        let (address, server) = serve(&state).await;
        let nobody = UserId(0);
        Self {
            state,
            db,
            clock,
            simulator,
            sara: nobody,
            reza: nobody,
            mina: nobody,
            nima: nobody,
            address,
            server,
            background: Vec::new(),
            _receipts: folder,
        }
    }

    /// Serves the pages anew with the state as it is now, as after a start with other settings.
    pub async fn restart(&mut self) {
        self.server.abort();
        (self.address, self.server) = serve(&self.state).await;
    }

    /// Starts a second instance of the panel over the same database, Marzban and receipts.
    pub async fn second_instance(&mut self) -> SocketAddr {
        let mut state = self.state.clone();
        state.live = live::Hub::default();
        self.background.push(tokio::spawn(state.live.clone().listen(self.db.clone())));
        let (address, server) = serve(&state).await;
        self.background.push(server);
        address
    }

    /// Lets pages hear of changes, as they do in the running panel.
    pub fn listen(&mut self) {
        self.background.push(tokio::spawn(self.state.live.clone().listen(self.db.clone())));
    }

    /// Where the panel answers.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A browser that has not signed in.
    pub fn stranger(&self) -> Client {
        Client::new(self.address)
    }

    /// A browser of this person, signed in.
    pub async fn signed_in(&self, username: &str) -> Client {
        let client = self.stranger();
        let answer =
            client.post("/login", &[("username", username), ("password", PASSWORD), ("next", "")]).await;
        assert_eq!(answer.status, 303, "{username} could not sign in: {}", answer.body);
        client
    }

    /// Runs all due jobs, until none is due. Returns how many ran.
    pub async fn run_jobs(&self) -> usize {
        worker::run_due(&self.state).await.unwrap()
    }

    /// Gives confirmed credit by hand, as the admin does.
    pub async fn give_credit(&self, user: UserId, toman: i64) {
        self.give_credit_in(&self.db, user, toman, self.clock.now()).await.unwrap();
    }

    /// The same in a copy of this shop, at that time.
    pub async fn give_credit_in(&self, db: &PgPool, user: UserId, toman: i64, at: Time) -> sqlx::Result<()> {
        let mut tx = db.begin().await?;
        let posting = Posting {
            user,
            entry_type: EntryType::ChargeManual,
            confirmed: Toman(toman),
            pending: Toman(0),
            reference: Reference::Manual,
            notes: "credit for a test".to_owned(),
            by: Some(self.sara),
        };
        ledger::post(&mut tx, &posting, at).await?;
        tx.commit().await
    }

    /// An order that is placed for this person at this price.
    pub async fn order(&self, buyer: UserId, plan: PlanId, price: i64, username: &str) -> OrderId {
        let order = NewOrder {
            buyer,
            plan,
            price_seen: Toman(price),
            username,
            alias: "",
            note: "",
            on_hold: false,
            request_id: Uuid::new_v4(),
        };
        orders::place(&self.db, &order, self.clock.now()).await.unwrap()
    }

    /// The wallet as it stands.
    pub async fn balance(&self, user: UserId) -> ledger::Balance {
        ledger::balance(&mut self.db.acquire().await.unwrap(), user).await.unwrap()
    }

    /// A plan that is on offer.
    pub async fn plan(&self, name: &str, days: i32, gb: Option<i32>, price_agent: i64) -> PlanId {
        sqlx::query_scalar!(
            r#"INSERT INTO plans (name, days, data_limit_gb, price_agent, price_public)
               VALUES ($1, $2, $3, $4, $5) RETURNING id AS "id: PlanId""#,
            name,
            days,
            gb,
            price_agent,
            price_agent * 3 / 2
        )
        .fetch_one(&self.db)
        .await
        .unwrap()
    }

    /// Fails when a check of `rad-panel verify` finds something in the rows.
    pub async fn prove(&self) {
        let mut conn = self.db.acquire().await.unwrap();
        assert_eq!(verification::of_rows(&mut conn).await.unwrap().findings, Vec::new());
    }

    /// Fails when the rows are not as they must be, or a job was left unrun.
    pub async fn finish(self) {
        self.prove().await;
        let mut conn = self.db.acquire().await.unwrap();
        let left = sqlx::query_scalar!("SELECT kind FROM jobs WHERE finished_at IS NULL")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
        assert_eq!(left, Vec::<String>::new(), "jobs left unrun");
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.server.abort();
        for task in &self.background {
            task.abort();
        }
    }
}

/// A client of this simulator with short timeouts.
pub fn marzban(simulator: &Simulator, clock: &Clock) -> Server {
    let settings = Settings {
        connect_timeout: Duration::from_secs(1),
        total_timeout: Duration::from_secs(4),
        retry_for: Duration::from_millis(300),
        // A test that lets the server fail goes on when it is back; those about the circuit have their own times.
        probing: Probing { first_after: Duration::ZERO, longest_pause: Duration::ZERO },
        ..Settings::new(simulator.base_url(), simulator.username(), simulator.password())
    };
    marzban::server(&settings, clock.clone()).unwrap()
}

/// What the settings say of this simulator.
fn configured(simulator: &Simulator) -> MarzbanConfig {
    let given = [
        ("MARZBAN_URL", simulator.base_url()),
        ("MARZBAN_USERNAME", simulator.username().to_owned()),
        ("MARZBAN_PASSWORD", simulator.password().to_owned()),
    ];
    let values = Values::read(given.map(|(name, value)| (name.to_owned(), value)), None).unwrap();
    MarzbanConfig::from_values(&values).unwrap()
}

async fn serve(state: &AppState) -> (SocketAddr, JoinHandle<()>) {
    let router: Router = rad_panel::app::router(state.clone(), false).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<rad_panel::web::client::Peer>();
    (address, tokio::spawn(async move { axum::serve(listener, service).await.unwrap() }))
}

async fn hire_the_cast(db: &PgPool, clock: &Clock) -> (UserId, UserId, UserId, UserId) {
    let now = clock.now();
    let mut tx = db.begin().await.unwrap();
    let sara = accounts::create_user(&mut tx, "sara", PASSWORD, Role::Admin, now).await.unwrap();
    let agent = |username: &'static str, first_name: &'static str, phone: &'static str| agents::NewAgent {
        username,
        password: PASSWORD,
        first_name,
        last_name: "",
        phone,
        shop_name: "",
        province: "",
        city: "",
        username_prefix: None,
        pending_ceiling: Toman(5_000_000),
    };
    let reza = agents::create(&mut tx, &agent("reza", "رضا", "09121111111"), now).await.unwrap();
    let mina = agents::create(&mut tx, &agent("mina", "مینا", "09122222222"), now).await.unwrap();
    let nima = customers::create(&mut tx, "nima", PASSWORD, "09123333333", now).await.unwrap();
    tx.commit().await.unwrap();
    (sara, reza, mina, nima)
}
