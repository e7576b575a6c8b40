//! The first steps of a new shop, in words.

use crate::{locale::Tr, overview::checklist::FirstSteps, web::state::Configured};

/// What is known of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Answers,
    Silent,
    /// It was not asked since the panel started.
    Unasked,
}

/// What is still to be done; it is gone when all that is needed is there.
pub struct Checklist {
    pub steps: Vec<Step>,
    /// The server's answer comes after the page.
    pub is_waiting: bool,
    /// Only that answer is missing: nothing is shown before it is there.
    pub is_quiet: bool,
}

/// One line.
pub struct Step {
    pub text: String,
    pub note: String,
    /// Empty where no page does it.
    pub href: &'static str,
    pub is_done: bool,
    /// Nothing waits for it.
    pub is_optional: bool,
    /// Has a button that makes a backup now.
    pub makes_backup: bool,
}

impl Step {
    fn new(text: String, note: String, href: &'static str, is_done: bool) -> Self {
        Self { text, note, href, is_done, is_optional: false, makes_backup: false }
    }

    fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// The kind of its row.
    pub fn kind(&self) -> &'static str {
        match (self.is_done, self.is_optional) {
            (true, _) => "ok",
            (false, true) => "mute",
            (false, false) => "warn",
        }
    }

    /// The picture before it.
    pub fn icon(&self) -> &'static str {
        match (self.is_done, self.is_optional) {
            (true, _) => "check-circle",
            (false, true) => "information-circle",
            (false, false) => "exclamation-triangle",
        }
    }
}

impl Checklist {
    /// The list, unless it is put away or done.
    pub fn new(t: &Tr, steps: FirstSteps, server: Server, configured: &Configured) -> Option<Self> {
        // An account was made: whether the server answers at the moment is told elsewhere.
        let server = if steps.has_account { Server::Answers } else { server };
        let has_server = server == Server::Answers;
        let has_rest = steps.has_plan && steps.has_method && steps.has_backup;
        if steps.is_hidden || (has_server && has_rest) {
            return None;
        }
        let why_server = match server {
            Server::Silent => t.overview_step_server_silent(),
            Server::Answers | Server::Unasked => t.overview_step_server_why(),
        };
        let is_https = configured.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
        let backup = (t.overview_step_backup(), t.overview_step_backup_why());
        let list = vec![
            Step::new(t.overview_step_server(), why_server, "/admin/settings/marzban", has_server),
            Step::new(t.overview_step_plan(), t.overview_step_plan_why(), "/admin/plans/new", steps.has_plan),
            Step::new(
                t.overview_step_method(),
                t.overview_step_method_why(),
                "/admin/payment-methods/new",
                steps.has_method,
            ),
            Step {
                makes_backup: !steps.has_backup,
                ..Step::new(backup.0, backup.1, "/admin/backups", steps.has_backup)
            },
            Step::new(t.overview_step_https(), t.overview_step_https_why(), "", is_https).optional(),
            Step::new(
                t.overview_step_notices(),
                t.overview_step_notices_why(),
                "/admin/settings/notices",
                steps.has_channel,
            )
            .optional(),
        ];
        let is_waiting = server == Server::Unasked;
        Some(Self { steps: list, is_waiting, is_quiet: is_waiting && has_rest })
    }
}
