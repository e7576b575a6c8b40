//! The panel around the users: administrators, the server's state, the core's inbounds.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use time::Duration;

use super::Core;
use super::answers::{Answer, Refusal};
use super::auth::Caller;
use super::state::Admin;
use super::user::{Protocol, Status, User, admin_view};
use super::validation;

/// `GET /api/admin`: who am I.
pub async fn whoami(caller: Caller) -> Answer {
    Ok(Json(admin_view(&caller.0)))
}

/// `GET /api/admins`: those in the database.
pub async fn admins(Shared(core): Shared<Arc<Core>>, caller: Caller) -> Answer {
    caller.sudo()?;
    core.read(|state| {
        let known = state.admins.iter().filter(|a| a.in_database);
        Ok(Json(Value::from_iter(known.map(admin_view))))
    })
}

/// The fields of an admin's body: name and password where given, and `is_sudo`, which must be.
fn admin_body(headers: &HeaderMap, body: &Bytes, required: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let body = validation::object(headers, body)?;
    let missing = required.iter().filter(|f| !body.contains_key(**f));
    let errors: Map<_, _> = missing.map(|f| ((*f).to_owned(), Value::from("Field required"))).collect();
    if errors.is_empty() { Ok(body) } else { Err(Refusal::Fields(errors)) }
}

fn text<'a>(body: &'a Map<String, Value>, field: &str) -> &'a str {
    body.get(field).and_then(Value::as_str).unwrap_or("")
}

/// `POST /api/admin`.
pub async fn create_admin(
    Shared(core): Shared<Arc<Core>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    caller.sudo()?;
    let body = admin_body(&headers, &body, &["username", "is_sudo", "password"])?;
    core.change(|state| {
        let name = text(&body, "username");
        if state.admin(name).is_some() {
            return Err(Refusal::detail(StatusCode::CONFLICT, "Admin already exists"));
        }
        let admin = Admin::new(name, text(&body, "password"), body["is_sudo"] == true);
        let view = admin_view(&admin);
        state.set_admin(admin);
        Ok(Json(view))
    })
}

/// `PUT /api/admin/{username}`: a new password ends the older tokens.
pub async fn update_admin(
    Shared(core): Shared<Arc<Core>>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    caller.sudo()?;
    let body = admin_body(&headers, &body, &["is_sudo"])?;
    let now = core.now();
    core.change(|state| {
        let admin = state.admin_mut(&name).ok_or_else(Refusal::no_admin)?;
        if body.contains_key("password") {
            admin.password = text(&body, "password").to_owned();
            admin.password_reset_at = Some(now);
        }
        Ok(Json(admin_view(admin)))
    })
}

