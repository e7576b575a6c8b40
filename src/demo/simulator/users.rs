//! One user: create, read, change, reset, revoke, delete, owner, usage.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::Core;
use super::answers::{Answer, Refusal};
use super::auth::{Caller, pairs};
use super::formats::iso;
use super::state::State;
use super::user::{Proxy, Status, User};
use super::validation::{self, Draft, Form};

fn exists() -> Refusal {
    Refusal::detail(StatusCode::CONFLICT, "User already exists")
}

/// The user, if the caller may see it: 404 when missing, 403 when it is someone else's.
pub fn seen<'a>(state: &'a State, caller: &Caller, name: &str) -> Result<&'a User, Refusal> {
    let user = state.user(name).ok_or_else(Refusal::no_user)?;
    if caller.sees(user.admin.as_deref()) { Ok(user) } else { Err(Refusal::not_allowed()) }
}

fn seen_mut<'a>(state: &'a mut State, caller: &Caller, name: &str) -> Result<&'a mut User, Refusal> {
    seen(state, caller, name)?;
    state.user_mut(name).ok_or_else(Refusal::no_user)
}

/// The user object, or the crash that a poisoned row causes.
fn shown(state: &State, name: &str, now: OffsetDateTime) -> Answer {
    let user = state.user(name).ok_or_else(Refusal::no_user)?;
    if user.is_poisoned() {
        return Err(Refusal::Crash);
    }
    Ok(Json(user.view(state, now)))
}

fn check_protocols(state: &State, proxies: &[Proxy]) -> Result<(), Refusal> {
    match proxies.iter().find(|p| state.tags(p.protocol).is_empty()) {
        Some(p) => Err(Refusal::detail(
            StatusCode::BAD_REQUEST,
            format!("Protocol ProxyTypes.{} is disabled on your server", p.protocol.display().to_uppercase()),
        )),
        None => Ok(()),
    }
}

fn excluded(state: &State, proxy: &Proxy, allowed: Option<&Vec<String>>) -> Vec<String> {
    let mut tags = state.tags(proxy.protocol);
    tags.retain(|t| !allowed.is_some_and(|a| a.contains(t)));
    tags
}

/// `POST /api/user`. A poisoned user is stored although the answer is 500.
pub async fn create(
    Shared(core): Shared<Arc<Core>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let now = core.now();
    let body = validation::object(&headers, &body)?;
    core.change(|state| {
        let draft = validation::read(Form::Create, &body, state)?;
        let mut proxies = draft.proxies.unwrap_or_default();
        check_protocols(state, &proxies)?;
        let next_plan = draft.next_plan.map(|p| p.ok_or_else(exists)).transpose()?;
        if state.user(&draft.username).is_some() {
            return Err(exists());
        }
        let inbounds = draft.inbounds.unwrap_or_default();
        for proxy in &mut proxies {
            proxy.excluded = excluded(state, proxy, inbounds.get(&proxy.protocol));
        }
        let owner = caller.0.in_database.then_some(caller.0.username.as_str());
        let defaults = User::new(&draft.username, owner, now);
        state.put_user(User {
            status: draft.status.unwrap_or(Status::Active),
            expire: draft.expire.filter(|e| *e != 0),
            data_limit: draft.data_limit.filter(|l| *l != 0),
            data_limit_reset_strategy: draft
                .data_limit_reset_strategy
                .unwrap_or(defaults.data_limit_reset_strategy.clone()),
            note: draft.note,
            proxies,
            on_hold_timeout: draft.on_hold_timeout,
            on_hold_expire_duration: draft.on_hold_expire_duration,
            auto_delete_in_days: draft.auto_delete_in_days,
            next_plan,
            ..defaults
        });
        shown(state, &draft.username, now)
    })
}

/// `GET /api/user/{username}`.
pub async fn show(Shared(core): Shared<Arc<Core>>, caller: Caller, Path(name): Path<String>) -> Answer {
    let now = core.now();
    core.read(|state| {
        seen(state, &caller, &name)?;
        shown(state, &name, now)
    })
}

