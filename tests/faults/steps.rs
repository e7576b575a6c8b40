//! One fault at a time, at each step of each operation.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::{StreamExt as _, stream};

use super::{
    gate::Fault,
    operations::{Form, Operation},
    panel::Panel,
    shop::{Copy, Shop},
    support::Client,
    table::{Outcome, Table, report},
};

/// How long everything may take to be well again.
pub const LIMIT: Duration = Duration::from_secs(60);
/// Shops at once: most of the time is waiting for a lease to run out. All kills of an operation fit in.
const AT_ONCE: usize = 20;

/// Where a fault stands.
struct Trap<'a> {
    path: &'a [String],
    target: usize,
    fault: Fault,
}

async fn try_all(operation: Operation) {
    let shop = Shop::open().await.unwrap();
    let (path, _) = run(&shop, operation, None).await.unwrap();
    let steps = 0..path.len();
    let mut faults: Vec<(usize, Fault)> = steps.flat_map(|at| Fault::ALL.map(|fault| (at, fault))).collect();
    // The database's connections break in the test of its restart.
    faults.retain(|(at, fault)| fault.is_kill() || path[*at].contains("/api/"));
    // What takes longest begins first.
    faults.sort_by_key(|(_, fault)| !fault.is_kill());
    let (shop_of_all, path_of_all) = (&shop, &path);
    let cells: Vec<(usize, Fault, Outcome)> = stream::iter(faults)
        .map(|(target, fault)| async move {
            let trap = Trap { path: path_of_all, target, fault };
            let outcome = run(shop_of_all, operation, Some(trap)).await;
            (target, fault, outcome.map(|(_, took)| took).map_err(|error| format!("{error:#}")))
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    shop.close().await.unwrap();
    let table = Table::new(operation.name(), path, cells);
    report(operation.name(), &table.markdown());
    assert_eq!(table.failures(), Vec::<String>::new());
    assert!(table.longest() <= LIMIT, "{:?}", table.longest());
}

/// Does the operation in a copy of the shop, with one fault or none. Returns its steps, and how long after the fault
/// all was well.
async fn run(
    shop: &Shop,
    operation: Operation,
    trap: Option<Trap<'_>>,
) -> anyhow::Result<(Vec<String>, Duration)> {
    let mut copy = shop.copy().await?;
    let panel = Panel::start(&copy.world()).await?;
    let client = operation.client(shop).at(panel.address);
    let form = operation.open(shop, &client).await?;
    match &trap {
        None => copy.gate.record(),
        Some(trap) => copy.gate.lay(trap.path, trap.target, trap.fault),
    }
    let sent = tokio::spawn({
        let (form, client) = (form.clone(), client.clone());
        async move { form.send(&client).await }
    });
    let mut began = Instant::now();
    let mut panel = panel;
    if let Some(trap) = &trap {
        let sprung = tokio::time::timeout(LIMIT, copy.gate.sprung()).await;
        sprung.with_context(|| format!("the step was never reached: {}", panel.log()))?;
        began = Instant::now();
        if trap.fault.is_kill() {
            panel.kill().await?;
            copy.renew_way().await?;
            panel = Panel::start(&copy.world()).await?;
        }
    }
    let client = client.at(panel.address);
    if !matches!(sent.await?, Ok(true)) {
        persist(&form, &client).await.with_context(|| panel.log())?;
    }
    let outcome = settle(shop, operation, &copy, &form, &client, began).await;
    let took = outcome.with_context(|| panel.log())?;
    let path = copy.gate.recorded();
    panel.kill().await?;
    copy.close().await?;
    Ok((path, took))
}

/// Sends the same form again until it is taken, as a person would.
async fn persist(form: &Form, client: &Client) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        match form.send(client).await {
            Ok(true) => return Ok(()),
            answer => ensure!(began.elapsed() < LIMIT, "the form is not taken: {answer:?}"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Waits until nothing is under way, and looks at everything; then sends the form once more, which changes nothing.
async fn settle(
    shop: &Shop,
    operation: Operation,
    copy: &Copy,
    form: &Form,
    client: &Client,
    began: Instant,
) -> anyhow::Result<Duration> {
    quiet(&copy.db, began, LIMIT).await?;
    let took = began.elapsed();
    operation.check(shop, copy, form).await?;
    let _ = form.send(client).await?;
    quiet(&copy.db, Instant::now(), LIMIT).await?;
    operation.check(shop, copy, form).await.context("after the form was sent once more")?;
    copy.world().verify().await?;
    Ok(took)
}

/// Ready when no job is left, no change waits and no order is being made.
pub async fn quiet(db: &sqlx::PgPool, began: Instant, limit: Duration) -> anyhow::Result<()> {
    loop {
        let left: Vec<String> = sqlx::query_scalar(
            "SELECT 'job ' || kind || ': ' || coalesce(last_error, '') FROM jobs WHERE finished_at IS NULL
             UNION ALL SELECT 'change ' || kind FROM order_changes WHERE status = 'WAITING'
             UNION ALL SELECT 'order ' || marzban_username FROM orders WHERE status = 'PROVISIONING'",
        )
        .fetch_all(db)
        .await?;
        if left.is_empty() {
            return Ok(());
        }
        ensure!(began.elapsed() < limit, "still left: {left:?}");
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn placing_an_order_survives_a_fault_at_each_step() {
    try_all(Operation::Place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn renewing_survives_a_fault_at_each_step() {
    try_all(Operation::Renew).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_survives_a_fault_at_each_step() {
    try_all(Operation::Delete).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switching_off_survives_a_fault_at_each_step() {
    try_all(Operation::Disable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn approving_a_payment_for_an_order_survives_a_fault_at_each_step() {
    try_all(Operation::Approve).await;
}
