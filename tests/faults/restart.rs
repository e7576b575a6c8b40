//! The database crashes and comes back while many people order, renew and approve at once.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use rad_panel::{
    demo::postgres::{Durability, Postgres},
    ids::{OrderId, PaymentId},
    jobs::schedule::Task,
    payments,
};
use sqlx::{PgPool, migrate::MigrateDatabase as _, postgres::PgPoolOptions};
use uuid::Uuid;

use super::{
    operations::{Form, check_accounts},
    panel::{Panel, World},
    shop::{DAYS, PRICE, charge, place, quiet_schedule},
    steps::{LIMIT, quiet},
    support::{Client, TestApp},
    table::report,
};

const PLACED: usize = 160;
const RENEWED: usize = 24;
const APPROVED: usize = 36;
/// Who click at the same time.
const PEOPLE: usize = 8;

/// What a deed is about.
#[derive(Clone, Debug)]
enum About {
    Order(String),
    Renewal(OrderId, String),
    Payment(PaymentId),
}

struct Deed {
    about: About,
    form: Form,
    client: Client,
    /// Sent again until it is taken; the others are left after an error.
    insists: bool,
}

/// How a deed ended for who did it.
struct Told {
    about: About,
    taken: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_crashes_under_load_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    // Durable: what was committed must survive, so this cluster is not the fast one of the other tests.
    let postgres = tokio::task::spawn_blocking(move || Postgres::start(&path, Durability::On)).await.unwrap();
    let postgres = Arc::new(postgres.unwrap());
    let url = postgres.url("shop");
    sqlx::Postgres::create_database(&url).await.unwrap();
    let outcome = under_load(&url, &postgres).await;
    tokio::task::spawn_blocking(move || Arc::into_inner(postgres).unwrap().remove()).await.unwrap().unwrap();
    outcome.unwrap();
}