/// `PUT /api/user/{username}`.
pub async fn update(
    Shared(core): Shared<Arc<Core>>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let now = core.now();
    core.change(|state| {
        seen(state, &caller, &name)?;
        let body = validation::object(&headers, &body)?;
        let draft = validation::read(Form::Modify, &body, state)?;
        check_protocols(state, draft.proxies.as_deref().unwrap_or_default())?;
        if matches!(draft.next_plan, Some(None)) {
            return Err(Refusal::Crash);
        }
        change_keys(state, &caller, &name, &draft)?;
        apply(seen_mut(state, &caller, &name)?, draft, now);
        shown(state, &name, now)
    })
}

/// New proxies replace all old ones but keep the inbounds of a protocol that stays; `{}` changes nothing.
fn change_keys(state: &mut State, caller: &Caller, name: &str, draft: &Draft) -> Result<(), Refusal> {
    let mut proxies = seen(state, caller, name)?.proxies.clone();
    if let Some(new) = draft.proxies.as_ref().filter(|p| !p.is_empty()) {
        let old = std::mem::replace(&mut proxies, new.clone());
        for proxy in &mut proxies {
            if let Some(old) = old.iter().find(|o| o.protocol == proxy.protocol) {
                proxy.excluded = old.excluded.clone();
            }
        }
    }
    for proxy in &mut proxies {
        let allowed = draft.inbounds.as_ref().and_then(|i| i.get(&proxy.protocol));
        if allowed.is_some() {
            let wanted = excluded(state, proxy, allowed);
            // Those that stay keep their place.
            proxy.excluded.retain(|t| wanted.contains(t));
            let new: Vec<String> = wanted.into_iter().filter(|t| !proxy.excluded.contains(t)).collect();
            proxy.excluded.extend(new);
        }
    }
    seen_mut(state, caller, name)?.proxies = proxies;
    Ok(())
}

/// The rest of a change, in Marzban's order: status, volume, time.
fn apply(user: &mut User, draft: Draft, now: OffsetDateTime) {
    if let Some(status) = draft.status {
        user.status = status;
    }
    if let Some(limit) = draft.data_limit {
        user.data_limit = (limit != 0).then_some(limit);
        if !matches!(user.status, Status::Expired | Status::Disabled) {
            if user.data_limit.is_some_and(|l| user.used_traffic >= l) {
                user.status = Status::Limited;
            } else if user.status != Status::OnHold {
                user.status = Status::Active;
            }
        }
    }
    if let Some(expire) = draft.expire {
        user.expire = (expire != 0).then_some(expire);
        if matches!(user.status, Status::Active | Status::Expired) {
            user.status = match user.expire {
                Some(e) if e <= now.unix_timestamp() => Status::Expired,
                _ => Status::Active,
            };
        }
    }
    if let Some(note) = draft.note {
        user.note = (!note.is_empty()).then_some(note);
    }
    if let Some(strategy) = draft.data_limit_reset_strategy {
        user.data_limit_reset_strategy = strategy;
    }
    user.on_hold_timeout = draft.on_hold_timeout.or(user.on_hold_timeout);
    user.on_hold_expire_duration = draft.on_hold_expire_duration.or(user.on_hold_expire_duration);
    user.auto_delete_in_days = draft.auto_delete_in_days.or(user.auto_delete_in_days);
    // Absent deletes, against Marzban's own documentation.
    user.next_plan = draft.next_plan.flatten();
    user.edited_at = Some(now);
}

/// `POST /api/user/{username}/reset`.
pub async fn reset(Shared(core): Shared<Arc<Core>>, caller: Caller, Path(name): Path<String>) -> Answer {
    let now = core.now();
    core.change(|state| {
        seen_mut(state, &caller, &name)?.reset();
        shown(state, &name, now)
    })
}

