//! Doors: who may pass. A route exists only inside [`Routes`] of a door, so none can be added without one.

use std::marker::PhantomData;

use axum::{
    Router,
    extract::{FromRequestParts, Request},
    http::{Method, StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::MethodRouter,
};
use axum_htmx::HxRedirect;
use tower_sessions::Session;

use super::{AppError, AppState, Role, Viewer, drafts, view_as};

/// Who may pass a door.
pub trait Door: Send + Sync + 'static {
    /// For messages and tests.
    const NAME: &'static str;
    /// The roles that may pass; `None` is everyone, signed in or not.
    const ROLES: Option<&'static [Role]>;
}

macro_rules! doors {
    ($($(#[$doc:meta])* $door:ident($name:literal, $roles:expr)),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $door;

        impl Door for $door {
            const NAME: &'static str = $name;
            const ROLES: Option<&'static [Role]> = $roles;
        }
    )+};
}

doors! {
    /// Open to everyone.
    PublicDoor("public", None),
    /// Everyone who is signed in.
    MemberDoor("member", Some(&[Role::Admin, Role::Agent, Role::EndUser])),
    EndUserDoor("end user", Some(&[Role::EndUser])),
    AgentDoor("agent", Some(&[Role::Agent])),
    AdminDoor("admin", Some(&[Role::Admin])),
}

/// Routes behind one door.
pub struct Routes<D> {
    router: Router<AppState>,
    paths: Vec<&'static str>,
    door: PhantomData<D>,
}

impl<D: Door> Default for Routes<D> {
    fn default() -> Self {
        Self { router: Router::new(), paths: Vec::new(), door: PhantomData }
    }
}

impl<D: Door> Routes<D> {
    /// No routes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route.
    #[must_use]
    pub fn route(mut self, path: &'static str, methods: MethodRouter<AppState>) -> Self {
        self.router = self.router.route(path, methods);
        self.paths.push(path);
        self
    }

    /// Adds the routes of another room behind the same door.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.paths.extend(other.paths);
        self
    }

    /// The paths, for the test that knocks at every door.
    pub fn paths(&self) -> &[&'static str] {
        &self.paths
    }

    /// The router with its door in front.
    pub fn close(self) -> Router<AppState> {
        if self.paths.is_empty() {
            // axum panics at a door without a room.
            return self.router;
        }
        self.router.route_layer(middleware::from_fn(guard::<D>))
    }
}

async fn guard<D: Door>(mut request: Request, next: Next) -> Response {
    let Some(roles) = D::ROLES else { return next.run(request).await };
    let Some(viewer) = request.extensions().get::<Viewer>() else { return ask_to_sign_in(request).await };
    let (may_pass, duty) = (roles.contains(&viewer.role), duty(viewer));
    if !may_pass {
        let Some(person) = view_as::person_behind(&request, roles) else {
            return AppError::Forbidden.into_response();
        };
        request.extensions_mut().insert(person);
    }
    if let Some(duty) = duty.filter(|duty| !request.uri().path().starts_with(duty)) {
        return leave_for(duty, &request);
    }
    let mut response = next.run(request).await;
    let unset = !response.headers().contains_key(header::CACHE_CONTROL);
    if unset {
        // What stands behind a door is one person's: no cache may keep it.
        response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    }
    response
}

/// The page of what a person must do before anything else: nothing is open to her but that page and what stands
/// under it. Signing out is behind no door.
fn duty(viewer: &Viewer) -> Option<&'static str> {
    match (viewer.must_change_password, viewer.must_add_factor) {
        (true, _) => Some("/account/password"),
        (false, true) => Some("/account/two-factor"),
        (false, false) => None,
    }
}

/// Leads a stranger to `/login` and back afterwards; what she had typed waits in her session.
async fn ask_to_sign_in(request: Request) -> Response {
    if request.method() == Method::GET && is_htmx(&request) {
        // A hint beside a field, or a part that follows by itself: for its sake nobody leaves a form half filled.
        return AppError::SignedOut.into_response();
    }
    let back = if request.method() == Method::GET {
        request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned()
    } else {
        referring_page(&request).unwrap_or_else(|| "/".to_owned())
    };
    let login = format!("/login?next={}", percent_encoding::utf8_percent_encode(&back, NEXT));
    let answer = leave_for(&login, &request);
    if request.method() == Method::POST {
        let session = request.extensions().get::<Session>().cloned();
        let room = request.extensions().get::<drafts::Room>().cloned();
        if let Some((session, room)) = session.zip(room)
            && let Err(error) = drafts::keep_request(&session, &room, &back, request).await
        {
            return error.into_response();
        }
    }
    answer
}

/// What must be escaped in the value of `next`.
const NEXT: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>');

fn is_htmx(request: &Request) -> bool {
    request.headers().contains_key("hx-request")
}

fn leave_for(address: &str, request: &Request) -> Response {
    if is_htmx(request) {
        (StatusCode::UNAUTHORIZED, HxRedirect(address.to_owned()), ()).into_response()
    } else {
        Redirect::to(address).into_response()
    }
}

/// The path of the page that a form stands on. Forms are sent to this site only, so the host needs no look.
fn referring_page(request: &Request) -> Option<String> {
    let referer = request.headers().get(header::REFERER)?.to_str().ok()?;
    let address: axum::http::Uri = referer.parse().ok()?;
    Some(address.path_and_query()?.as_str().to_owned())
}

/// Whether `next` leads to a page of ours and nowhere else.
pub fn is_own_path(next: &str) -> bool {
    next.starts_with('/')
        && !next.starts_with("//")
        && !next.starts_with("/\\")
        && !next.contains(char::is_control)
}

macro_rules! person {
    ($($(#[$doc:meta])* $person:ident($roles:pat)),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $person(pub Viewer);

        impl std::ops::Deref for $person {
            type Target = Viewer;

            fn deref(&self) -> &Viewer {
                &self.0
            }
        }

        impl<S: Send + Sync> FromRequestParts<S> for $person {
            type Rejection = AppError;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AppError> {
                match parts.extensions.get::<Viewer>() {
                    Some(viewer) if matches!(viewer.role, $roles) => Ok(Self(viewer.clone())),
                    _ => Err(AppError::Forbidden),
                }
            }
        }
    )+};
}

person! {
    /// The admin who asks.
    Admin(Role::Admin),
    /// The agent who asks.
    Agent(Role::Agent),
    /// The end user who asks.
    EndUser(Role::EndUser),
    /// Whoever asks, signed in.
    Member(_),
}
