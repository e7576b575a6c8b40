//! What every page needs beside its own content: language, colours, navigation, messages, the shop's name.

use axum::{extract::FromRequestParts, http::request::Parts};
use tower_sessions::Session;

use super::{
    AppError, AppState, Role, assets,
    client::{Preferences, Theme},
    view_as::Viewing,
    viewer::{self, Support},
};
use crate::{
    calendar::Time,
    locale::{Digits, Language, Tr},
};

const FLASHES: &str = "flashes";

/// A link of the navigation.
#[derive(Clone, Debug)]
pub struct NavItem {
    pub href: &'static str,
    pub label: String,
    pub icon: &'static str,
    pub current: bool,
    /// A number that wants attention.
    pub badge: Option<String>,
    /// Stands out, as the thing done most.
    pub primary: bool,
}

/// A message that is shown once.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Flash {
    /// `ok`, `warn`, `bad` or `info`.
    pub kind: String,
    pub text: String,
}

/// The person, as the frame of the page shows her.
#[derive(Clone, Debug)]
pub struct Person {
    pub username: String,
    pub display_name: String,
    pub role_label: String,
}

/// The credit in the frame of the page.
#[derive(Clone, Debug)]
pub struct WalletChip {
    pub total: String,
    pub negative: bool,
    pub href: &'static str,
}

/// A banner with a countdown.
#[derive(Clone, Debug)]
pub struct Notice {
    pub text: String,
    /// Unix seconds.
    pub countdown_unix: i64,
}

/// Whose pages an admin is looking at.
#[derive(Clone, Debug)]
pub struct Viewed {
    pub name: String,
    /// Where that person's pages begin.
    pub href: &'static str,
    /// How long the look lasts, in words.
    pub left: String,
}

/// The frame of a page.
#[derive(Clone, Debug)]
pub struct Page {
    pub t: Tr,
    pub title: String,
    pub shop: String,
    pub path: String,
    pub nav: Vec<NavItem>,
    pub flashes: Vec<Flash>,
    pub viewer: Option<Person>,
    pub wallet: Option<WalletChip>,
    pub notice: Option<Notice>,
    /// How many notices she has not read; empty for none.
    pub unread: String,
    /// Accounts can't be made at the moment: for those who order them.
    pub server_is_away: bool,
    /// Set while an admin looks at somebody's pages, on all pages.
    pub viewed: Option<Viewed>,
    /// Where the shop answers questions.
    pub support: Support,
    /// The instant of this request, UTC.
    pub now: Time,
    preferences: Preferences,
}

impl Page {
    /// A page for a stranger, drawn without asking the database.
    pub fn without_viewer(app: &AppState, preferences: Preferences, title: String, path: String) -> Self {
        Self {
            t: preferences.tr(),
            title,
            shop: app.last_shop_name(),
            path,
            nav: Vec::new(),
            flashes: Vec::new(),
            viewer: None,
            wallet: None,
            notice: None,
            unread: String::new(),
            server_is_away: false,
            viewed: None,
            support: Support::default(),
            now: app.clock.now(),
            preferences,
        }
    }

    /// The same page under this title.
    #[must_use]
    pub fn titled(mut self, title: String) -> Self {
        self.title = title;
        self
    }

    /// The code of the language.
    pub fn lang(&self) -> &'static str {
        self.preferences.language.code()
    }

    /// The writing direction.
    pub fn dir(&self) -> &'static str {
        self.preferences.language.direction()
    }

    /// The chosen colours; empty follows the device.
    pub fn theme(&self) -> &'static str {
        match self.preferences.theme {
            Theme::System => "",
            chosen => chosen.code(),
        }
    }

    /// Whether Persian text shows Latin digits.
    pub fn latin_digits(&self) -> bool {
        self.preferences.digits == Digits::Latin
    }

    /// Whether the page is in Persian.
    pub fn is_persian(&self) -> bool {
        self.preferences.language == Language::Fa
    }

    pub fn css(&self) -> &'static str {
        assets::css_url()
    }

    pub fn js(&self) -> &'static str {
        assets::js_url()
    }

    pub fn sprite(&self) -> &'static str {
        assets::sprite_url()
    }

    pub fn font(&self) -> &'static str {
        assets::font_url()
    }
}

impl FromRequestParts<AppState> for Page {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, AppError> {
        let mut preferences = Preferences::read(&parts.headers);
        let path = parts.uri.path().to_owned();
        let viewer = parts.extensions.get::<super::Viewer>().cloned();
        if let Some(viewer) = &viewer {
            preferences = preferences.of(viewer);
        }
        let mut page = Self::without_viewer(app, preferences, String::new(), path);
        if !parts.headers.contains_key("hx-request") {
            page.flashes = take_flashes(parts).await?;
        }
        match viewer {
            None => {
                (page.shop, page.support) = viewer::shop(&app.db).await?;
                app.remember_shop_name(&page.shop);
            }
            Some(viewer) => {
                page.server_is_away = viewer.role != Role::Admin && app.server.reach().is_shut();
                page.welcome(&viewer);
            }
        }
        if let Some(Viewing { person, until }) = parts.extensions.get::<Viewing>() {
            page.viewed = Some(Viewed {
                name: person.display_name.clone(),
                href: person.role.home(),
                left: page.t.remaining(*until - page.now),
            });
        }
        Ok(page)
    }
}

