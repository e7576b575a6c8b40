//! A shop made once and copied for each fault: its database by CREATE DATABASE … TEMPLATE, its accounts into a
//! simulator of its own, its people signed in already.

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rad_panel::{
    calendar::Clock,
    demo::simulator::{Options, Simulator, user::User},
    ids::{OrderId, PaymentId, PlanId, UserId},
    jobs::schedule::Task,
    marzban::{self, Settings},
    money::Toman,
    orders::{self, NewOrder, purchase},
    payment_methods,
    payments::{self, NewPayment},
    web::AppState,
};
use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use super::{
    gate::Gate,
    marzban_proxy::MarzbanProxy,
    panel::World,
    pictures,
    postgres_proxy::PostgresProxy,
    support::{Client, TestApp},
};

/// The price of the one plan for agents, Toman.
pub const PRICE: i64 = 90_000;
/// The same for end users.
pub const PUBLIC: i64 = PRICE * 3 / 2;
pub const DAYS: i64 = 30;
/// What Reza's account has used, bytes.
pub const USED: i64 = 5 << 30;

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Where databases are made.
pub fn server() -> PgConnectOptions {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL: run the tests by bin/test");
    PgConnectOptions::from_str(&url).unwrap()
}

/// Makes a database, a copy of `template` where there is one, and says its name.
pub async fn make_database(server: &PgConnectOptions, template: Option<&str>) -> anyhow::Result<String> {
    let name = format!("faults_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let Some(template) = template else {
        execute(server, &format!("CREATE DATABASE {name}")).await?;
        return Ok(name);
    };
    let begin = std::time::Instant::now();
    loop {
        match execute(server, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await {
            Err(error) if is_in_use(&error) => {
                let users = end_connections(server, template).await?;
                let waited = begin.elapsed();
                anyhow::ensure!(
                    waited < std::time::Duration::from_secs(60),
                    "{template} is held by {users:?}"
                );
            }
            made => {
                made?;
                return Ok(name);
            }
        }
    }
}

/// Ends whatever is still connected to a database that nobody needs any more, and says what it was. A pool that is
/// closed has only said goodbye: on a busy machine the server takes a while to see it.
async fn end_connections(server: &PgConnectOptions, name: &str) -> sqlx::Result<Vec<String>> {
    let mut conn = PgConnection::connect_with(server).await?;
    sqlx::query_scalar(
        "SELECT concat_ws(', ', backend_type, state, wait_event, query, pg_terminate_backend(pid))
         FROM pg_stat_activity WHERE datname = $1",
    )
    .bind(name)
    .fetch_all(&mut conn)
    .await
}

/// PostgreSQL's `object_in_use`.
fn is_in_use(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().is_some_and(|code| code == "55006"))
}

