//! Rooms: the direction of imports, and the one writer of each table.

use std::collections::BTreeSet;

use super::{Source, has_word, nothing_found, rust, wrong_lines};

/// Knows neither HTTP nor tables. That includes the counting for Prometheus: requests, jobs and calls end in different
/// layers, and each tells it.
const FOUNDATION: &[&str] =
    &["calendar", "config", "ids", "locale", "metrics", "money", "persian", "qr", "request_id", "role"];
/// Joins the caller's transaction.
const CORE: &[&str] = &["audit", "jobs", "ledger", "marzban", "notices", "panel", "receipts"];
/// Owns transactions and pages.
const FEATURES: &[&str] = &[
    "accounts",
    "agents",
    "backups",
    "customers",
    "help",
    "log",
    "orders",
    "overview",
    "payment_methods",
    "payments",
    "people",
    "plans",
    "profile",
    "reports",
    "settings",
    "setup",
    "upkeep",
    "verification",
];
/// May import whatever there is. So does what Prometheus reads, since it tells of the pool, the circuit, the open pages
/// and every room's rows.
const TOP: &[&str] = &["app", "commands", "demo", "main", "scrape", "worker"];

/// The base of the handlers carries these handles to them in its state, shows the viewer's balance, and says who acts
/// from where.
const CORE_OF_WEB: &[&str] = &["audit", "ledger", "notices", "panel", "receipts"];

/// Which room may call which beside the layers, and why. Every edge is one that can't be turned round or go through a
/// table.
const EDGES: &[(&str, &str)] = &[
    // Marzban is one kind of panel; which one the shop has, only the top knows.
    ("marzban", "panel"),
    // The owner sets up this very kind of panel, and is told what is wrong with it.
    ("settings", "marzban"),
    // A message to be sent is a job; the owner's settings of it are a deed; a warning goes by the wallet's deadline.
    ("notices", "jobs"),
    ("notices", "audit"),
    ("notices", "ledger"),
    // An agent and a customer are people who sign in.
    ("agents", "accounts"),
    ("customers", "accounts"),
    // What the admin sees of both, and does to both, is one thing.
    ("agents", "people"),
    ("customers", "people"),
    // Her account is disabled; her orders and payments have a status.
    ("people", "accounts"),
    ("people", "orders"),
    ("people", "payments"),
    // Whoever changes her own name and phone changes them where her role keeps them.
    ("profile", "accounts"),
    ("profile", "agents"),
    ("profile", "customers"),
    // The first admin signs in, and names her shop.
    ("setup", "accounts"),
    ("setup", "settings"),
    // A new agent begins with the shop's own ceiling.
    ("agents", "settings"),
    // What is ordered is a plan.
    ("orders", "plans"),
    // A payment goes to a method, within the shop's limits.
    ("payments", "payment_methods"),
    ("payments", "settings"),
    // The decision about a payment settles the order that it is for, in its own transaction.
    ("payments", "orders"),
    // A report tells of payments in their own words.
    ("reports", "payments"),
    // What was restored must be proved, and everybody signs in anew.
    ("backups", "verification"),
    ("backups", "accounts"),
    // What happened since the backup is missing: who owes gets time, and numbers of orders are left out.
    ("backups", "agents"),
    ("backups", "orders"),
];

/// Who writes which table; nobody else does. The session store has its own.
const WRITERS: &[(&str, &str)] = &[
    ("notices", "notices"),
    ("notice_channels", "notices"),
    ("notice_deliveries", "notices"),
    ("notice_links", "notices"),
    ("notice_mutes", "notices"),
    ("notice_quiet_hours", "notices"),
    ("notice_settings", "notices"),
    ("users", "accounts"),
    ("sign_ins", "accounts"),
    ("login_attempts", "accounts"),
    ("two_factors", "accounts"),
    ("recovery_codes", "accounts"),
    ("setup_codes", "setup"),
    ("shop_texts", "settings"),
    ("agents", "agents"),
    ("end_users", "customers"),
    ("registration_attempts", "customers"),
    ("settings", "settings"),
    ("audit_log", "audit"),
    ("plans", "plans"),
    ("plan_prices", "plans"),
    ("payment_methods", "payment_methods"),
    ("payment_draws", "payment_methods"),
    ("wallets", "ledger"),
    ("transactions", "ledger"),
    ("orders", "orders"),
    ("order_changes", "orders"),
    ("order_selections", "orders"),
    ("order_selection_items", "orders"),
    ("order_batches", "orders"),
    ("order_batch_items", "orders"),
    ("order_imports", "orders"),
    ("order_import_items", "orders"),
    ("marzban_users", "orders"),
    ("usage_samples", "orders"),
    ("receipts", "receipts"),
    ("payments", "payments"),
    ("jobs", "jobs"),
    ("scheduled_runs", "jobs"),
    ("exports", "reports"),
    ("backups", "backups"),
];

