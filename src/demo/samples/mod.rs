//! A shop to try: its people, plans and payment methods, and six weeks of history, made by the very verbs that
//! the pages call, with a clock that stands in the past.

mod history;
mod picture;
mod strays;
mod usage;

use anyhow::Context;
use sqlx::PgPool;

use super::CAST;
use crate::{
    accounts,
    agents::{self, NewAgent},
    calendar::{Clock, Time},
    config::Config,
    customers,
    ids::{PlanId, UserId},
    marzban,
    money::Toman,
    payment_methods::{self, Destination, NewMethod},
    plans::{self, NewPlan},
    receipts, settings,
    web::{AppState, Role, live::Hub},
};

pub use strays::leave_strays;
pub use usage::use_accounts;

/// The people and plans of the sample shop.
struct Shop {
    sara: UserId,
    reza: UserId,
    mina: UserId,
    kian: UserId,
    nima: UserId,
    plans: Vec<PlanId>,
}

/// Fills an empty database; one that knows anybody is left as it is. Accounts are ordered only where `accounts`
/// says that the Marzban behind is ours to fill.
///
/// # Errors
/// The first failure, with what was being done.
pub async fn fill(db: &PgPool, config: &Config, accounts: bool) -> anyhow::Result<()> {
    if sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users) AS "any!""#).fetch_one(db).await? {
        return Ok(());
    }
    println!("Filling a sample shop …");
    let now = Clock::system().now();
    let clock = Clock::fixed(now - time::Duration::days(42));
    let app = AppState::new(
        db.clone(),
        clock.clone(),
        marzban::server(&(&config.marzban).into(), clock.clone())?,
        receipts::Store::new(&config.upload_dir).context("the folder of the receipts can't be used")?,
        Hub::default(),
        config.backups.clone(),
        Vec::new(),
    );
    let shop = open_shop(db, clock.now()).await?;
    history::live_through(&app, &shop, now, accounts).await
}

async fn open_shop(db: &PgPool, now: Time) -> anyhow::Result<Shop> {
    let mut tx = db.begin().await?;
    settings::set_shop_name(&mut tx, "فروشگاه آسمان").await?;
    let password = |username: &str| {
        CAST.iter()
            .find(|person| person.username == username)
            .map_or("unused-demo-1405", |person| person.password)
    };
    let sara = accounts::create_user(&mut tx, "sara", password("sara"), Role::Admin, now).await?;
    let mut hired = Vec::new();
    for (username, first_name, last_name, phone, shop_name, province, city, prefix, ceiling) in [
        ("reza", "رضا", "کریمی", "09121234567", "موبایل رضا", "تهران", "تهران", None, 2_000_000),
        ("mina", "مینا", "احمدی", "09352345678", "مینا شاپ", "اصفهان", "کاشان", Some("mina_"), 1_000_000),
        ("kian", "کیان", "رستمی", "09173456789", "خدمات کیان", "فارس", "شیراز", Some("kn"), 0),
    ] {
        let agent = NewAgent {
            username,
            password: password(username),
            first_name,
            last_name,
            phone,
            shop_name,
            province,
            city,
            username_prefix: prefix,
            pending_ceiling: Toman(ceiling),
        };
        hired.push(agents::create(&mut tx, &agent, now).await?);
    }
    let nima = customers::create(&mut tx, "nima", password("nima"), "09194567890", now).await?;
    let mut shelf = Vec::new();
    for (position, (name, days, gb, public, agent)) in [
        ("یک‌ماهه ۲۰ گیگ", 30, Some(20), 120_000, 85_000),
        ("یک‌ماهه ۵۰ گیگ", 30, Some(50), 210_000, 155_000),
        ("دوماهه ۸۰ گیگ", 60, Some(80), 340_000, 260_000),
        ("سه‌ماهه ۱۵۰ گیگ", 90, Some(150), 560_000, 430_000),
        ("یک‌ماهه نامحدود", 30, None, 390_000, 310_000),
    ]
    .into_iter()
    .enumerate()
    {
        let plan = NewPlan {
            name,
            days,
            data_limit_gb: gb,
            price_public: Toman(public),
            price_agent: Toman(agent),
            position: i32::try_from(position)?,
        };
        shelf.push(plans::create(&mut tx, &plan, now).await?);
    }
    for method in payment_methods() {
        payment_methods::create(&mut tx, &method, now).await?;
    }
    tx.commit().await?;
    let [reza, mina, kian] = hired[..] else { anyhow::bail!("three agents are hired") };
    Ok(Shop { sara, reza, mina, kian, nima, plans: shelf })
}

fn payment_methods() -> [NewMethod<'static>; 4] {
    let card = |alias, holder, bank, number, limit| NewMethod {
        alias,
        holder,
        bank,
        destination: Destination::Card { number },
        daily_limit_count: Some(40),
        daily_limit_amount: Some(Toman(limit)),
    };
    [
        card("کارت ملی", "سارا محمدی", "بانک ملی", "6037991234567893", 60_000_000),
        card("کارت سامان", "سارا محمدی", "بانک سامان", "6219861012345673", 40_000_000),
        NewMethod {
            alias: "حساب ملت",
            holder: "سارا محمدی",
            bank: "بانک ملت",
            destination: Destination::Sheba { number: "IR160120000000001234567890" },
            daily_limit_count: None,
            daily_limit_amount: None,
        },
        NewMethod {
            alias: "تتر ترون",
            holder: "",
            bank: "",
            destination: Destination::Crypto {
                coin: "USDT",
                network: "TRC20",
                address: "TQn9Y2khEsLJW1ChVWFMSMeRDow5KcbLSE",
                bonus_percent: 10,
            },
            daily_limit_count: None,
            daily_limit_amount: None,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::{Destination, payment_methods};
    use crate::persian::{CardNumber, Sheba};

    #[test]
    fn the_sample_cards_and_accounts_are_valid() {
        for method in payment_methods() {
            match method.destination {
                Destination::Card { number } => assert!(CardNumber::parse(number).is_ok(), "{number}"),
                Destination::Sheba { number } => assert!(Sheba::parse(number).is_ok(), "{number}"),
                Destination::Crypto { address, .. } => assert_eq!(address.len(), 34),
            }
        }
    }
}
