//! The help page.

use askama::Template;
use axum::{extract::Query, routing::get};

use super::{Topic, topics};
use crate::{
    locale::Tr,
    web::{
        Ask, Member, Page, PageResult, Role, assets,
        doors::{MemberDoor, Routes},
        html,
    },
};

/// What everybody who is signed in may reach.
pub fn member_routes() -> Routes<MemberDoor> {
    Routes::new().route("/help", get(show))
}

#[derive(Template)]
#[template(path = "help/show.html")]
struct HelpPage {
    page: Page,
    /// Whose help it is, where the reader may choose.
    choice: Vec<(&'static str, String, bool)>,
    topics: Vec<TopicView>,
}

struct TopicView {
    anchor: &'static str,
    title: String,
    steps: Vec<String>,
    /// Empty: none.
    picture: &'static str,
}

impl TopicView {
    fn new(topic: &Topic, t: &Tr) -> Self {
        Self {
            anchor: topic.anchor,
            title: (topic.title)(t),
            steps: (topic.steps)(t).lines().map(str::to_owned).collect(),
            picture: topic.picture.and_then(assets::help_url).unwrap_or_default(),
        }
    }
}

#[derive(serde::Deserialize)]
struct HelpQuery {
    /// The admin explains to others too.
    #[serde(default, rename = "for")]
    of: String,
}

async fn show(ask: Ask<Member>, Query(query): Query<HelpQuery>) -> PageResult {
    let t = ask.page.t;
    let role = match (ask.who.role, query.of.as_str()) {
        (Role::Admin, "agent") => Role::Agent,
        (Role::Admin, "user") => Role::EndUser,
        (role, _) => role,
    };
    let choice = if ask.who.role == Role::Admin {
        vec![
            ("/help", t.role_admin(), role == Role::Admin),
            ("/help?for=agent", t.role_agent(), role == Role::Agent),
            ("/help?for=user", t.role_end_user(), role == Role::EndUser),
        ]
    } else {
        Vec::new()
    };
    let topics = topics(role).map(|topic| TopicView::new(topic, &t)).collect();
    html(&HelpPage { page: ask.page.titled(t.help_title()), choice, topics })
}
