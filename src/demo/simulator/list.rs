//! Many users at once: lists, resets of all, the expired.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State as Shared};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::Core;
use super::answers::{Answer, Refusal};
use super::auth::{Caller, pairs};
use super::formats::{iso, listed};
use super::state::State;
use super::user::{Status, User};
use super::users::{range, usages};

const STATUSES: [&str; 5] = ["active", "disabled", "limited", "expired", "on_hold"];

#[derive(Default)]
struct Query {
    limit: i64,
    offset: i64,
    search: Option<String>,
    usernames: Vec<String>,
    admins: Vec<String>,
    status: Option<Status>,
    /// Column and whether it descends.
    sort: Vec<(String, bool)>,
}

fn parse(query: &str) -> Result<Query, Refusal> {
    let mut parsed = Query::default();
    let mut errors = Map::new();
    let mut sort = None;
    for (key, value) in pairs(query) {
        match key.as_str() {
            "limit" | "offset" => match value.parse() {
                Ok(n) if key == "limit" => parsed.limit = n,
                Ok(n) => parsed.offset = n,
                Err(_) => {
                    let text = "Input should be a valid integer, unable to parse string as an integer";
                    errors.insert(key, text.into());
                }
            },
            "search" => parsed.search = Some(value).filter(|s| !s.is_empty()),
            "username" => parsed.usernames.push(value),
            "admin" => parsed.admins.push(value),
            "status" => {
                parsed.status = Status::from_wire(&value);
                if parsed.status.is_none() {
                    errors.insert(key, format!("Input should be {}", listed(&STATUSES)).into());
                }
            }
            "sort" => sort = Some(value),
            _ => {}
        }
    }
    if !errors.is_empty() {
        return Err(Refusal::Fields(errors));
    }
    for option in sort.iter().flat_map(|s| s.split(',')) {
        let column = option.strip_prefix('-').unwrap_or(option);
        let known = ["username", "used_traffic", "data_limit", "expire", "created_at"];
        if !known.contains(&column) {
            return Err(Refusal::detail(
                StatusCode::BAD_REQUEST,
                format!("\"{option}\" is not a valid sort option"),
            ));
        }
        parsed.sort.push((column.to_owned(), column != option));
    }
    Ok(parsed)
}

/// SQL's `LIKE '%pattern%'` as SQLite does it: `%` and `_` are wildcards, ASCII case is ignored.
fn like(text: &str, pattern: &str) -> bool {
    fn matches(text: &[char], pattern: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|i| matches(&text[i..], rest)),
            Some((c, rest)) => text
                .split_first()
                .is_some_and(|(t, tail)| (*c == '_' || t.eq_ignore_ascii_case(c)) && matches(tail, rest)),
        }
    }
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = format!("%{pattern}%").chars().collect();
    matches(&text, &pattern)
}

impl Query {
    fn wants(&self, user: &User) -> bool {
        let found = |pattern: &String| {
            like(&user.username, pattern) || user.note.as_ref().is_some_and(|n| like(n, pattern))
        };
        let owner = user.admin.as_ref();
        self.search.as_ref().is_none_or(found)
            && self.status.is_none_or(|s| s == user.status)
            && (self.usernames.is_empty() || self.usernames.contains(&user.username))
            && (self.admins.is_empty() || owner.is_some_and(|o| self.admins.contains(o)))
    }

    fn compare(&self, a: &User, b: &User) -> Ordering {
        let by = |column: &str| match column {
            "username" => a.username.cmp(&b.username),
            "used_traffic" => a.used_traffic.cmp(&b.used_traffic),
            "data_limit" => a.data_limit.cmp(&b.data_limit),
            "expire" => a.expire.cmp(&b.expire),
            _ => a.created_at.cmp(&b.created_at),
        };
        let each = self.sort.iter().map(|(column, descends)| match descends {
            true => by(column).reverse(),
            false => by(column),
        });
        each.fold(Ordering::Equal, Ordering::then)
    }
}

