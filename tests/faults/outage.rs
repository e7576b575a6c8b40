//! Marzban is away, for an hour or for long enough that fifty orders wait: nothing is lost, nothing is paid back, and
//! all is done by itself when it is back.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::{StreamExt as _, stream};
use rad_panel::{
    demo::simulator::user::Status,
    ids::OrderId,
    ledger,
    money::Toman,
    orders::{
        self,
        changes::{self, By, ChangeError, Deletion, Renewal},
    },
    payments::{self, ApprovalInput},
    worker,
};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    operations::{Form, check_accounts},
    panel::Panel,
    shop::{DAYS, PRICE, Shop, order},
    steps::{LIMIT, quiet},
    table::report,
};

const ORDERS: usize = 50;
/// By then the pause between two looks for the server has grown to its longest.
const ABSENCE: Duration = Duration::from_secs(24);

#[tokio::test(flavor = "multi_thread")]
async fn fifty_orders_that_waited_are_delivered_when_the_server_is_back() {
    let shop = Shop::open().await.unwrap();
    let copy = shop.copy().await.unwrap();
    let simulator = &copy.simulator;
    simulator.take_measured_time();
    let mut world = copy.world();
    world.marzban = simulator.base_url();
    let panel = Panel::start(&world).await.unwrap();
    let reza = shop.reza.at(panel.address);
    let form = Form::read(&reza, "/agent/create-user", "/agent/create-user".to_owned()).await.unwrap();
    simulator.down().await;
    let gone = Instant::now();
    stream::iter(0..ORDERS)
        .for_each_concurrent(8, |number| {
            let (mut form, reza) = (form.clone(), &reza);
            form.set("request_id", &Uuid::new_v4().to_string());
            form.set("username", &format!("reza_{number}"));
            async move { assert!(form.send(reza).await.unwrap(), "order {number} was not taken") }
        })
        .await;
    tokio::time::sleep(ABSENCE.saturating_sub(gone.elapsed())).await;
    let absence = gone.elapsed();
    simulator.up().await.unwrap();
    let back = Instant::now();
    let mut first = None;
    let took = loop {
        let sql = "SELECT count(*) FROM orders WHERE status = 'ACTIVE' AND marzban_username <> 'reza_old'";
        let made: i64 = sqlx::query_scalar(sql).fetch_one(&copy.db).await.unwrap();
        let now = back.elapsed();
        first = first.or((made > 0).then_some(now));
        if usize::try_from(made).unwrap() == ORDERS {
            break now;
        }
        assert!(now < LIMIT, "{made} of {ORDERS} after {now:?}: {}", panel.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    quiet(&copy.db, back, LIMIT).await.unwrap();
    check_accounts(&copy.db, simulator).await.unwrap();
    copy.world().verify().await.unwrap();
    report(
        "fifty-orders",
        &format!(
            "### {ORDERS} orders waited for Marzban, which was away for {:.0} s\n\nThe first was delivered {:.1} s \
             after its return, the last {:.1} s after it (with the times that Marzban was measured to take).\n",
            absence.as_secs_f64(),
            first.unwrap_or_default().as_secs_f64(),
            took.as_secs_f64()
        ),
    );
    panel.kill().await.unwrap();
    copy.close().await.unwrap();
    shop.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_without_the_server_loses_nothing_and_pays_nothing_back() {
    let shop = Shop::open().await.unwrap();
    let copy = shop.copy().await.unwrap();
    let outcome = an_hour(&shop, &copy.db).await;
    copy.close().await.unwrap();
    shop.close().await.unwrap();
    outcome.unwrap();
}

/// In this process, whose clock can be moved; with the real worker.
async fn an_hour(shop: &Shop, db: &PgPool) -> anyhow::Result<()> {
    let (app, simulator) = (&shop.app, &shop.app.simulator);
    let clock = &app.clock;
    let state = shop.state(db, simulator)?;
    let mut made = Vec::new();
    for name in ["reza_renewed", "reza_deleted", "reza_off", "reza_kept"] {
        let now = clock.now();
        let new = order(app.reza, shop.plan, name, PRICE);
        made.push(orders::place(db, &new, now).await?);
    }
    worker::run_due(&state).await?;
    let &[renewed, deleted, off, kept] = made.as_slice() else { anyhow::bail!("{made:?}") };
    let end = simulator.user("reza_renewed").and_then(|user| user.expire);
    let by = By::Owner(app.reza.into());
    let deletion = |order| Deletion { order, refund_seen: None, request_id: Uuid::new_v4() };
    changes::delete(db, &state.server, &deletion(deleted), by, clock.now()).await?;

    simulator.down().await;
    let worker = worker::start(&state).await?;
    let new = order(app.reza, shop.plan, "reza_placed", PRICE);
    orders::place(db, &new, clock.now()).await?;
    let renewal =
        Renewal { order: renewed, plan: shop.plan, price_seen: Toman(PRICE), request_id: Uuid::new_v4() };
    changes::renew(db, &renewal, by, clock.now()).await?;
    changes::disable(db, off, by, Uuid::new_v4(), clock.now()).await?;
    payments::approve(db, shop.payment, app.sara, ApprovalInput::default(), clock.now()).await?;
    let unread = changes::delete(db, &state.server, &deletion(kept), by, clock.now()).await;
    ensure!(matches!(unread, Err(ChangeError::Unreadable(_))), "{unread:?}");

    let expected = wallets(db).await?;
    for minute in 1..=60 {
        clock.advance(time::Duration::minutes(1));
        tokio::time::sleep(Duration::from_millis(100)).await;
        ensure!(wallets(db).await? == expected, "money moved in minute {minute}");
        let found = ledger::verify(&mut *db.acquire().await?).await?;
        ensure!(found.is_empty(), "minute {minute}: {found:?}");
    }
    let waiting: i64 =
        sqlx::query_scalar("SELECT count(*) FROM jobs WHERE finished_at IS NULL").fetch_one(db).await?;
    ensure!(waiting == 5, "{waiting} jobs wait");

    simulator.up().await?;
    let back = Instant::now();
    quiet(db, back, LIMIT).await?;
    let took = back.elapsed();
    worker.stop().await;
    check_accounts(db, simulator).await?;
    let account = |name: &str| simulator.user(name);
    let is = async |id: OrderId, status: &str| -> anyhow::Result<()> {
        let found: String =
            sqlx::query_scalar("SELECT status FROM orders WHERE id = $1").bind(id.0).fetch_one(db).await?;
        ensure!(found == status, "order {id} is {found}, not {status}");
        Ok(())
    };
    is(renewed, "ACTIVE").await?;
    is(deleted, "DELETED").await?;
    is(off, "DISABLED").await?;
    is(kept, "ACTIVE").await?;
    ensure!(account("reza_placed").is_some() && account("nima_new").is_some(), "paid and missing");
    ensure!(account("reza_off").is_some_and(|user| user.status == Status::Disabled), "reza_off works");
    let later = account("reza_renewed").and_then(|user| user.expire);
    ensure!(later == end.map(|end| end + DAYS * 24 * 3600), "renewed from {end:?} to {later:?}");
    let found = ledger::verify(&mut *db.acquire().await?).await?;
    ensure!(found.is_empty(), "{found:?}");
    report(
        "hour",
        &format!(
            "### Marzban away for an hour (simulated clock)\n\n| step | asked | outcome |\n|---|---|---|\n\
             | place | while it was away | waited, paid once, made |\n| renew | while it was away | waited, paid once, \
             renewed once |\n| disable | while it was away | waited, switched off |\n| approve | while it was away | \
             decided at once, its order waited, made |\n| delete | before | waited, deleted, then paid back |\n\
             | delete | while it was away | refused: what was used can't be read; nothing changed |\n\nNo money moved \
             in the hour; all was done {:.1} s after its return.\n",
            took.as_secs_f64()
        ),
    );
    Ok(())
}

/// All wallets: confirmed and pending.
async fn wallets(db: &PgPool) -> anyhow::Result<Vec<(i64, i64, i64)>> {
    Ok(sqlx::query_as("SELECT user_id, confirmed, pending FROM wallets ORDER BY user_id")
        .fetch_all(db)
        .await?)
}