impl Page {
    fn welcome(&mut self, viewer: &super::Viewer) {
        let t = self.t;
        self.shop.clone_from(&viewer.shop_name);
        if viewer.role != Role::Admin {
            self.support.clone_from(&viewer.support);
        }
        self.nav = navigation(&t, viewer, &self.path);
        self.unread = match viewer.notices_unread {
            0 => String::new(),
            unread @ 1..=99 => t.number(unread),
            _ => t.layout_many_unread(t.number(99)),
        };
        self.viewer = Some(Person {
            username: viewer.username.clone(),
            display_name: viewer.display_name.clone(),
            role_label: match viewer.role {
                Role::Admin => t.role_admin(),
                Role::Agent => t.role_agent(),
                Role::EndUser => t.role_end_user(),
            },
        });
        if viewer.role == Role::EndUser {
            // Only confirmed credit is hers to spend.
            let confirmed = viewer.balance.confirmed;
            self.wallet = Some(WalletChip {
                total: t.amount(confirmed),
                negative: confirmed.0 < 0,
                href: "/user/payments",
            });
        }
        if viewer.role == Role::Agent {
            let total = viewer.balance.total();
            self.wallet =
                Some(WalletChip { total: t.amount(total), negative: total.0 < 0, href: "/agent/wallet" });
            self.notice = viewer.balance.deadline(viewer.deadline_deferred_until).map(|deadline| {
                let owed = t.layout_below_zero(t.amount(crate::money::Toman(-total.0)), t.datetime(deadline));
                // Put off only where that is later than the rule.
                let is_put_off = viewer.deadline_deferred_until == Some(deadline);
                let text = match &viewer.deadline_deferred_reason {
                    Some(reason) if is_put_off => format!("{owed} {}", t.layout_put_off(reason)),
                    _ => owed,
                };
                Notice { text, countdown_unix: deadline.unix_timestamp() }
            });
        }
    }
}

fn navigation(t: &Tr, viewer: &super::Viewer, path: &str) -> Vec<NavItem> {
    let item = |href: &'static str, label: String, icon: &'static str| NavItem {
        href,
        label,
        icon,
        current: false,
        badge: None,
        primary: false,
    };
    let mut items = match viewer.role {
        Role::Admin => {
            let waiting = viewer.payments_waiting;
            vec![
                item("/admin", t.nav_overview(), "home"),
                NavItem {
                    badge: (waiting > 0).then(|| t.number(waiting)),
                    ..item("/admin/payments", t.nav_payments(), "banknotes")
                },
                item("/admin/orders", t.nav_orders(), "inbox"),
                item("/admin/agents", t.nav_agents(), "users"),
                item("/admin/customers", t.nav_customers(), "user-group"),
                item("/admin/payments/history", t.nav_payment_history(), "clock"),
                item("/admin/plans", t.nav_plans(), "shopping-bag"),
                item("/admin/payment-methods", t.nav_payment_methods(), "credit-card"),
                item("/admin/reports", t.nav_reports(), "chart"),
                item("/admin/settings", t.nav_settings(), "cog"),
                item("/admin/upkeep", t.nav_upkeep(), "signal"),
                item("/admin/log", t.nav_log(), "list"),
            ]
        }
        Role::Agent => vec![
            item("/agent", t.nav_overview(), "home"),
            item("/agent/wallet", t.nav_wallet(), "wallet"),
            NavItem { primary: true, ..item("/agent/create-user", t.nav_create_account(), "user-plus") },
            item("/agent/users", t.nav_accounts(), "users"),
        ],
        Role::EndUser => {
            let mut items = vec![
                item("/user", t.nav_overview(), "home"),
                item("/user/accounts", t.nav_my_accounts(), "users"),
                item("/user/payments", t.nav_payments(), "wallet"),
            ];
            if viewer.purchase_open {
                let buy = item("/user/buy", t.nav_buy(), "shopping-bag");
                items.insert(1, NavItem { primary: true, ..buy });
            }
            items
        }
    };
    // The page belongs to the item with the longest address above it; an area's own page only to itself.
    let above =
        |href: &str| path == href || (href.matches('/').count() > 1 && path.starts_with(&format!("{href}/")));
    if let Some(item) = items.iter_mut().filter(|item| above(item.href)).max_by_key(|item| item.href.len()) {
        item.current = true;
    }
    items
}

/// Leaves a message for the next page.
///
/// # Errors
/// [`AppError::Unavailable`] when the session can't be stored.
pub async fn flash(session: &Session, kind: &str, text: String) -> Result<(), AppError> {
    let mut flashes: Vec<Flash> = session.get(FLASHES).await?.unwrap_or_default();
    flashes.push(Flash { kind: kind.to_owned(), text });
    session.insert(FLASHES, flashes).await?;
    Ok(())
}

async fn take_flashes(parts: &mut Parts) -> Result<Vec<Flash>, AppError> {
    let Some(session) = parts.extensions.get::<Session>() else { return Ok(Vec::new()) };
    if session.get_value(FLASHES).await?.is_none() {
        return Ok(Vec::new());
    }
    Ok(session.remove(FLASHES).await?.unwrap_or_default())
}
