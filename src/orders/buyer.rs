//! Who buys, at whose price, and what she may spend: the rules that a purchase and a renewal have in common.

use sqlx::PgConnection;

use crate::{
    ids::{PlanId, UserId},
    ledger::Balance,
    money::Toman,
    plans::{self, Plan},
};

/// Why something is not sold; nothing was charged.
#[derive(Debug, thiserror::Error)]
pub enum Unaffordable {
    #[error("the buyer is disabled")]
    BuyerDisabled,
    #[error("the plan is not on offer")]
    PlanInactive,
    #[error("the price changed")]
    PriceChanged { now: Toman },
    /// The wallet is below zero, by `owed` Toman.
    #[error("the wallet is below zero")]
    BelowZero { owed: Toman },
    #[error("not enough credit")]
    NotEnough { missing: Toman },
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Whose rules hold for a buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    Admin,
    Agent,
    EndUser,
}

/// The buyer, as the rules see her.
pub struct Buyer {
    pub kind: Kind,
    pub prefix: String,
    /// How much pending credit she may spend, Toman.
    pub ceiling: Toman,
}

impl Buyer {
    /// The buyer, held as she is until the caller's transaction ends.
    ///
    /// # Errors
    /// [`Unaffordable::BuyerDisabled`], or when the database fails.
    pub async fn find(conn: &mut PgConnection, user: UserId) -> Result<Self, Unaffordable> {
        let row = sqlx::query!(
            r#"SELECT u.role AS "kind: Kind", u.status, coalesce(a.username_prefix, '') AS "prefix!",
                      coalesce(a.pending_ceiling, 0) AS "ceiling!: Toman"
               FROM users u LEFT JOIN agents a ON a.user_id = u.id WHERE u.id = $1 FOR SHARE OF u"#,
            user.0
        )
        .fetch_one(conn)
        .await?;
        if row.status != "ACTIVE" {
            return Err(Unaffordable::BuyerDisabled);
        }
        Ok(Self { kind: row.kind, prefix: row.prefix, ceiling: row.ceiling })
    }

    /// A plan on offer and what it costs her today, if that is the price that she saw.
    ///
    /// # Errors
    /// [`Unaffordable::PlanInactive`], [`Unaffordable::PriceChanged`], or when the database fails.
    pub async fn offer(
        &self,
        conn: &mut PgConnection,
        plan: PlanId,
        price_seen: Toman,
    ) -> Result<(Plan, Toman), Unaffordable> {
        let plan = plans::find_active(conn, plan).await?.ok_or(Unaffordable::PlanInactive)?;
        let price = if self.kind == Kind::EndUser { plan.price_public } else { plan.price_agent };
        if price == price_seen { Ok((plan, price)) } else { Err(Unaffordable::PriceChanged { now: price }) }
    }

    /// Whether the locked wallet bears the price. The admin's own orders may take hers below zero.
    ///
    /// # Errors
    /// [`Unaffordable::BelowZero`], [`Unaffordable::NotEnough`].
    pub fn check_credit(&self, balance: &Balance, price: Toman) -> Result<(), Unaffordable> {
        if self.kind == Kind::Admin {
            return Ok(());
        }
        if balance.total().is_negative() {
            return Err(Unaffordable::BelowZero { owed: -balance.total() });
        }
        let spendable = balance.spendable(self.ceiling);
        if spendable < price { Err(Unaffordable::NotEnough { missing: price - spendable }) } else { Ok(()) }
    }
}
