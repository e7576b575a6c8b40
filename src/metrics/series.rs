//! The series that Prometheus is told, each with what it means.

/// How a series behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One name that Prometheus knows, with its meaning.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    pub name: &'static str,
    pub kind: Kind,
    /// One line, with the unit where the name has none.
    pub help: &'static str,
}

macro_rules! series {
    ($(#[$doc:meta])* $list:ident: $($series:ident $kind:ident $name:literal, $help:literal;)+) => {
        $(#[doc = $help] pub const $series: Series = Series { name: $name, kind: Kind::$kind, help: $help };)+
        $(#[$doc])*
        pub const $list: &[Series] = &[$($series),+];
    };
}

series! {
    /// Counted where they happen, in this process.
    COUNTED:
    HTTP_REQUESTS Counter "rad_http_requests_total", "Requests that were answered, by the route's template, method and status; /healthz and /readyz are left out.";
    HTTP_DURATION Histogram "rad_http_request_duration_seconds", "How long an answer took to begin, by the route's template and method.";
    HTTP_IN_FLIGHT Gauge "rad_http_requests_in_flight", "Requests that wait for their answer now.";
    JOBS Counter "rad_jobs_total", "Runs of jobs that ended in this process, by kind and outcome: done, retried (put off, to be tried again), failed (given up).";
    JOB_DURATION Histogram "rad_job_duration_seconds", "How long a run of a job took, by kind.";
    SERVER_CALLS Counter "rad_vpn_server_calls_total", "Calls to the VPN server (Marzban), by call and outcome: done, refused, unknown, or held_back by the circuit, when nothing was sent.";
    SERVER_DURATION Histogram "rad_vpn_server_call_duration_seconds", "How long a call to the VPN server (Marzban) took with all its repetitions, by call; calls that were held back are left out.";
    SERVER_UNKNOWNS Counter "rad_vpn_server_unknowns_total", "Calls to the VPN server (Marzban) whose outcome is unknown, by cause.";
}

series! {
    /// Looked up when Prometheus asks.
    LOOKED_UP:
    BUILD Gauge "rad_build_info", "Always 1; the label tells the version that runs.";
    READY Gauge "rad_ready", "1 while /readyz says yes: the database answers and is migrated, receipts can be stored, and nobody has told the panel to stop.";
    DATABASE_UP Gauge "rad_database_up", "1 while this process reaches the database; at 0 the shop-wide series are missing.";
    POOL_CONNECTIONS Gauge "rad_database_pool_connections", "Database connections of this process, by state: idle or in_use.";
    POOL_MAX Gauge "rad_database_pool_max_connections", "How many database connections this process may open.";
    POOL_WAIT Gauge "rad_database_pool_wait_seconds", "How long this very scrape waited for a database connection; 2 means that it gave up.";
    STREAMS Gauge "rad_live_streams", "Pages of this process that listen for live changes.";
    SERVER_REACH Gauge "rad_vpn_server_reach", "1 for the state in which this process finds the VPN server (Marzban), 0 for the others: reachable, doubtful, away (calls are held back), credentials_refused.";
    QUEUE_JOBS Gauge "rad_queue_jobs", "Jobs in the queue, by kind and state: due, running, later, failed (kept for seven days). Shop-wide: each instance tells the same, take max.";
    QUEUE_OLDEST Gauge "rad_queue_oldest_due_seconds", "How long the oldest due job waits for a worker, by kind; 0 when none waits. Shop-wide: take max.";
    TASK_SUCCESS Gauge "rad_task_last_success_timestamp_seconds", "When a task of the schedule last went well, as Unix time; 0 is never. Shop-wide: take max.";
    TASK_OK Gauge "rad_task_last_run_ok", "1 when the last run of a task that ended went well, 0 when it failed. Shop-wide: take min.";
    TASK_DURATION Gauge "rad_task_last_run_duration_seconds", "How long the last run of a task that ended took. Shop-wide: take max.";
    PAYMENTS_WAITING Gauge "rad_payments_waiting", "Payments that wait for the admin's decision. Shop-wide: take max.";
    PAYMENTS_OLDEST Gauge "rad_payments_oldest_waiting_seconds", "How long the oldest of them waits; 0 when none does. Shop-wide: take max.";
    ORDERS_WAITING Gauge "rad_orders_provisioning", "Orders whose account is still to be made. Shop-wide: take max.";
    ORDERS_OLDEST Gauge "rad_orders_oldest_provisioning_seconds", "How long the oldest of them waits; 0 when none does. Shop-wide: take max.";
    AGENTS_NEGATIVE Gauge "rad_agents_negative", "Agents whose balance is below zero. Shop-wide: take max.";
    AGENTS_OWE Gauge "rad_agents_owed_toman", "What they owe together, in Toman. Shop-wide: take max.";
    LEDGER_OK Gauge "rad_ledger_check_ok", "1 when the last check of the books found every rule kept, 0 when it did not or failed. Shop-wide: take min.";
    LEDGER_AT Gauge "rad_ledger_check_timestamp_seconds", "When the books were last checked, whatever was found, as Unix time; 0 is never. Shop-wide: take max.";
    BACKUP_AT Gauge "rad_backup_last_good_timestamp_seconds", "The instant that the newest good backup holds, as Unix time; 0 is never. Shop-wide: take max.";
    BACKUP_SIZE Gauge "rad_backup_last_good_size_bytes", "How large it is. Shop-wide: take max.";
    BACKUP_COPIED_AT Gauge "rad_backup_last_copied_timestamp_seconds", "The instant that the newest backup holds of which a copy is in the store, as Unix time; 0 is never, missing where no store is set up. Shop-wide: take max.";
}
