//! `/help`: how each role does its work, in short steps with pictures of the real pages. Pages link to the topic
//! where a question arises (`/help#topic`).

pub mod handlers;

use crate::{locale::Tr, role::Role};

/// One thing that people want to know.
struct Topic {
    anchor: &'static str,
    title: fn(&Tr) -> String,
    /// One step a line.
    steps: fn(&Tr) -> String,
    /// A picture of the page.
    picture: Option<&'static str>,
}

macro_rules! topics {
    ($($anchor:literal $title:path, $steps:path, $picture:expr;)+) => {
        &[$(Topic { anchor: $anchor, title: $title, steps: $steps, picture: $picture }),+]
    };
}

const ADMIN: &[Topic] = topics! {
    "payments" Tr::help_admin_payments, Tr::help_admin_payments_steps, Some("admin-payments");
    "agents" Tr::help_admin_agents, Tr::help_admin_agents_steps, Some("admin-agents");
    "credit" Tr::help_admin_credit, Tr::help_admin_credit_steps, None;
    "plans" Tr::help_admin_plans, Tr::help_admin_plans_steps, Some("admin-plans");
    "methods" Tr::help_admin_methods, Tr::help_admin_methods_steps, Some("admin-methods");
    "orders" Tr::help_admin_orders, Tr::help_admin_orders_steps, Some("admin-orders");
    "reports" Tr::help_admin_reports, Tr::help_admin_reports_steps, None;
    "health" Tr::help_admin_health, Tr::help_admin_health_steps, None;
};
const AGENT: &[Topic] = topics! {
    "charge" Tr::help_agent_charge, Tr::help_agent_charge_steps, Some("agent-charge");
    "pending" Tr::help_agent_pending, Tr::help_agent_pending_steps, Some("agent-wallet");
    "create" Tr::help_agent_create, Tr::help_agent_create_steps, Some("agent-create");
    "link" Tr::help_agent_link, Tr::help_agent_link_steps, Some("agent-account");
    "renewal" Tr::help_agent_renewal, Tr::help_agent_renewal_steps, None;
    "deletion" Tr::help_agent_deletion, Tr::help_agent_deletion_steps, None;
    "deadline" Tr::help_agent_deadline, Tr::help_agent_deadline_steps, None;
};
const END_USER: &[Topic] = topics! {
    "buy" Tr::help_user_buy, Tr::help_user_buy_steps, Some("user-buy");
    "connect" Tr::help_user_connect, Tr::help_user_connect_steps, Some("user-account");
    "renewal" Tr::help_user_renewal, Tr::help_user_renewal_steps, None;
    "rejected" Tr::help_user_rejected, Tr::help_user_rejected_steps, None;
};
/// For everybody.
const PERSON: &[Topic] = topics! {
    "profile" Tr::help_profile, Tr::help_profile_steps, None;
};

/// What this role wants to know; the last is for everybody.
fn topics(role: Role) -> impl Iterator<Item = &'static Topic> {
    let own = match role {
        Role::Admin => ADMIN,
        Role::Agent => AGENT,
        Role::EndUser => END_USER,
    };
    own.iter().chain(PERSON)
}
