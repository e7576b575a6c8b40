-- Accounts that the shop's server had before the panel, brought in as orders that cost nothing. The plan of such an order
-- is the one that it is nearest to and will be renewed by; its name is as the server has it.
ALTER TABLE orders
    ADD COLUMN imported_at timestamptz, -- NULL: ordered here
    DROP CONSTRAINT orders_amount_positive,
    ADD CONSTRAINT orders_amount_positive CHECK (CASE WHEN imported_at IS NULL THEN amount > 0 ELSE amount = 0 END),
    DROP CONSTRAINT orders_marzban_username_valid,
    ADD CONSTRAINT orders_marzban_username_valid CHECK (
        CASE WHEN imported_at IS NULL THEN marzban_username ~ '^[a-z][a-z0-9_]{2,31}$'
             ELSE marzban_username ~ '^[A-Za-z0-9_]{3,32}([@.-][A-Za-z0-9_@.-]*)?$' AND length(marzban_username) <= 64 END
    );

-- One reading of all accounts of the server, what the admin chose of it, and the bringing in.
CREATE TABLE order_imports (
    id bigint GENERATED ALWAYS AS IDENTITY,
    requested_by bigint NOT NULL,
    request_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'READING',
    -- How far the reading has come, and how many accounts the server says it has.
    accounts_read bigint NOT NULL DEFAULT 0,
    accounts_total bigint,
    hidden bigint NOT NULL DEFAULT 0,    -- places in the server's list that it can't show, with a name that nobody knows
    trouble text,                        -- why the server could not be asked at the last attempt
    -- The choice, counted up each time it is made: what is confirmed is what was shown.
    choice integer NOT NULL DEFAULT 0,
    pattern text NOT NULL DEFAULT '',    -- as typed
    name_like text NOT NULL DEFAULT '%', -- the same for LIKE, in small letters
    keeper text,                         -- of the server's administrators; '' is nobody, NULL is all
    note_like text NOT NULL DEFAULT '%',
    note_typed text NOT NULL DEFAULT '',
    owner_id bigint,                     -- who gets the orders
    keeps_notes boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT order_imports_pkey PRIMARY KEY (id),
    CONSTRAINT order_imports_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES users (id),
    CONSTRAINT order_imports_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (id),
    CONSTRAINT order_imports_request_id_key UNIQUE (requested_by, request_id),
    CONSTRAINT order_imports_status_known CHECK (status IN ('READING', 'READ', 'RUNNING', 'DONE', 'STOPPED')),
    CONSTRAINT order_imports_started_kept CHECK (
        CASE status WHEN 'READING' THEN started_at IS NULL WHEN 'READ' THEN started_at IS NULL
                    WHEN 'STOPPED' THEN true ELSE started_at IS NOT NULL AND owner_id IS NOT NULL END
    ),
    CONSTRAINT order_imports_finished_kept CHECK ((finished_at IS NOT NULL) = (status IN ('DONE', 'STOPPED')))
);
CREATE INDEX order_imports_owner_id_idx ON order_imports (owner_id);

-- One account as it was read. Its outcome is written once: brought in, or left out and why.
CREATE TABLE order_import_items (
    import_id bigint NOT NULL,
    place bigint GENERATED ALWAYS AS IDENTITY, -- in the order of the reading, which is that of the names
    username text NOT NULL,
    status text,                               -- NULL: the server can't show it
    expire_at timestamptz,
    on_hold_seconds bigint,
    data_limit_bytes bigint,
    keeper text,                               -- the server's administrator that it belongs to
    note text NOT NULL DEFAULT '',
    created_at timestamptz,
    order_id bigint,                           -- the number that its order gets, set aside before the server is told
    outcome text,
    tries integer NOT NULL DEFAULT 0,
    CONSTRAINT order_import_items_pkey PRIMARY KEY (import_id, place),
    CONSTRAINT order_import_items_import_id_fkey FOREIGN KEY (import_id) REFERENCES order_imports (id),
    CONSTRAINT order_import_items_username_key UNIQUE (import_id, username),
    CONSTRAINT order_import_items_status_known CHECK (status IN ('ACTIVE', 'DISABLED', 'LIMITED', 'EXPIRED', 'ON_HOLD')),
    CONSTRAINT order_import_items_outcome_known CHECK (
        outcome IN ('TAKEN', 'OWNED', 'FOREIGN', 'NAME', 'TWICE', 'NOT_CHOSEN', 'UNREADABLE', 'GONE', 'REFUSED', 'NO_PLAN',
                    'STOPPED')
    )
);
-- Two imports never work on one account at a time.
CREATE UNIQUE INDEX order_import_items_under_way_key ON order_import_items (lower(username))
    WHERE order_id IS NOT NULL AND outcome IS NULL;
CREATE UNIQUE INDEX order_import_items_order_id_key ON order_import_items (order_id);
CREATE INDEX order_import_items_left_idx ON order_import_items (import_id, place) WHERE outcome IS NULL;

-- The one definition of what will become of each account: the dry run shows it, and confirming writes it down.
CREATE VIEW order_import_verdicts AS
SELECT i.import_id, i.place,
       CASE WHEN i.outcome IS NOT NULL THEN i.outcome
            WHEN m.status NOT IN ('READING', 'READ') THEN 'WAITING'
            WHEN EXISTS (SELECT FROM orders o WHERE lower(o.marzban_username) = lower(i.username)
                         AND o.status NOT IN ('DELETED', 'FAILED', 'CANCELLED')) THEN 'OWNED'
            -- Another panel's, or one of ours that has ended; not the note of an import that was cut off.
            WHEN i.note ~ '^RAD order #[0-9]+$'
                 AND NOT EXISTS (SELECT FROM order_import_items b WHERE i.note = 'RAD order #' || b.order_id
                                 AND b.username = i.username AND b.outcome IS DISTINCT FROM 'TAKEN') THEN 'FOREIGN'
            WHEN length(i.username) > 64 OR i.username !~ '^[A-Za-z0-9_]{3,32}([@.-][A-Za-z0-9_@.-]*)?$' THEN 'NAME'
            WHEN EXISTS (SELECT FROM order_import_items b WHERE b.import_id = i.import_id
                         AND lower(b.username) = lower(i.username) AND b.place < i.place) THEN 'TWICE'
            WHEN lower(i.username) NOT LIKE m.name_like OR translate(lower(i.note), '۰۱۲۳۴۵۶۷۸۹', '0123456789') NOT LIKE m.note_like
                 OR coalesce(i.keeper, '') <> coalesce(m.keeper, i.keeper, '') THEN 'NOT_CHOSEN'
            ELSE 'TAKE' END AS verdict
FROM order_import_items i JOIN order_imports m ON m.id = i.import_id;
CREATE INDEX order_import_items_name_idx ON order_import_items (import_id, lower(username));

-- The plan on offer that an account of so many GB (NULL: unlimited) with so many days left is nearest to: first by its
-- volume, then the shortest that reaches as far; NULL where nothing is on offer.
CREATE FUNCTION nearest_plan(gb integer, days_left integer) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT id FROM plans WHERE status = 'ACTIVE'
    ORDER BY CASE WHEN gb IS NULL OR data_limit_gb IS NULL THEN ((gb IS NULL) <> (data_limit_gb IS NULL))::integer * 1000000
                  ELSE abs(gb - data_limit_gb) END,
             days < days_left, CASE WHEN days < days_left THEN -days ELSE days END, position, id
    LIMIT 1
$$;