/// `GET /api/users`: everything unless `limit` is positive; 500 when a poisoned user is on the page.
pub async fn index(Shared(core): Shared<Arc<Core>>, caller: Caller, RawQuery(query): RawQuery) -> Answer {
    let mut query = parse(query.as_deref().unwrap_or(""))?;
    if !caller.0.is_sudo {
        query.admins = vec![caller.0.username.clone()];
    }
    let now = core.now();
    let (listed, answer) = core.read(|state| {
        let mut found: Vec<&User> = state.users.iter().filter(|u| query.wants(u)).collect();
        found.sort_by(|a, b| query.compare(a, b));
        let total = found.len();
        let limit = usize::try_from(query.limit).ok().filter(|l| *l > 0);
        let page: Vec<&User> = found
            .into_iter()
            .skip(usize::try_from(query.offset).unwrap_or(0))
            .take(limit.unwrap_or(usize::MAX))
            .collect();
        if page.iter().any(|u| u.is_poisoned()) {
            return (page.len(), Err(Refusal::Crash));
        }
        let users: Vec<Value> = page.iter().map(|u| u.view(state, now)).collect();
        (page.len(), Ok(Json(json!({"users": users, "total": total}))))
    });
    core.costs.list(listed).await;
    answer
}

/// `POST /api/users/reset`: a database admin resets its own users, the environment's admin everyone's.
pub async fn reset_all(Shared(core): Shared<Arc<Core>>, caller: Caller) -> Answer {
    caller.sudo()?;
    core.change(|state| {
        let mine = caller.0.in_database.then_some(caller.0.username.as_str());
        for user in &mut state.users {
            if mine.is_none() || user.admin.as_deref() == mine {
                if user.status == Status::Limited {
                    user.status = Status::Active;
                }
                user.used_traffic = 0;
                user.lifetime_used_traffic = 0;
                user.usage.clear();
                user.next_plan = None;
            }
        }
        Ok(Json(json!({"detail": "Users successfully reset."})))
    })
}

/// `GET /api/users/usage`.
pub async fn usage(Shared(core): Shared<Arc<Core>>, caller: Caller, RawQuery(query): RawQuery) -> Answer {
    let query = query.unwrap_or_default();
    let (start, end) = range(&query, core.now())?;
    let owners: Vec<String> =
        pairs(&query).into_iter().filter(|(k, _)| k == "admin").map(|(_, v)| v).collect();
    core.read(|state| {
        let wanted = |u: &&User| {
            caller.sees(u.admin.as_deref())
                && (owners.is_empty() || u.admin.as_ref().is_some_and(|o| owners.contains(o)))
        };
        let users = state.users.iter().filter(wanted);
        Ok(Json(json!({"usages": usages(users, start, end)})))
    })
}

/// Unix seconds of one bound; a date without zone is taken as UTC, and crashes as the only bound.
fn bound(query: &[(String, String)], key: &str) -> Result<Option<(i64, bool)>, Refusal> {
    let Some((_, value)) = query.iter().find(|(k, _)| k == key) else {
        return Ok(None);
    };
    let (time, offset) = iso(value).ok_or_else(|| Refusal::field(key, "Input should be a valid datetime"))?;
    let zone = offset.unwrap_or(time::UtcOffset::UTC);
    Ok(Some((time.assume_offset(zone).unix_timestamp(), offset.is_some())))
}

fn expired_names(
    state: &State,
    caller: &Caller,
    query: &str,
    now: OffsetDateTime,
) -> Result<Vec<String>, Refusal> {
    let query = pairs(query);
    let after = bound(&query, "expired_after")?;
    let before = bound(&query, "expired_before")?;
    if after.is_none() && before.is_some_and(|(_, zoned)| !zoned) {
        return Err(Refusal::Crash);
    }
    let month_ago = (now - Duration::days(30)).unix_timestamp();
    let (after, before) =
        (after.map_or(month_ago, |(t, _)| t), before.map_or(now.unix_timestamp(), |(t, _)| t));
    let gone = |u: &&User| {
        caller.sees(u.admin.as_deref())
            && matches!(u.status, Status::Expired | Status::Limited)
            && u.expire.is_some_and(|e| (after..=before).contains(&e))
    };
    Ok(state.users.iter().filter(gone).map(|u| u.username.clone()).collect())
}

/// `GET /api/users/expired`.
pub async fn expired(Shared(core): Shared<Arc<Core>>, caller: Caller, RawQuery(query): RawQuery) -> Answer {
    let now = core.now();
    let query = query.unwrap_or_default();
    core.read(|state| Ok(Json(json!(expired_names(state, &caller, &query, now)?))))
}

/// `DELETE /api/users/expired`.
pub async fn delete_expired(
    Shared(core): Shared<Arc<Core>>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let now = core.now();
    core.change(|state| {
        let names = expired_names(state, &caller, &query.unwrap_or_default(), now)?;
        if names.is_empty() {
            return Err(Refusal::detail(
                StatusCode::NOT_FOUND,
                "No expired users found in the specified date range",
            ));
        }
        state.users.retain(|u| !names.contains(&u.username));
        Ok(Json(json!(names)))
    })
}