pub async fn drop_database(server: &PgConnectOptions, name: &str) -> sqlx::Result<()> {
    execute(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await
}

async fn execute(server: &PgConnectOptions, sql: &str) -> sqlx::Result<()> {
    let mut conn = PgConnection::connect_with(server).await?;
    sqlx::raw_sql(sql).execute(&mut conn).await?;
    conn.close().await
}

pub async fn pool(server: &PgConnectOptions, name: &str) -> sqlx::Result<PgPool> {
    PgPoolOptions::new().max_connections(10).connect_with(server.clone().database(name)).await
}

/// The schedule has nothing to do, for a run is under way for ever: what it does by itself is no step of an operation.
pub async fn quiet_schedule(db: &PgPool, tasks: &[Task]) -> sqlx::Result<()> {
    for task in tasks {
        sqlx::query("INSERT INTO scheduled_runs (task, due_at, started_at) VALUES ($1, now(), now())")
            .bind(task.code())
            .execute(db)
            .await?;
    }
    Ok(())
}

/// The shop that is copied. Reza has an account and credit, Nima has sent a receipt for her first order.
pub struct Shop {
    pub app: TestApp,
    server: PgConnectOptions,
    template: String,
    pub plan: PlanId,
    pub reza: Client,
    pub sara: Client,
    /// Reza's account.
    pub account: OrderId,
    pub users: Vec<User>,
    /// Nima's payment for her order.
    pub payment: PaymentId,
}

impl Shop {
    pub async fn open() -> anyhow::Result<Self> {
        let server = server();
        let template = make_database(&server, None).await?;
        let db = pool(&server, &template).await?;
        rad_panel::MIGRATOR.run(&db).await?;
        let app = TestApp::start(db.clone()).await;
        let plan = app.plan("یک‌ماهه، ۳۰ گیگ", 30, Some(30), PRICE).await;
        app.give_credit(app.reza, 100 * PRICE).await;
        let account = place(&app, app.reza, plan, "reza_old").await?;
        app.run_jobs().await;
        anyhow::ensure!(app.simulator.traffic("reza_old", USED), "Reza's account was not made");
        let payment = claim(&app, plan).await?;
        quiet_schedule(&db, Task::ALL).await?;
        let (reza, sara) = (app.signed_in("reza").await, app.signed_in("sara").await);
        // A database can only be copied while nobody uses it.
        db.close().await;
        let users = app.simulator.users();
        Ok(Self { app, server, template, plan, reza, sara, account, users, payment })
    }

    pub async fn close(self) -> anyhow::Result<()> {
        Ok(drop_database(&self.server, &self.template).await?)
    }

    /// A copy with its own Marzban, and both ways watched.
    pub async fn copy(&self) -> anyhow::Result<Copy> {
        let name = make_database(&self.server, Some(&self.template)).await?;
        let simulator = Simulator::start(Options::new(Clock::system())).await?;
        for user in &self.users {
            simulator.put_user(user.clone());
        }
        let gate = Arc::<Gate>::default();
        let marzban = MarzbanProxy::start(simulator.base_url(), Arc::clone(&gate)).await?;
        let server = self.server.clone().database(&name);
        let uploads = self.app.state.receipts.folder().to_string_lossy().into_owned();
        let db = pool(&self.server, &name).await?;
        let postgres = PostgresProxy::start(&server, Arc::clone(&gate)).await?;
        Ok(Copy { name, server, simulator, gate, marzban, postgres, uploads, db })
    }

    /// What the panel of this process needs to work on a copy.
    pub fn state(&self, db: &PgPool, simulator: &Simulator) -> anyhow::Result<AppState> {
        let settings = Settings::new(simulator.base_url(), simulator.username(), simulator.password());
        let mut state = self.app.state.clone();
        state.db = db.clone();
        state.server = marzban::server(&settings, self.app.clock.clone())?;
        Ok(state)
    }
}

/// One shop that something goes wrong in.
pub struct Copy {
    pub name: String,
    server: PgConnectOptions,
    pub simulator: Simulator,
    pub gate: Arc<Gate>,
    marzban: MarzbanProxy,
    postgres: PostgresProxy,
    uploads: String,
    /// Past the proxy.
    pub db: PgPool,
}

impl Copy {
    /// The world as the panel sees it.
    pub fn world(&self) -> World {
        let user = self.server.get_username();
        World {
            database: format!("postgres://{user}@{}/{}?sslmode=disable", self.postgres.address, self.name),
            marzban: format!("http://{}", self.marzban.address),
            marzban_username: self.simulator.username().to_owned(),
            marzban_password: self.simulator.password().to_owned(),
            uploads: self.uploads.clone(),
        }
    }

    /// Breaks what the killed process left open at the database, and stands anew before it.
    pub async fn renew_way(&mut self) -> anyhow::Result<()> {
        self.postgres = PostgresProxy::start(&self.server, Arc::clone(&self.gate)).await?;
        Ok(())
    }

    pub async fn close(self) -> anyhow::Result<()> {
        drop(self.postgres);
        self.db.close().await;
        Ok(drop_database(&self.server.database("postgres"), &self.name).await?)
    }
}

/// An order of this buyer's at the agents' price, without its account.
pub async fn place(app: &TestApp, buyer: UserId, plan: PlanId, username: &str) -> anyhow::Result<OrderId> {
    let new = order(buyer, plan, username, PRICE);
    Ok(orders::place(&app.db, &new, app.clock.now()).await?)
}

pub fn order(buyer: UserId, plan: PlanId, username: &str, price: i64) -> NewOrder<'_> {
    NewOrder {
        buyer,
        plan,
        price_seen: Toman(price),
        username,
        alias: "",
        note: "",
        on_hold: false,
        request_id: Uuid::new_v4(),
    }
}

/// Nima orders and sends a receipt of the price.
async fn claim(app: &TestApp, plan: PlanId) -> anyhow::Result<PaymentId> {
    let now = app.clock.now();
    sqlx::query(
        "INSERT INTO payment_methods (type, alias, holder, bank, card_number)
         VALUES ('CARD', 'ملی', 'سارا احمدی', 'بانک ملی', '6037991234567893')",
    )
    .execute(&app.db)
    .await?;
    let new = order(app.nima, plan, "nima_new", PUBLIC);
    let order = purchase::reserve(&app.db, &new, app.nima.into(), now).await?;
    let payment = charge(app, app.nima, PUBLIC).await?;
    Ok(payments::submit_for_order(&app.db, app.nima, &payment, order, now).await?.id)
}

/// A claim of `toman` with a real receipt, not yet sent.
pub async fn charge(app: &TestApp, payer: UserId, toman: i64) -> anyhow::Result<NewPayment> {
    let now = app.clock.now();
    let picture = pictures::receipt(COUNT.fetch_add(1, Ordering::Relaxed) as u64);
    let picture = pictures::encode(&picture, image::ImageFormat::Png);
    let receipt = payments::keep_receipt(&app.db, &app.state.receipts, payer, picture, now).await?;
    let method = payment_methods::draw(&app.db, payer, None, now).await?;
    let method = method.ok_or_else(|| anyhow::anyhow!("no payment method"))?.id;
    Ok(NewPayment {
        request_id: Uuid::new_v4(),
        method,
        amount: Toman(toman),
        tracking_number: None,
        transaction_hash: None,
        note: String::new(),
        receipt,
    })
}
