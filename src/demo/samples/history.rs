//! Six weeks in the life of the sample shop, event by event.

use anyhow::Context;
use uuid::Uuid;

use super::{Shop, picture};
use crate::{
    calendar::Time,
    ids::{OrderId, PaymentId, UserId},
    money::Toman,
    orders::{self, NewOrder, purchase},
    payment_methods,
    payments::{self, ApprovalInput, NewPayment},
    plans::Plan,
    web::AppState,
    worker,
};

/// What becomes of a payment.
#[derive(Clone, Copy)]
enum End {
    Approved,
    /// Approved with another amount than claimed, Toman.
    Corrected(i64),
    Rejected(&'static str),
    Withdrawn,
    Waiting,
}

enum Event {
    Pays {
        who: UserId,
        toman: i64,
        end: End,
    },
    Orders {
        who: UserId,
        plan: usize,
        username: &'static str,
        alias: &'static str,
        on_hold: bool,
    },
    /// An end user orders and pays for it by a receipt.
    Buys {
        who: UserId,
        plan: usize,
        username: &'static str,
        end: End,
    },
}

/// Lives through the history up to `now`.
///
/// # Errors
/// The first failure, with what was being done.
pub async fn live_through(app: &AppState, shop: &Shop, now: Time, accounts: bool) -> anyhow::Result<()> {
    let events = events(shop);
    let count = events.len();
    for (i, (hours_ago, event)) in events.into_iter().enumerate() {
        app.clock.set(now - time::Duration::hours(hours_ago) - time::Duration::minutes(7 * (i as i64 % 8)));
        match event {
            Event::Pays { who, toman, end } => {
                let seed = u32::try_from(i).unwrap_or_default();
                pay(app, shop, (who, None), toman, end, seed)
                    .await
                    .with_context(|| format!("sample payment {i}"))?;
            }
            Event::Orders { .. } | Event::Buys { .. } if !accounts => {}
            Event::Buys { who, plan, username, end } => {
                let seed = u32::try_from(i).unwrap_or_default();
                buy(app, shop, (who, plan, username), end, seed)
                    .await
                    .with_context(|| format!("sample purchase {i}"))?;
                worker::run_due(app).await?;
            }
            Event::Orders { who, plan, username, alias, on_hold } => {
                let new = NewOrder {
                    buyer: who,
                    plan: *shop.plans.get(plan).context("a sample plan")?,
                    price_seen: price_of(app, shop, plan).await?,
                    username,
                    alias,
                    note: "",
                    on_hold,
                    request_id: Uuid::new_v4(),
                };
                orders::place(&app.db, &new, app.clock.now())
                    .await
                    .with_context(|| format!("sample order {i}"))?;
                worker::run_due(app).await?;
            }
        }
        if (i + 1) % 10 == 0 {
            println!("  {} of {count} events", i + 1);
        }
    }
    Ok(())
}

async fn price_of(app: &AppState, shop: &Shop, plan: usize) -> anyhow::Result<Toman> {
    Ok(plan_of(app, shop, plan).await?.price_agent)
}

async fn plan_of(app: &AppState, shop: &Shop, plan: usize) -> anyhow::Result<Plan> {
    let mut conn = app.db.acquire().await?;
    let id = *shop.plans.get(plan).context("a sample plan")?;
    crate::plans::find_active(&mut conn, id).await?.context("a sample plan on offer")
}

async fn buy(
    app: &AppState,
    shop: &Shop,
    (who, plan, username): (UserId, usize, &str),
    end: End,
    seed: u32,
) -> anyhow::Result<()> {
    let plan = plan_of(app, shop, plan).await?;
    let new = NewOrder {
        buyer: who,
        plan: plan.id,
        price_seen: plan.price_public,
        username,
        alias: "",
        note: "",
        on_hold: false,
        request_id: Uuid::new_v4(),
    };
    let order = purchase::reserve(&app.db, &new, who.into(), app.clock.now()).await?;
    pay(app, shop, (who, Some(order)), plan.price_public.0, end, seed).await
}

async fn pay(
    app: &AppState,
    shop: &Shop,
    (who, order): (UserId, Option<OrderId>),
    toman: i64,
    end: End,
    seed: u32,
) -> anyhow::Result<()> {
    let now = app.clock.now();
    let drawn =
        payment_methods::draw(&app.db, who, Some(Toman(toman)), now).await?.context("a method on offer")?;
    let receipt = payments::keep_receipt(&app.db, &app.receipts, who, picture::receipt(seed)?, now).await?;
    let new = NewPayment {
        request_id: Uuid::new_v4(),
        method: drawn.id,
        amount: Toman(toman),
        tracking_number: Some(format!("{}", 140_509_000_000_i64 + i64::from(seed) * 7_919)),
        transaction_hash: drawn.needs_hash().then(|| picture::digits(seed)),
        note: String::new(),
        receipt,
    };
    let payment = match order {
        Some(order) => payments::submit_for_order(&app.db, who, &new, order, now).await?.id,
        None => payments::submit(&app.db, who, &new, now).await?.id,
    };
    app.clock.advance(time::Duration::minutes(25));
    decide(app, shop, who, payment, end).await
}

async fn decide(
    app: &AppState,
    shop: &Shop,
    who: UserId,
    payment: PaymentId,
    end: End,
) -> anyhow::Result<()> {
    let now = app.clock.now();
    let approve = |actual: Option<Toman>| ApprovalInput { actual, note: None };
    match end {
        End::Approved => payments::approve(&app.db, payment, shop.sara, approve(None), now).await?,
        End::Corrected(toman) => {
            payments::approve(&app.db, payment, shop.sara, approve(Some(Toman(toman))), now).await?;
        }
        End::Rejected(reason) => payments::reject(&app.db, payment, shop.sara, reason, now).await?,
        End::Withdrawn => payments::withdraw(&app.db, payment, who, now).await?,
        End::Waiting => {}
    }
    Ok(())
}

/// The history, oldest first: hours before now, and what happened.
fn events(shop: &Shop) -> Vec<(i64, Event)> {
    let pays = |who, toman, end| Event::Pays { who, toman, end };
    let orders = |who, plan, username, alias| Event::Orders { who, plan, username, alias, on_hold: false };
    let on_hold = |who, plan, username, alias| Event::Orders { who, plan, username, alias, on_hold: true };
    let buys = |who, plan, username, end| Event::Buys { who, plan, username, end };
    let (reza, mina, kian, nima) = (shop.reza, shop.mina, shop.kian, shop.nima);
    let day = |days: i64| days * 24;
    vec![
        (day(41), pays(reza, 2_000_000, End::Approved)),
        (day(40), pays(mina, 1_500_000, End::Approved)),
        (day(39), orders(reza, 2, "ali_tehran", "علی همسایه")),
        (day(38), orders(mina, 2, "mina_sahar", "سحر")),
        (day(36), pays(kian, 800_000, End::Approved)),
        (day(35), orders(reza, 3, "office_1", "دفتر، طبقه اول")),
        (day(33), pays(reza, 500_000, End::Rejected("مبلغ رسید با مبلغ اعلام‌شده یکی نیست."))),
        (day(32), pays(reza, 1_000_000, End::Corrected(900_000))),
        (day(29), orders(reza, 0, "neda88", "ندا")),
        (day(28), orders(mina, 1, "mina_family", "خانواده")),
        (day(28), orders(kian, 1, "knbehrad", "بهراد")),
        (day(27), orders(reza, 1, "hamed_g", "حامد گیم")),
        (day(24), pays(mina, 700_000, End::Approved)),
        (day(21), orders(reza, 0, "parisa_m", "پریسا")),
        (day(19), pays(reza, 1_200_000, End::Approved)),
        (day(17), orders(mina, 0, "mina_ava", "آوا")),
        (day(14), orders(reza, 1, "shop_cam", "دوربین مغازه")),
        (day(13), buys(nima, 1, "nima_phone", End::Approved)),
        (day(12), pays(kian, 400_000, End::Withdrawn)),
        (day(11), pays(kian, 600_000, End::Approved)),
        (day(10), orders(kian, 0, "knsina", "سینا")),
        (day(8), orders(reza, 4, "unlimited_b", "بابک، نامحدود")),
        (day(6), on_hold(reza, 0, "gift_01", "هدیه")),
        (day(4), pays(mina, 900_000, End::Approved)),
        (day(3), orders(mina, 3, "mina_cafe", "کافه")),
        (day(2), orders(reza, 0, "amir_k", "امیر")),
        (9, pays(reza, 750_000, End::Approved)),
        (day(1), buys(nima, 0, "nima_tv", End::Rejected("رسید خوانا نیست؛ عکس واضح‌تری بفرستید."))),
        (5, pays(mina, 450_000, End::Waiting)),
        (3, pays(kian, 300_000, End::Waiting)),
        (2, buys(nima, 0, "nima_laptop", End::Waiting)),
        (1, pays(reza, 1_250_000, End::Waiting)),
    ]
}