/// `DELETE /api/admin/{username}`: its users stay, without owner.
pub async fn delete_admin(
    Shared(core): Shared<Arc<Core>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer {
    caller.sudo()?;
    core.change(|state| {
        let admin = state.admin(&name).ok_or_else(Refusal::no_admin)?;
        if admin.is_sudo {
            return Err(Refusal::detail(
                StatusCode::FORBIDDEN,
                "You're not allowed to delete sudo accounts. Use marzban-cli instead.",
            ));
        }
        state.admins.retain(|a| a.username != name);
        for user in &mut state.users {
            user.admin = user.admin.take().filter(|a| *a != name);
        }
        Ok(Json(json!({"detail": "Admin removed successfully"})))
    })
}

/// `POST /api/admin/{username}/users/disable` and `/activate`.
pub async fn switch_users(
    Shared(core): Shared<Arc<Core>>,
    caller: Caller,
    Path((name, action)): Path<(String, String)>,
) -> Answer {
    caller.sudo()?;
    let (from, to, done) = match action.as_str() {
        "disable" => (vec![Status::Active, Status::OnHold], Status::Disabled, "disabled"),
        "activate" => (vec![Status::Disabled], Status::Active, "activated"),
        _ => return Err(Refusal::not_found()),
    };
    core.change(|state| {
        state.admin(&name).ok_or_else(Refusal::no_admin)?;
        for user in &mut state.users {
            if user.admin.as_ref() == Some(&name) && from.contains(&user.status) {
                user.status = to;
            }
        }
        // It starts the core anew.
        state.ghosts.clear();
        Ok(Json(json!({"detail": format!("Users successfully {done}")})))
    })
}

/// `GET /api/admin/usage/{username}`: bytes.
pub async fn admin_usage(
    Shared(core): Shared<Arc<Core>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer {
    caller.sudo()?;
    core.read(|state| {
        let admin = state.admin(&name).ok_or_else(Refusal::no_admin)?;
        Ok(Json(json!(admin.users_usage)))
    })
}

/// `GET /api/inbounds`, by protocol.
pub async fn inbounds(Shared(core): Shared<Arc<Core>>, _caller: Caller) -> Answer {
    core.read(|state| {
        let mut by_protocol = Map::new();
        for protocol in Protocol::ALL {
            let own = state.inbounds.iter().filter(|i| i.protocol == protocol);
            let own: Vec<Value> = own.map(|i| json!(i)).collect();
            if !own.is_empty() {
                by_protocol.insert(protocol.wire().to_owned(), Value::from(own));
            }
        }
        Ok(Json(Value::Object(by_protocol)))
    })
}

/// `GET /api/hosts`: one default host for each inbound.
pub async fn hosts(Shared(core): Shared<Arc<Core>>, caller: Caller) -> Answer {
    caller.sudo()?;
    let host = json!([{
        "remark": "🚀 Marz ({USERNAME}) [{PROTOCOL} - {TRANSPORT}]", "address": "{SERVER_IP}",
        "port": null, "sni": null, "host": null, "path": null, "security": "inbound_default",
        "alpn": "", "fingerprint": "", "allowinsecure": null, "is_disabled": false,
        "mux_enable": false, "fragment_setting": null, "noise_setting": null,
        "random_user_agent": false, "use_sni_as_host": false,
    }]);
    core.read(|state| {
        let each = state.inbounds.iter().map(|i| (i.tag.clone(), host.clone()));
        Ok(Json(Value::Object(each.collect())))
    })
}

/// `GET /api/nodes`: this panel has only its own core.
pub async fn nodes(caller: Caller) -> Answer {
    caller.sudo()?;
    Ok(Json(json!([])))
}

/// `GET /api/core`.
pub async fn core_state(Shared(core): Shared<Arc<Core>>, _caller: Caller) -> Answer {
    let started = !core.read(|state| state.core_stopped);
    Ok(Json(json!({
        "version": "1.8.24", "started": started, "logs_websocket": "/api/core/logs",
    })))
}

/// `GET /api/system`: the user counts are the admin's own, `online_users` is everyone's of the last day.
pub async fn system(Shared(core): Shared<Arc<Core>>, caller: Caller) -> Answer {
    let now = core.now();
    core.read(|state| {
        let mine =
            |u: &&User| !caller.0.in_database || u.admin.as_deref() == Some(caller.0.username.as_str());
        let count = |status: Status| {
            let users = state.users.iter().filter(mine);
            users.filter(|u| u.status == status).count()
        };
        let online = |u: &&User| u.online_at.is_some_and(|t| t >= now - Duration::days(1));
        Ok(Json(json!({
            "version": "0.8.4",
            "mem_total": 2_079_911_936_i64,
            "mem_used": 389_869_568,
            "cpu_cores": 2,
            "cpu_usage": 12.5,
            "total_user": state.users.iter().filter(mine).count(),
            "online_users": state.users.iter().filter(online).count(),
            "users_active": count(Status::Active),
            "users_on_hold": count(Status::OnHold),
            "users_disabled": count(Status::Disabled),
            "users_expired": count(Status::Expired),
            "users_limited": count(Status::Limited),
            "incoming_bandwidth": 0,
            "outgoing_bandwidth": 0,
            "incoming_bandwidth_speed": 0,
            "outgoing_bandwidth_speed": 0,
        })))
    })
}
