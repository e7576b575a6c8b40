//! Who pays, and where her pages stand.

use std::ops::Deref;

use axum::extract::FromRequestParts;

use crate::{
    ledger::Balance,
    money::Toman,
    web::{Admin, Agent, AppError, AppState, EndUser, Viewer},
};

/// The addresses of a payer's pages.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    pub wallet: &'static str,
    /// The part of the wallet that follows by itself.
    pub latest: &'static str,
    pub history: &'static str,
    /// The form of a payment.
    pub charge: &'static str,
    /// Where that form is sent to; without JavaScript a form with errors stands there.
    pub payments: &'static str,
    /// The wallet's statement on paper.
    pub statement: &'static str,
    /// Pending credit can be spent.
    pub spends_pending: bool,
}

impl Area {
    /// The wallet's one figure: what she may count on.
    pub fn figure(&self, balance: Balance) -> Toman {
        if self.spends_pending { balance.total() } else { balance.confirmed }
    }
}

/// A person with a wallet of her own, as her door lets her in.
pub trait Payer:
    Deref<Target = Viewer> + FromRequestParts<AppState, Rejection = AppError> + Send + Sync + 'static
{
    const AREA: Area;
}

impl Payer for Admin {
    // The queue has the address of the payments.
    const AREA: Area = Area {
        wallet: "/admin/wallet",
        latest: "/admin/wallet/latest",
        history: "/admin/wallet/history",
        charge: "/admin/wallet/charge",
        payments: "/admin/wallet/payments",
        statement: "/admin/wallet/statement",
        spends_pending: true,
    };
}

impl Payer for Agent {
    const AREA: Area = Area {
        wallet: "/agent/wallet",
        latest: "/agent/wallet/payments",
        history: "/agent/wallet/history",
        charge: "/agent/wallet/charge",
        payments: "/agent/payments",
        statement: "/agent/wallet/statement",
        spends_pending: true,
    };
}

impl Payer for EndUser {
    const AREA: Area = Area {
        wallet: "/user/payments",
        latest: "/user/payments/latest",
        history: "/user/payments/history",
        charge: "/user/payments/new",
        payments: "/user/payments",
        statement: "/user/payments/statement",
        spends_pending: false,
    };
}