/// The first name under `src/`.
fn room(source: &Source) -> &str {
    let path = source.path.strip_prefix("src/").unwrap();
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

fn is_handler(source: &Source) -> bool {
    source.path.contains("/handlers")
}

/// The rooms that the file names: `crate::room` and the first names in `use crate::{…}`.
fn imports(source: &Source) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in source.text.match_indices("crate::") {
        let rest = &source.text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut name = String::new();
            // The name ends at anything else; what follows it up to the comma belongs to it.
            let mut named = false;
            for c in group.chars() {
                let part = c.is_alphanumeric() || c == '_';
                if depth == 1 && !named && part {
                    name.push(c);
                } else if !name.is_empty() {
                    found.insert(std::mem::take(&mut name));
                    named = true;
                }
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => named = false,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    let rooms = [FOUNDATION, CORE, FEATURES, TOP, &["web"]].concat();
    found.retain(|name| rooms.contains(&name.as_str()));
    found
}

fn may_import(source: &Source, other: &str) -> bool {
    let room = room(source);
    let foundation = FOUNDATION.contains(&other);
    if room == other || TOP.contains(&room) || room == "lib" {
        return true;
    }
    if other == "marzban" {
        return EDGES.contains(&(room, other));
    }
    if FOUNDATION.contains(&room) || CORE.contains(&room) {
        // Notices are raised by features and have pages of their own.
        return foundation || EDGES.contains(&(room, other)) || (other == "web" && is_handler(source));
    }
    if room == "web" {
        return foundation || CORE_OF_WEB.contains(&other);
    }
    foundation
        || CORE.contains(&other)
        || EDGES.contains(&(room, other))
        || (other == "web" && is_handler(source))
}

#[test]
fn every_room_has_its_layer() {
    let known = [FOUNDATION, CORE, FEATURES, TOP, &["web", "lib"]].concat();
    let sources = rust();
    let rooms: BTreeSet<&str> = sources.iter().map(room).collect();
    let unknown: Vec<String> =
        rooms.iter().filter(|room| !known.contains(room)).map(ToString::to_string).collect();
    nothing_found(&unknown, "Write down which layer these rooms belong to:");
    let gone: Vec<String> =
        known.iter().filter(|room| !rooms.contains(*room)).map(ToString::to_string).collect();
    nothing_found(&gone, "These rooms are gone; take them off the list:");
}

#[test]
fn imports_go_down_and_never_up_or_across() {
    let mut findings = Vec::new();
    for source in rust() {
        for other in imports(&source).iter().filter(|other| !may_import(&source, other)) {
            findings.push(format!("{} imports {other}", source.path));
        }
    }
    nothing_found(
        &findings,
        "Move the thing down to where both may reach it, read the table in SQL, or give the edge a reason in EDGES:",
    );
    let crossed: BTreeSet<(String, String)> = rust()
        .iter()
        .flat_map(|source| imports(source).into_iter().map(|other| (room(source).to_owned(), other)))
        .collect();
    let unused = EDGES.iter().filter(|(from, to)| !crossed.contains(&((*from).to_owned(), (*to).to_owned())));
    let unused: Vec<String> = unused.map(|(from, to)| format!("{from} → {to}")).collect();
    nothing_found(&unused, "Nobody takes these ways any more; close them in EDGES:");
}

#[test]
fn imports_are_seen_in_every_form() {
    let source = |text: &str| Source { path: "src/ledger/mod.rs".to_owned(), text: text.to_owned() };
    let seen = |text: &str| imports(&source(text)).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(seen("use crate::web::Role;"), "web");
    assert_eq!(
        seen("use crate::{\n    audit::{self, web},\n    plans,\n    ids::UserId,\n};"),
        "audit ids plans"
    );
    assert_eq!(seen("let x = crate::settings::get(); use crate::money;"), "money settings");
    assert!(
        !may_import(&source(""), "web")
            && !may_import(&source(""), "orders")
            && may_import(&source(""), "ids")
    );
}

#[test]
fn only_handlers_know_http_and_templates() {
    let crates = ["axum", "askama", "axum_extra", "axum_htmx", "tower_http", "tower_sessions"];
    let findings = wrong_lines(&rust(), |source, line| {
        let may = is_handler(source) || matches!(room(source), "web" | "app" | "scrape" | "demo");
        // The worker empties the table of the session store.
        let cleaning = room(source) == "worker" && line.contains("ExpiredDeletion");
        !may && !cleaning
            && crates.iter().any(|name| line.contains(&format!("{name}::")) && has_word(line, name))
    });
    nothing_found(&findings, "Move what knows HTTP into handlers:");
}

/// The tables that an SQL text writes.
fn written(text: &str) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for verb in ["INSERT INTO ", "UPDATE ", "DELETE FROM "] {
        for (at, _) in text.match_indices(verb) {
            let rest = &text[at + verb.len()..];
            let table: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            if !table.is_empty() {
                found.push((verb.trim(), table));
            }
        }
    }
    found
}

#[test]
fn each_table_has_one_writer() {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for source in rust() {
        for (verb, table) in written(&source.text) {
            let writer = WRITERS.iter().find(|(name, _)| *name == table).map(|(_, writer)| *writer);
            seen.insert(table.clone());
            // The demo may set the clock of what it made back; nobody's money is in a demo.
            if writer != Some(room(&source)) && room(&source) != "demo" {
                findings.push(format!("{}: {verb} {table}, whose writer is {writer:?}", source.path));
            }
        }
    }
    nothing_found(&findings, "Call a verb of the room that owns the table:");
    assert!(seen.contains("wallets") && seen.contains("payments") && seen.len() > 10, "found only {seen:?}");
}

#[test]
fn queries_name_their_columns_and_turn_pages_by_key() {
    let findings = wrong_lines(&rust(), |_, line| line.contains("SELECT *") || line.contains("RETURNING *"));
    nothing_found(&findings, "Name the columns that the page shows:");
    let findings = wrong_lines(&rust(), |_, line| has_word(line, "OFFSET"));
    nothing_found(&findings, "Page by the key of the last row; OFFSET reads all that it skips:");
}

#[test]
fn rows_of_the_ledger_are_only_added() {
    let findings = wrong_lines(&rust(), |_, line| {
        line.contains("UPDATE transactions")
            || line.contains("DELETE FROM transactions")
            || line.contains("TRUNCATE")
    });
    nothing_found(&findings, "Post the opposite instead:");
}
