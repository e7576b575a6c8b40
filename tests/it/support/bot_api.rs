//! A Bot API that answers as a test says, over HTTP.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// The only token that it takes.
pub const TOKEN: &str = "123456:ABC-def_ghi-jkl_mno-pqr-stu";

#[derive(Default)]
struct Inner {
    /// Answers to messages, before it takes them again.
    planned: VecDeque<(u16, Value)>,
    /// Chat and text.
    sent: Vec<(String, String)>,
    /// Label and address.
    buttons: Vec<(String, String)>,
    updates: Vec<Value>,
    calls: Vec<String>,
}

/// The fake.
pub struct BotApi {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
    server: JoinHandle<()>,
}

impl Drop for BotApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl BotApi {
    pub async fn start() -> Self {
        let inner = Arc::<Mutex<Inner>>::default();
        let router = Router::new().route("/{bot}/{method}", post(answer)).with_state(inner.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner, server }
    }

    /// The next message gets this answer.
    pub fn answer_next(&self, status: u16, body: Value) {
        self.inner.lock().unwrap().planned.push_back((status, body));
    }

    /// Somebody writes to the bot.
    pub fn write(&self, chat: i64, text: &str) {
        let mut inner = self.inner.lock().unwrap();
        let id = inner.updates.len() + 1;
        inner.updates.push(json!({
            "update_id": id, "message": { "chat": { "id": chat, "type": "private" }, "text": text },
        }));
    }

    /// The messages that it took, as chat and text; they are forgotten.
    pub fn take_sent(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.inner.lock().unwrap().sent)
    }

    /// The buttons under the messages that it took, as label and address; they are forgotten.
    pub fn take_buttons(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.inner.lock().unwrap().buttons)
    }

    /// How often a method was called.
    pub fn calls(&self, method: &str) -> usize {
        self.inner.lock().unwrap().calls.iter().filter(|call| *call == method).count()
    }
}

async fn answer(
    State(inner): State<Arc<Mutex<Inner>>>,
    Path((bot, method)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let mut inner = inner.lock().unwrap();
    inner.calls.push(method.clone());
    let reply =
        |status: u16, body: Value| (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
    if bot != format!("bot{TOKEN}") {
        return reply(401, json!({ "ok": false, "error_code": 401, "description": "Unauthorized" }));
    }
    match method.as_str() {
        "getMe" => reply(200, json!({ "ok": true, "result": { "username": "shop_bot" } })),
        "getUpdates" => {
            let offset = body["offset"].as_i64().unwrap();
            let new = inner.updates.iter().filter(|update| update["update_id"].as_i64().unwrap() >= offset);
            let new: Vec<Value> = new.cloned().collect();
            reply(200, json!({ "ok": true, "result": new }))
        }
        "sendMessage" => {
            if let Some((status, body)) = inner.planned.pop_front() {
                return reply(status, body);
            }
            let text = |key: &str| body[key].as_str().unwrap().to_owned();
            let message = (text("chat_id"), text("text"));
            inner.sent.push(message);
            let rows = body["reply_markup"]["inline_keyboard"].as_array().into_iter().flatten();
            let word = |button: &Value, key: &str| button[key].as_str().unwrap().to_owned();
            let buttons = rows.flat_map(|row| row.as_array().unwrap());
            inner.buttons.extend(buttons.map(|button| (word(button, "text"), word(button, "url"))));
            reply(200, json!({ "ok": true, "result": {} }))
        }
        _ => reply(404, json!({ "ok": false, "description": "Not Found" })),
    }
}
