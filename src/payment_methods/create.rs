//! Bringing a method in.

use sqlx::PgConnection;

use super::MethodType;
use crate::{calendar::Time, ids::PaymentMethodId, money::Toman};

/// Where the money of a new method goes.
#[derive(Clone, Copy, Debug)]
pub enum Destination<'a> {
    /// 16 Latin digits with a valid Luhn digit.
    Card {
        number: &'a str,
    },
    /// `IR` and 24 Latin digits, mod 97 = 1.
    Sheba {
        number: &'a str,
    },
    Crypto {
        coin: &'a str,
        network: &'a str,
        address: &'a str,
        bonus_percent: i32,
    },
}

/// A new method.
#[derive(Clone, Copy, Debug)]
pub struct NewMethod<'a> {
    /// The shop's own name for it.
    pub alias: &'a str,
    pub holder: &'a str,
    pub bank: &'a str,
    pub destination: Destination<'a>,
    pub daily_limit_count: Option<i32>,
    /// Toman.
    pub daily_limit_amount: Option<Toman>,
}

/// Stores a method, which is on offer at once.
///
/// # Errors
/// A check violation when the number has not the format of its type.
pub async fn create(
    conn: &mut PgConnection,
    new: &NewMethod<'_>,
    now: Time,
) -> sqlx::Result<PaymentMethodId> {
    let (method_type, card, sheba, coin, network, address, bonus) = match new.destination {
        Destination::Card { number } => (MethodType::Card, Some(number), None, None, None, None, 0),
        Destination::Sheba { number } => (MethodType::Sheba, None, Some(number), None, None, None, 0),
        Destination::Crypto { coin, network, address, bonus_percent } => {
            (MethodType::Crypto, None, None, Some(coin), Some(network), Some(address), bonus_percent)
        }
    };
    sqlx::query_scalar!(
        r#"INSERT INTO payment_methods (type, alias, holder, bank, card_number, sheba, coin, network, wallet_address,
                                        bonus_percent, daily_limit_count, daily_limit_amount, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) RETURNING id AS "id: PaymentMethodId""#,
        method_type as MethodType,
        new.alias,
        new.holder,
        new.bank,
        card,
        sheba,
        coin,
        network,
        address,
        bonus,
        new.daily_limit_count,
        new.daily_limit_amount.map(|amount| amount.0),
        now
    )
    .fetch_one(conn)
    .await
}
