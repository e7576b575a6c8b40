//! What every handler can reach.

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

use ipnet::IpNet;
use reqwest::Url;
use sqlx::PgPool;

use crate::{
    calendar::Clock,
    config::{BackupConfig, MarzbanConfig},
    notices::Couriers,
    panel::Server,
    receipts,
};

use super::{answers::Answers, health::Health, live::Hub};

/// What the configuration says that pages tell of.
#[derive(Clone, Debug, Default)]
pub struct Configured {
    pub marzban: Option<MarzbanConfig>,
    /// The panel's own address, as people type it.
    pub public_url: Option<Url>,
}

/// The parts of the running panel. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub db: PgPool,
    pub clock: Clock,
    pub server: Server,
    pub receipts: receipts::Store,
    pub live: Hub,
    pub health: Health,
    /// How requests ended lately.
    pub answers: Answers,
    /// The ways by which notices leave the panel.
    pub couriers: Couriers,
    pub backups: Arc<BackupConfig>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// What the configuration says that pages tell of.
    pub configured: Arc<Configured>,
    /// The shop's name as last read, for pages that must show without the database.
    last_shop_name: Arc<RwLock<String>>,
}

impl AppState {
    /// Puts the parts together.
    pub fn new(
        db: PgPool,
        clock: Clock,
        server: Server,
        receipts: receipts::Store,
        live: Hub,
        backups: BackupConfig,
        trusted_proxies: Vec<IpNet>,
    ) -> Self {
        Self {
            db,
            clock,
            server,
            receipts,
            live,
            health: Health::default(),
            answers: Answers::default(),
            couriers: Couriers::default(),
            backups: Arc::new(backups),
            trusted_proxies: trusted_proxies.into(),
            configured: Arc::default(),
            last_shop_name: Arc::default(),
        }
    }

    /// The same with these ways out for notices.
    #[must_use]
    pub fn with_couriers(mut self, couriers: Couriers) -> Self {
        self.couriers = couriers;
        self
    }

    /// The same with pages that tell of this configuration.
    #[must_use]
    pub fn configured_by(mut self, marzban: MarzbanConfig, public_url: Option<Url>) -> Self {
        self.configured = Arc::new(Configured { marzban: Some(marzban), public_url });
        self
    }

    /// Whether `address` is a proxy of ours.
    pub fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }

    /// The shop's name as last read from the settings; empty before the first reading.
    pub fn last_shop_name(&self) -> String {
        self.last_shop_name.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the shop's name for pages that must show without the database.
    pub fn remember_shop_name(&self, name: &str) {
        let mut last = self.last_shop_name.write().unwrap_or_else(PoisonError::into_inner);
        if *last != name {
            name.clone_into(&mut last);
        }
    }
}
