//! The panel as it runs: pages, worker and live changes, over a database of its own and a Marzban.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use image::{DynamicImage, ImageFormat};
use rad_panel::{
    calendar::Clock,
    ids::{OrderId, PaymentId, PlanId, UserId},
    money::Toman,
    orders::{self, NewOrder},
    payment_methods::{self, Destination, NewMethod},
    payments::{self, NewPayment},
    worker::{self, Background},
};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{browser::Browser, chrome::Options, pictures, support::TestApp};

/// What the plan of [`Shop`] costs an agent, Toman.
pub const PRICE: i64 = 90_000;

/// A running panel with its worker.
pub struct Shop {
    app: TestApp,
    worker: Background,
    /// 30 days and 30 GB.
    pub plan: PlanId,
    files: tempfile::TempDir,
    time: JoinHandle<()>,
    receipts: AtomicU64,
}

impl Shop {
    /// Opens with a card to pay to and one plan.
    pub async fn open(db: PgPool) -> Self {
        let app = TestApp::start(db).await;
        open_card(&app).await;
        let plan = app.plan("یک‌ماهه، ۳۰ گیگ", 30, Some(30), PRICE).await;
        Self::run(app, plan).await
    }

    /// Nobody has set it up yet.
    pub async fn build(db: PgPool) -> Self {
        Self::run(TestApp::fresh(db).await, PlanId(0)).await
    }

    async fn run(app: TestApp, plan: PlanId) -> Self {
        let time = tokio::spawn(let_time_pass(app.clock.clone()));
        let worker = worker::start(&app.state).await.unwrap();
        let (files, receipts) = (tempfile::tempdir().unwrap(), AtomicU64::new(100));
        Self { app, worker, plan, files, time, receipts }
    }

    /// A browser that has not signed in.
    pub async fn browser(&self, options: Options) -> Browser {
        Browser::start(self.app.url(""), options).await
    }

    /// A browser of this person, signed in.
    pub async fn signed_in(&self, username: &str, options: Options) -> Browser {
        let browser = self.browser(options).await;
        browser.sign_in(username).await;
        browser
    }

    /// A picture on the disk, for a form to choose.
    pub fn picture(&self, picture: &DynamicImage) -> PathBuf {
        let path = self.files.path().join(format!("{}.png", Uuid::new_v4()));
        fs::write(&path, pictures::encode(picture, ImageFormat::Png)).unwrap();
        path
    }

    /// A folder for what a test writes.
    pub fn files(&self) -> &Path {
        self.files.path()
    }

    /// A payment that waits, with a picture as its receipt, as the agent's form submits it.
    pub async fn claim(&self, payer: UserId, toman: i64) -> PaymentId {
        self.claim_by(payer, toman, self.receipts.fetch_add(1, Ordering::Relaxed)).await
    }

    /// The same with the receipt of this number, which may have been sent before.
    pub async fn claim_by(&self, payer: UserId, toman: i64, number: u64) -> PaymentId {
        let new = self.new_claim(payer, toman, number).await;
        payments::submit(&self.db, payer, &new, self.clock.now()).await.unwrap().id
    }

    /// A payment for an order that waits for it.
    pub async fn claim_for(&self, payer: UserId, toman: i64, order: OrderId) -> PaymentId {
        let number = self.receipts.fetch_add(1, Ordering::Relaxed);
        let new = self.new_claim(payer, toman, number).await;
        payments::submit_for_order(&self.db, payer, &new, order, self.clock.now()).await.unwrap().id
    }

    async fn new_claim(&self, payer: UserId, toman: i64, number: u64) -> NewPayment {
        let now = self.clock.now();
        let picture = pictures::encode(&pictures::receipt(number), ImageFormat::Png);
        let receipt =
            payments::keep_receipt(&self.db, &self.state.receipts, payer, picture, now).await.unwrap();
        let method = payment_methods::draw(&self.db, payer, None, now).await.unwrap().unwrap();
        NewPayment {
            request_id: Uuid::new_v4(),
            method: method.id,
            amount: Toman(toman),
            tracking_number: Some(format!("14050902{number:06}")),
            transaction_hash: None,
            note: String::new(),
            receipt,
        }
    }

    /// An order, as the agent's form places it; the worker makes its account.
    pub async fn order(&self, buyer: UserId, username: &str) -> OrderId {
        let new = NewOrder {
            buyer,
            plan: self.plan,
            price_seen: Toman(PRICE),
            username,
            alias: "خانم نیک‌پندار",
            note: "از طرف یکی از همکارها معرفی شده است",
            on_hold: false,
            request_id: Uuid::new_v4(),
        };
        orders::place(&self.db, &new, self.clock.now()).await.unwrap()
    }

    /// Lets the running jobs end; fails when money disagrees with itself or a job was left unrun.
    pub async fn close(self) {
        self.worker.stop().await;
        self.time.abort();
        self.app.finish().await;
    }
}

/// A card that payers are sent to.
pub async fn open_card(app: &TestApp) {
    let card = NewMethod {
        alias: "کارت ملی",
        holder: "سارا احمدی",
        bank: "بانک ملی",
        destination: Destination::Card { number: "6037991234567893" },
        daily_limit_count: None,
        daily_limit_amount: None,
    };
    payment_methods::create(&mut app.db.acquire().await.unwrap(), &card, app.clock.now()).await.unwrap();
}

/// The clock of the tests stands still; a worker that puts a job off needs one that runs.
async fn let_time_pass(clock: Clock) {
    loop {
        clock.set(Clock::system().now());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl Deref for Shop {
    type Target = TestApp;

    fn deref(&self) -> &TestApp {
        &self.app
    }
}
