//! The checks beyond the ledger's own. A new one is a row here; a test runs each and damages what it guards.

/// One named check: `sql` answers with one row (subject, problem) for each thing that is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// For reports and scripts: lower case with hyphens.
    pub name: &'static str,
    pub sql: &'static str,
}

/// All checks, in the order of a report.
pub const CHECKS: &[Check] = &[
    Check {
        name: "wallets",
        sql: "SELECT 'user ' || u.id, 'has no wallet' FROM users u
              WHERE NOT EXISTS (SELECT FROM wallets w WHERE w.user_id = u.id)",
    },
    Check {
        name: "roles",
        sql: "SELECT 'user ' || u.id, 'has not exactly the profile of the role ' || u.role FROM users u
              LEFT JOIN agents a ON a.user_id = u.id LEFT JOIN end_users e ON e.user_id = u.id
              WHERE (u.role = 'AGENT') <> (a.user_id IS NOT NULL) OR (u.role = 'END_USER') <> (e.user_id IS NOT NULL)",
    },
    Check {
        name: "one-effect-per-event",
        sql: "SELECT coalesce('order ' || order_id, 'payment ' || payment_id), 'has ' || count(*) || ' rows of ' || kind
              FROM (SELECT order_id, payment_id, change_id,
                           CASE WHEN type IN ('CHARGE_APPROVED', 'CHARGE_REJECTED') THEN 'its decision' ELSE type END AS kind
                    FROM transactions WHERE type IN ('CHARGE_PENDING', 'CHARGE_APPROVED', 'CHARGE_REJECTED',
                                                     'ORDER_CREATED', 'ORDER_REFUND')) effects
              GROUP BY order_id, payment_id, change_id, kind HAVING count(*) > 1",
    },
    Check {
        name: "refunds",
        sql: "SELECT 'order ' || o.id, 'was paid back more than it has cost' FROM orders o
              WHERE (SELECT coalesce(sum(t.confirmed_delta), 0) FROM transactions t WHERE t.order_id = o.id) > 0",
    },
    Check {
        name: "imports",
        sql: "SELECT 'order ' || o.id, 'was brought in from the server and yet has cost something' FROM orders o
              WHERE o.imported_at IS NOT NULL
                AND (o.amount <> 0 OR EXISTS (SELECT FROM transactions t WHERE t.order_id = o.id AND t.type = 'ORDER_CREATED'))",
    },
    Check {
        name: "own-rows",
        sql: "SELECT 'transaction ' || t.id, 'stands in another wallet than its order or payment' FROM transactions t
              LEFT JOIN orders o ON o.id = t.order_id LEFT JOIN payments p ON p.id = t.payment_id
              WHERE t.user_id <> coalesce(o.user_id, p.user_id, t.user_id)
                -- What an order has cost stays with whoever had it then.
                AND NOT EXISTS (SELECT FROM audit_log a WHERE a.action = 'order.move' AND a.subject_type = 'order'
                                AND a.subject_id = t.order_id AND a.detail->>'from' = t.user_id::text)",
    },
    Check {
        name: "accounts",
        sql: "SELECT 'order ' || o.id, 'lives without an account' FROM orders o
              WHERE o.status IN ('ACTIVE', 'DISABLED')
                AND NOT EXISTS (SELECT FROM marzban_users m WHERE m.order_id = o.id)",
    },
    Check {
        name: "usernames",
        sql: "SELECT 'user name ' || lower(marzban_username), 'belongs to ' || count(*) || ' living orders' FROM orders
              WHERE status NOT IN ('DELETED', 'FAILED', 'CANCELLED')
              GROUP BY lower(marzban_username) HAVING count(*) > 1",
    },
    Check {
        name: "provisioning",
        sql: "SELECT 'order ' || o.id, 'is paid, has no account, and nobody works on it' FROM orders o
              WHERE o.status = 'PROVISIONING'
                AND NOT EXISTS (SELECT FROM jobs j WHERE j.finished_at IS NULL AND j.kind = 'orders.provision'
                                AND j.payload->>'order' = o.id::text)",
    },
    Check {
        name: "guards",
        sql: "SELECT 'trigger ' || guard, 'is missing or switched off' FROM unnest(ARRAY[
                  'transactions_immutable', 'transactions_no_truncate', 'transactions_chain', 'transactions_agree',
                  'wallets_agree', 'payments_agree', 'payments_decided_once']) AS guard
              WHERE NOT EXISTS (SELECT FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
                                WHERE t.tgname = guard AND t.tgenabled IN ('O', 'A')
                                  AND c.relnamespace = 'public'::regnamespace)",
    },
];
