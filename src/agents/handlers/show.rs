//! One agent's page, and putting off her deadline.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use axum_extra::extract::Query;
use time::Duration;

use super::{AgentPath, agent_id, form::home};
use crate::{
    agents::{self, Profile, ProfileError, queries},
    calendar::{JalaliDate, Time},
    ids::UserId,
    locale::Tr,
    people::{
        queries::Person,
        views::{Overview, PersonQuery},
    },
    persian::normalize,
    role::Role,
    web::{Admin, AppError, Ask, Fields, Page, PageResult, html, page::flash, see_other},
};

/// A deadline is put off no further than this.
const FURTHEST: Duration = Duration::days(90);
const REASON: usize = 300;

#[derive(Template)]
#[template(path = "agents/show.html")]
struct AgentPage {
    page: Page,
    person: Person,
    profile: Profile,
    overview: Overview,
    form: Fields,
}

impl AgentPage {
    /// Until when the deadline is put off, while that lies ahead.
    fn put_off(&self) -> Option<(Time, &str)> {
        let until = self.person.deadline_deferred_until.filter(|until| *until > self.page.now)?;
        Some((until, self.person.deadline_deferred_reason.as_deref().unwrap_or_default()))
    }

    /// The province and its town.
    fn place(&self) -> String {
        [&self.profile.province, &self.profile.city]
            .into_iter()
            .filter(|part| !part.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join("، ")
    }
}

pub async fn show(ask: Ask<Admin>, path: AgentPath, Query(query): Query<PersonQuery>) -> PageResult {
    draw(&ask, agent_id(path)?, &query, Fields::default()).await
}

async fn draw(ask: &Ask<Admin>, id: UserId, query: &PersonQuery, form: Fields) -> PageResult {
    let mut conn = ask.app.db.acquire().await?;
    let person = Person::find(&mut conn, id).await?.filter(|person| person.role == Role::Agent);
    let person = person.ok_or(AppError::NotFound)?;
    let profile = queries::profile(&mut conn, id).await?.ok_or(AppError::NotFound)?;
    let overview = Overview::load(&mut conn, &ask.page.t, &person, query).await?;
    html(&AgentPage { page: ask.page.clone().titled(person.name.clone()), person, profile, overview, form })
}

pub async fn create_deferral(ask: Ask<Admin>, path: AgentPath, mut form: Fields) -> PageResult {
    let id = agent_id(path)?;
    let (t, now) = (ask.page.t, ask.app.clock.now());
    let until = read_until(&mut form, &t, now);
    let reason = normalize(form.get("reason"));
    if reason.is_empty() {
        form.fail("reason", t.agents_put_off_reason_missing());
    } else if reason.chars().count() > REASON {
        form.fail("reason", t.agents_too_long(t.number(REASON as i64)));
    }
    let Some(until) = until.filter(|_| form.is_ok()) else {
        let page = draw(&ask, id, &PersonQuery::default(), form).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let outcome = agents::put_off(&ask.app.db, id, Some((until, &reason)), ask.actor(ask.who.id), now).await;
    finish(&ask, id, outcome, t.agents_put_off_done(t.datetime(until))).await
}

pub async fn destroy_deferral(ask: Ask<Admin>, path: AgentPath) -> PageResult {
    let id = agent_id(path)?;
    let by = ask.actor(ask.who.id);
    let outcome = agents::put_off(&ask.app.db, id, None, by, ask.app.clock.now()).await;
    finish(&ask, id, outcome, ask.page.t.agents_put_off_ended()).await
}

async fn finish(
    ask: &Ask<Admin>,
    id: UserId,
    outcome: Result<(), ProfileError>,
    done: String,
) -> Result<Response, AppError> {
    match outcome {
        Ok(()) => {
            flash(&ask.session, "ok", done).await?;
            Ok(see_other(ask.hx, &home(id)))
        }
        Err(ProfileError::NotFound) => Err(AppError::NotFound),
        Err(ProfileError::Database(error)) => Err(error.into()),
    }
}

/// The last second of the typed day in Tehran, which reads as that day.
fn read_until(form: &mut Fields, t: &Tr, now: Time) -> Option<Time> {
    let until = JalaliDate::parse(form.get("until")).map(|day| day.end() - Duration::SECOND);
    match until {
        Ok(until) if until > now && until - now <= FURTHEST => return Some(until),
        Ok(until) if until <= now => form.fail("until", t.agents_put_off_past()),
        Ok(_) => form.fail("until", t.agents_put_off_too_far(t.number(FURTHEST.whole_days()))),
        Err(_) => form.fail("until", t.agents_put_off_date_wrong()),
    }
    None
}
