//! The 24-hour rule over a thousand accounts, killed while it asks for them and while they are switched off.

use std::time::{Duration, Instant};

use anyhow::ensure;
use rad_panel::{
    demo::simulator::{Simulator, user::Status},
    jobs::schedule::Task,
    ledger, orders, worker,
};
use sqlx::PgPool;

use super::{
    operations::check_accounts,
    panel::Panel,
    shop::{Copy, PRICE, Shop, order},
    steps::quiet,
    table::report,
};

/// With the one that the shop has already.
const ACCOUNTS: i64 = 1000;
/// How long nothing may move: a killed panel's lease and a start on a busy machine. How long all of it takes is
/// measured, not judged.
const PATIENCE: Duration = Duration::from_secs(90);

const ASKED: &str = "SELECT count(*) FROM order_changes WHERE kind = 'DISABLE'";
const OFF: &str =
    "SELECT count(*) FROM orders WHERE status = 'DISABLED' AND disabled_reason = 'NEGATIVE_CREDIT'";
const ON: &str = "SELECT count(*) FROM orders WHERE status = 'ACTIVE' AND disabled_reason IS NULL";

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_accounts_are_switched_off_once_each_and_come_back_though_the_panel_is_killed() {
    let shop = Shop::open().await.unwrap();
    let copy = shop.copy().await.unwrap();
    let outcome = try_strike(&shop, &copy).await;
    copy.close().await.unwrap();
    shop.close().await.unwrap();
    outcome.unwrap();
}

async fn try_strike(shop: &Shop, copy: &Copy) -> anyhow::Result<()> {
    sell(shop, copy).await?;
    let now = shop.app.clock.now();
    leave(shop, &copy.db, -5_000, now - time::Duration::hours(25)).await?;
    due(&copy.db, Task::Suspension).await?;
    let world = copy.world();

    let began = Instant::now();
    let panel = Panel::start(&world).await?;
    until(&copy.db, ASKED, ACCOUNTS / 3).await?;
    panel.kill().await?;
    let asked = count(&copy.db, ASKED).await?;
    ensure!(asked < ACCOUNTS, "it was too fast to be killed while it asks");

    let panel = Panel::start(&world).await?;
    until(&copy.db, OFF, ACCOUNTS * 2 / 3).await?;
    panel.kill().await?;
    let off = count(&copy.db, OFF).await?;
    ensure!(off < ACCOUNTS, "it was too fast to be killed while it switches off");

    let panel = Panel::start(&world).await?;
    until(&copy.db, OFF, ACCOUNTS).await?;
    quiet(&copy.db, Instant::now(), PATIENCE).await?;
    let struck = began.elapsed();
    ensure!(count(&copy.db, ASKED).await? == ACCOUNTS, "each is asked for once");
    ensure!(there(&copy.simulator, Status::Disabled) == ACCOUNTS, "some still work");
    panel.kill().await?;

    leave(shop, &copy.db, 0, shop.app.clock.now()).await?;
    due(&copy.db, Task::Relief).await?;
    let began = Instant::now();
    let panel = Panel::start(&world).await?;
    until(&copy.db, ON, ACCOUNTS / 3).await?;
    panel.kill().await?;
    let panel = Panel::start(&world).await?;
    until(&copy.db, ON, ACCOUNTS).await?;
    quiet(&copy.db, Instant::now(), PATIENCE).await?;
    let relieved = began.elapsed();
    ensure!(there(&copy.simulator, Status::Active) == ACCOUNTS, "some are still off");
    panel.kill().await?;
    check_accounts(&copy.db, &copy.simulator).await?;
    world.verify().await?;
    report(
        "strike",
        &format!(
            "### The 24-hour rule over {ACCOUNTS} accounts\n\nKilled after {asked} were asked for and again after {off} \
             were off: all off, each once, {:.1} s after the first start. Killed once more on the way back: all on \
             after {:.1} s.\n",
            struck.as_secs_f64(),
            relieved.as_secs_f64()
        ),
    );
    Ok(())
}

/// Reza's accounts, made by the worker of this process.
async fn sell(shop: &Shop, copy: &Copy) -> anyhow::Result<()> {
    let app = &shop.app;
    let state = shop.state(&copy.db, &copy.simulator)?;
    let now = app.clock.now();
    leave(shop, &copy.db, ACCOUNTS * PRICE, now).await?;
    for number in 1..ACCOUNTS {
        orders::place(&copy.db, &order(app.reza, shop.plan, &format!("reza_{number}"), PRICE), now).await?;
    }
    worker::run_due(&state).await?;
    ensure!(count(&copy.db, ON).await? == ACCOUNTS, "not all were made");
    Ok(())
}

/// Changes Reza's credit by hand at that time, so that this is what is left.
async fn leave(shop: &Shop, db: &PgPool, toman: i64, at: rad_panel::calendar::Time) -> anyhow::Result<()> {
    let total = ledger::balance(&mut *db.acquire().await?, shop.app.reza).await?.total().0;
    Ok(shop.app.give_credit_in(db, shop.app.reza, toman - total, at).await?)
}

/// Lets the next run of a task begin with the panel.
async fn due(db: &PgPool, task: Task) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM scheduled_runs WHERE task = $1").bind(task.code()).execute(db).await?;
    Ok(())
}

async fn count(db: &PgPool, sql: &'static str) -> sqlx::Result<i64> {
    sqlx::query_scalar(sql).fetch_one(db).await
}

async fn until(db: &PgPool, sql: &'static str, wanted: i64) -> anyhow::Result<()> {
    let (mut found, mut moved) = (count(db, sql).await?, Instant::now());
    while found < wanted {
        ensure!(moved.elapsed() < PATIENCE, "stays at {found} of {wanted}: {sql}");
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now = count(db, sql).await?;
        if now != found {
            (found, moved) = (now, Instant::now());
        }
    }
    Ok(())
}

fn there(simulator: &Simulator, status: Status) -> i64 {
    simulator.users().iter().filter(|user| user.status == status).count() as i64
}