/// `POST /api/user/{username}/revoke_sub`: new keys, and older links are dead.
pub async fn revoke(Shared(core): Shared<Arc<Core>>, caller: Caller, Path(name): Path<String>) -> Answer {
    let now = core.now();
    core.change(|state| {
        let user = seen_mut(state, &caller, &name)?;
        user.sub_revoked_at = Some(now);
        user.proxies.iter_mut().for_each(Proxy::renew);
        shown(state, &name, now)
    })
}

/// `POST /api/user/{username}/active-next`: says 404 whether it did it or not.
pub async fn start_next_plan(
    Shared(core): Shared<Arc<Core>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer {
    core.change(|state| {
        let user = seen_mut(state, &caller, &name)?;
        if !user.start_next_plan() {
            return Err(Refusal::Crash);
        }
        Err(Refusal::detail(StatusCode::NOT_FOUND, "User doesn't have next plan"))
    })
}

/// `DELETE /api/user/{username}`: an ownerless user goes too, but with a 500 and not from the core.
pub async fn delete(Shared(core): Shared<Arc<Core>>, caller: Caller, Path(name): Path<String>) -> Answer {
    core.change(|state| {
        seen(state, &caller, &name)?;
        if state.remove_user(&name) {
            Ok(Json(json!({"detail": "User successfully deleted"})))
        } else {
            Err(Refusal::Crash)
        }
    })
}

/// `PUT /api/user/{username}/set-owner?admin_username=…`; an admin of the environment can't own.
pub async fn set_owner(
    Shared(core): Shared<Arc<Core>>,
    caller: Caller,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    caller.sudo()?;
    let now = core.now();
    core.change(|state| {
        seen(state, &caller, &name)?;
        let query = pairs(query.as_deref().unwrap_or(""));
        let owner = query
            .into_iter()
            .find(|(k, _)| k == "admin_username")
            .map(|(_, v)| v)
            .ok_or_else(|| Refusal::field("admin_username", "Field required"))?;
        let known = state.admin(&owner).is_some_and(|a| a.in_database);
        if !known {
            return Err(Refusal::no_admin());
        }
        seen_mut(state, &caller, &name)?.admin = Some(owner);
        shown(state, &name, now)
    })
}

/// `GET /api/user/{username}/usage?start&end`.
pub async fn usage(
    Shared(core): Shared<Arc<Core>>,
    caller: Caller,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let now = core.now();
    core.read(|state| {
        let user = seen(state, &caller, &name)?;
        let (start, end) = range(query.as_deref().unwrap_or(""), now)?;
        Ok(Json(json!({"username": name, "usages": usages([user], start, end)})))
    })
}

/// Start and end in unix seconds; the last 30 days where nothing is said.
///
/// # Errors
/// 400 for what is no ISO date, and for an end before the start.
pub fn range(query: &str, now: OffsetDateTime) -> Result<(i64, i64), Refusal> {
    let bad = |text| Refusal::detail(StatusCode::BAD_REQUEST, text);
    let (mut start, mut end) = (now - Duration::days(30), now);
    for (key, value) in pairs(query) {
        let date =
            || iso(&value).map(|(t, _)| t.assume_utc()).ok_or_else(|| bad("Invalid date range or format"));
        match key.as_str() {
            "start" => start = date()?,
            "end" => end = date()?,
            _ => {}
        }
    }
    if end < start {
        return Err(bad("Start date must be before end date"));
    }
    Ok((start.unix_timestamp(), end.unix_timestamp()))
}

/// The usage of some users on the one node that there is.
pub fn usages<'a>(users: impl IntoIterator<Item = &'a User>, start: i64, end: i64) -> Value {
    let bytes: i64 = users
        .into_iter()
        .flat_map(|u| &u.usage)
        .filter(|(hour, _)| (start..=end).contains(hour))
        .map(|(_, bytes)| bytes)
        .sum();
    json!([{"node_id": null, "node_name": "Master", "used_traffic": bytes}])
}
