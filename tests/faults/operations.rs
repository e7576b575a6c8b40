//! What is done, as a browser does it, and what must have come of it.

use anyhow::{Context, ensure};
use rad_panel::demo::simulator::{
    Simulator,
    user::{Status, User},
};
use reqwest::Method;
use scraper::{Html, Selector};
use sqlx::{PgPool, Row as _};

use super::{
    shop::{Copy, DAYS, PRICE, PUBLIC, Shop},
    support::Client,
};

/// What moves money and accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Place,
    Renew,
    Delete,
    Disable,
    /// A payment for an order: the decision charges it, and its account is made.
    Approve,
}

impl Operation {
    pub fn name(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Renew => "renew",
            Self::Delete => "delete",
            Self::Disable => "disable",
            Self::Approve => "approve",
        }
    }

    /// Who does it.
    pub fn client(self, shop: &Shop) -> &Client {
        if self == Self::Approve { &shop.sara } else { &shop.reza }
    }

    /// Opens the page of the form, and fills it in.
    pub async fn open(self, shop: &Shop, client: &Client) -> anyhow::Result<Form> {
        let account = format!("/agent/users/{}", shop.account);
        let (page, action) = match self {
            Self::Place => ("/agent/create-user".to_owned(), "/agent/create-user".to_owned()),
            Self::Renew => (format!("{account}/renewal"), format!("{account}/renewal")),
            Self::Delete => (format!("{account}/deletion"), format!("{account}/deletion")),
            Self::Disable => (account.clone(), format!("{account}/disabling")),
            Self::Approve => {
                return Ok(Form::bare(format!("/admin/payments/{}/approval", shop.payment)));
            }
        };
        let mut form = Form::read(client, &page, action).await?;
        if self == Self::Place {
            form.set("username", "reza_new");
        }
        Ok(form)
    }

    /// Everything that must be true when all is quiet; the first thing that isn't is the error.
    pub async fn check(self, shop: &Shop, copy: &Copy, form: &Form) -> anyhow::Result<()> {
        check_accounts(&copy.db, &copy.simulator).await?;
        let before = shop.users.iter().find(|user| user.username == "reza_old").context("no account")?;
        let old = copy.simulator.user("reza_old");
        let entries = entries(copy).await?;
        let entries: Vec<(&str, &str, i64, i64)> =
            entries.iter().map(|(user, kind, c, p)| (user.as_str(), kind.as_str(), *c, *p)).collect();
        let expected = match self {
            Self::Place => {
                status(copy, "reza_new", "ACTIVE").await?;
                vec![("reza", "ORDER_CREATED", -PRICE, 0)]
            }
            Self::Renew => {
                status(copy, "reza_old", "ACTIVE").await?;
                let User { expire, used_traffic, .. } = old.context("the account is gone")?;
                let end = before.expire.map(|end| end + DAYS * 24 * 3600);
                ensure!(expire == end, "ends at {expire:?}, not at {end:?}");
                ensure!(used_traffic == 0, "{used_traffic} bytes are used");
                vec![("reza", "ORDER_RENEWED", -PRICE, 0)]
            }
            Self::Delete => {
                status(copy, "reza_old", "DELETED").await?;
                ensure!(old.is_none(), "the account is there");
                let seen: i64 = form.value("refund").context("no refund was shown")?.parse()?;
                let paid = entries.first().map_or(0, |entry| entry.2);
                ensure!(paid <= seen && paid >= seen * 99 / 100, "{paid} came back, {seen} was shown");
                vec![("reza", "ORDER_REFUND", paid, 0)]
            }
            Self::Disable => {
                status(copy, "reza_old", "DISABLED").await?;
                let old = old.context("the account is gone")?;
                ensure!(old.status == Status::Disabled, "the account is {:?}", old.status);
                vec![("reza", "ORDER_DISABLED", 0, 0)]
            }
            Self::Approve => {
                status(copy, "nima_new", "ACTIVE").await?;
                vec![("nima", "CHARGE_APPROVED", PUBLIC, -PUBLIC), ("nima", "ORDER_CREATED", -PUBLIC, 0)]
            }
        };
        ensure!(entries == expected, "the ledger has {entries:?}, not {expected:?}");
        Ok(())
    }
}

/// No account is free, and none is paid and missing: there is one for each order that lives, by its note, and no
/// other.
pub async fn check_accounts(db: &PgPool, simulator: &Simulator) -> anyhow::Result<()> {
    let mut paid: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT marzban_username, 'RAD order #' || id FROM orders WHERE status IN ('ACTIVE', 'DISABLED')",
    )
    .fetch_all(db)
    .await?;
    let mut there: Vec<(String, Option<String>)> =
        simulator.users().into_iter().map(|user| (user.username, user.note)).collect();
    paid.sort();
    there.sort();
    ensure!(paid == there, "paid for are {paid:?}, there are {there:?}");
    Ok(())
}

/// The rows of the ledger since the shop was opened: whose, type, change of confirmed and of pending credit.
async fn entries(copy: &Copy) -> anyhow::Result<Vec<(String, String, i64, i64)>> {
    let rows = sqlx::query(
        "SELECT u.username, t.type, t.confirmed_delta, t.pending_delta
         FROM transactions t JOIN users u ON u.id = t.user_id
         WHERE t.created_at > (SELECT max(started_at) FROM scheduled_runs) ORDER BY t.id",
    )
    .fetch_all(&copy.db)
    .await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect())
}

async fn status(copy: &Copy, username: &str, expected: &str) -> anyhow::Result<()> {
    let found: Vec<String> = sqlx::query_scalar("SELECT status FROM orders WHERE marzban_username = $1")
        .bind(username)
        .fetch_all(&copy.db)
        .await?;
    ensure!(found == [expected], "orders of {username}: {found:?}, not one that is {expected}");
    Ok(())
}

/// A form that was filled in.
#[derive(Clone)]
pub struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// As it stands in a page, with its first plan chosen.
    pub async fn read(client: &Client, page: &str, action: String) -> anyhow::Result<Self> {
        let body = client.request(Method::GET, page).send().await?.error_for_status()?.text().await?;
        let selector = format!("form[action=\"{action}\"] input[name]:not([type=checkbox]):not([disabled])");
        let selector = Selector::parse(&selector).map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut fields: Vec<(String, String)> = Vec::new();
        for input in Html::parse_document(&body).select(&selector) {
            let name = input.attr("name").unwrap_or_default();
            if fields.iter().all(|(known, _)| known != name) {
                fields.push((name.to_owned(), input.attr("value").unwrap_or_default().to_owned()));
            }
        }
        ensure!(fields.iter().any(|(name, _)| name == "request_id"), "no form {action} in {body}");
        Ok(Self { action, fields })
    }

    /// A button.
    pub fn bare(action: String) -> Self {
        Self { action, fields: Vec::new() }
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Sends it: whether it was taken. An error is a connection that broke, or an answer that is no answer.
    pub async fn send(&self, client: &Client) -> anyhow::Result<bool> {
        let answer = client.request(Method::POST, &self.action).form(&self.fields).send().await?;
        Ok(answer.error_for_status()?.status() == 303)
    }
}