async fn under_load(url: &str, postgres: &Arc<Postgres>) -> anyhow::Result<()> {
    let db = PgPoolOptions::new().max_connections(4).connect(url).await?;
    rad_panel::MIGRATOR.run(&db).await?;
    let app = TestApp::start(db.clone()).await;
    let world = World {
        database: url.to_owned(),
        marzban: app.simulator.base_url(),
        marzban_username: app.simulator.username().to_owned(),
        marzban_password: app.simulator.password().to_owned(),
        uploads: app.state.receipts.folder().to_string_lossy().into_owned(),
    };
    let accounts = furnish(&app).await?;
    let panel = Panel::start(&world).await?;
    let deeds = deeds(&app, &panel, &accounts).await?;
    let ends: Vec<Option<i64>> =
        accounts.iter().map(|(_, name)| app.simulator.user(name).and_then(|user| user.expire)).collect();

    let load = Load::new(deeds);
    let people: Vec<_> = (0..PEOPLE).map(|_| tokio::spawn(Arc::clone(&load).work())).collect();
    for part in [4, 2] {
        while load.left() > (PLACED + RENEWED + APPROVED) * (part - 1) / part {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let postgres = Arc::clone(postgres);
        tokio::task::spawn_blocking(move || postgres.crash()).await??;
    }
    for person in people {
        person.await??;
    }
    let began = Instant::now();
    quiet(&db, began, LIMIT).await.map_err(|error| error.context(panel.log()))?;
    let took = began.elapsed();

    let told = std::mem::take(&mut *load.told.lock().unwrap());
    let errors = load.errors.load(Ordering::Relaxed);
    ensure!(errors > 0, "nobody noticed that the database was gone");
    let left_done = check(&app, &db, &told, &accounts, &ends).await?;
    check_accounts(&db, &app.simulator).await?;
    world.verify().await?;
    panel.kill().await?;
    let untold = told.iter().filter(|told| !told.taken).count();
    report(
        "restart",
        &format!(
            "### database crashes (`pg_ctl stop -m immediate`, start) twice under load\n\n\
             | step | asked | outcome |\n|---|---|---|\n| place | {PLACED} | whole |\n| renew | {RENEWED} | whole |\n\
             | approve | {APPROVED} | whole |\n\n{PEOPLE} people at once; {errors} requests got an error; {untold} \
             were left after one, of which {left_done} had been done, once. All was well {:.1} s after the last \
             click.\n",
            took.as_secs_f64()
        ),
    );
    Ok(())
}

/// Credit, accounts to be renewed, payments to be approved.
async fn furnish(app: &TestApp) -> anyhow::Result<Vec<(OrderId, String)>> {
    let plan = app.plan("یک‌ماهه، ۳۰ گیگ", 30, Some(30), PRICE).await;
    app.give_credit(app.reza, 500 * PRICE).await;
    app.give_credit(app.mina, 500 * PRICE).await;
    let mut accounts = Vec::new();
    for number in 0..RENEWED {
        let name = format!("reza_old_{number}");
        accounts.push((place(app, app.reza, plan, &name).await?, name));
    }
    app.run_jobs().await;
    sqlx::query(
        "INSERT INTO payment_methods (type, alias, holder, bank, card_number)
         VALUES ('CARD', 'ملی', 'سارا احمدی', 'بانک ملی', '6037991234567893')",
    )
    .execute(&app.db)
    .await?;
    for _ in 0..APPROVED {
        let claim = charge(app, app.mina, 50_000).await?;
        payments::submit(&app.db, app.mina, &claim, app.clock.now()).await?;
    }
    quiet_schedule(&app.db, Task::ALL).await?;
    Ok(accounts)
}

async fn deeds(
    app: &TestApp,
    panel: &Panel,
    accounts: &[(OrderId, String)],
) -> anyhow::Result<VecDeque<Deed>> {
    let at = panel.address;
    let (reza, mina) = (app.signed_in("reza").await.at(at), app.signed_in("mina").await.at(at));
    let sara = app.signed_in("sara").await.at(at);
    let blank = Form::read(&reza, "/agent/create-user", "/agent/create-user".to_owned()).await?;
    let mut deeds = Vec::new();
    for number in 0..PLACED {
        let (client, name) = match number % 2 {
            0 => (&reza, format!("reza_{number}")),
            _ => (&mina, format!("mina_{number}")),
        };
        let mut form = blank.clone();
        form.set("request_id", &Uuid::new_v4().to_string());
        form.set("username", &name);
        deeds.push((About::Order(name), form, client.clone()));
    }
    for (at, (order, name)) in accounts.iter().enumerate() {
        let path = format!("/agent/users/{order}/renewal");
        let form = Form::read(&reza, &path, path.clone()).await?;
        deeds.insert(at * 5, (About::Renewal(*order, name.clone()), form, reza.clone()));
    }
    let payments: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM payments ORDER BY id").fetch_all(&app.db).await?;
    for (at, payment) in payments.into_iter().enumerate() {
        let form = Form::bare(format!("/admin/payments/{payment}/approval"));
        deeds.insert(at * 4, (About::Payment(PaymentId(payment)), form, sara.clone()));
    }
    let deeds = deeds.into_iter().enumerate();
    Ok(deeds.map(|(at, (about, form, client))| Deed { about, form, client, insists: at % 3 != 0 }).collect())
}

/// What is still to be done, and what was told so far.
struct Load {
    deeds: Mutex<VecDeque<Deed>>,
    told: Mutex<Vec<Told>>,
    errors: AtomicUsize,
}

impl Load {
    fn new(deeds: VecDeque<Deed>) -> Arc<Self> {
        Arc::new(Self { deeds: Mutex::new(deeds), told: Mutex::default(), errors: AtomicUsize::new(0) })
    }

    fn left(&self) -> usize {
        self.deeds.lock().unwrap().len()
    }

    /// A person who does one deed after the other.
    async fn work(self: Arc<Self>) -> anyhow::Result<()> {
        loop {
            let Some(deed) = self.deeds.lock().unwrap().pop_front() else { return Ok(()) };
            let began = Instant::now();
            let taken = loop {
                match deed.form.send(&deed.client).await {
                    Ok(true) => break true,
                    Ok(false) => anyhow::bail!("refused: {:?}", deed.about),
                    Err(_) => self.errors.fetch_add(1, Ordering::Relaxed),
                };
                if !deed.insists {
                    break false;
                }
                ensure!(began.elapsed() < LIMIT, "not taken: {:?}", deed.about);
                tokio::time::sleep(Duration::from_millis(200)).await;
            };
            self.told.lock().unwrap().push(Told { about: deed.about, taken });
        }
    }
}

/// Each deed was done once where its doer was told so, and once or not at all where she was not. Returns how many
/// were done that nobody was told of.
async fn check(
    app: &TestApp,
    db: &PgPool,
    told: &[Told],
    accounts: &[(OrderId, String)],
    ends: &[Option<i64>],
) -> anyhow::Result<usize> {
    ensure!(told.len() == PLACED + RENEWED + APPROVED, "{} deeds were done", told.len());
    let mut untold = 0;
    for Told { about, taken } in told {
        let done: Vec<String> = match about {
            About::Order(name) => {
                let sql = "SELECT o.status || t.type FROM orders o JOIN transactions t ON t.order_id = o.id
                           WHERE o.marzban_username = $1";
                sqlx::query_scalar(sql).bind(name).fetch_all(db).await?
            }
            About::Renewal(order, name) => {
                let sql = "SELECT o.status || t.type FROM orders o JOIN transactions t ON t.order_id = o.id
                           WHERE o.id = $1 AND t.type <> 'ORDER_CREATED'";
                let done: Vec<String> = sqlx::query_scalar(sql).bind(order.0).fetch_all(db).await?;
                let at = accounts.iter().position(|(known, _)| known == order).unwrap_or_default();
                let end = app.simulator.user(name).and_then(|user| user.expire);
                let renewed = i64::try_from(done.len())? * DAYS * 24 * 3600;
                ensure!(end == ends[at].map(|end| end + renewed), "{name} ends at {end:?} after {done:?}");
                done
            }
            About::Payment(payment) => {
                let sql =
                    "SELECT p.status || t.type FROM payments p JOIN transactions t ON t.payment_id = p.id
                           WHERE p.id = $1 AND t.type <> 'CHARGE_PENDING'";
                sqlx::query_scalar(sql).bind(payment.0).fetch_all(db).await?
            }
        };
        let once = match about {
            About::Order(_) => "ACTIVEORDER_CREATED",
            About::Renewal(..) => "ACTIVEORDER_RENEWED",
            About::Payment(_) => "APPROVEDCHARGE_APPROVED",
        };
        match taken {
            true => ensure!(done == [once], "{about:?} was taken: {done:?}"),
            false => ensure!(done.is_empty() || done == [once], "{about:?} was left: {done:?}"),
        }
        untold += usize::from(!taken && !done.is_empty());
    }
    Ok(untold)
}
