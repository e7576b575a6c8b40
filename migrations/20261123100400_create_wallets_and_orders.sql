CREATE TABLE wallets (
    user_id bigint NOT NULL,
    confirmed bigint NOT NULL DEFAULT 0, -- Toman; may be negative while pending covers it
    pending bigint NOT NULL DEFAULT 0,   -- Toman; the user's payments that wait for the admin
    total bigint GENERATED ALWAYS AS (confirmed + pending) STORED,
    negative_since timestamptz,
    last_seq bigint NOT NULL DEFAULT 0,
    CONSTRAINT wallets_pkey PRIMARY KEY (user_id),
    CONSTRAINT wallets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT wallets_pending_not_negative CHECK (pending >= 0),
    CONSTRAINT wallets_negative_since_kept CHECK ((confirmed + pending < 0) = (negative_since IS NOT NULL))
);
CREATE INDEX wallets_negative_since_idx ON wallets (negative_since) WHERE negative_since IS NOT NULL;

CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY,
    user_id bigint NOT NULL,
    plan_id bigint NOT NULL,
    -- What was bought, as it was on the day: a plan may change later.
    plan_name text NOT NULL,
    days integer NOT NULL,
    data_limit_gb integer,
    amount bigint NOT NULL,
    marzban_username text NOT NULL,
    alias text NOT NULL DEFAULT '',
    note text NOT NULL DEFAULT '',
    on_hold boolean NOT NULL DEFAULT false,
    status text NOT NULL,
    disabled_reason text,
    failure_reason text,
    request_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    provisioned_at timestamptz,
    deleted_at timestamptz,
    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT orders_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES plans (id),
    CONSTRAINT orders_request_id_key UNIQUE (user_id, request_id),
    CONSTRAINT orders_amount_positive CHECK (amount > 0),
    CONSTRAINT orders_days_range CHECK (days BETWEEN 1 AND 3650),
    CONSTRAINT orders_data_limit_gb_range CHECK (data_limit_gb BETWEEN 1 AND 100000),
    CONSTRAINT orders_marzban_username_valid CHECK (marzban_username ~ '^[a-z][a-z0-9_]{2,31}$'),
    CONSTRAINT orders_status_known CHECK (
        status IN ('AWAITING_PAYMENT', 'PROVISIONING', 'ACTIVE', 'DISABLED', 'DELETED', 'FAILED', 'CANCELLED')
    ),
    CONSTRAINT orders_disabled_reason_known CHECK (disabled_reason IN ('BY_OWNER', 'BY_ADMIN', 'NEGATIVE_CREDIT')),
    CONSTRAINT orders_disabled_explained CHECK ((status = 'DISABLED') = (disabled_reason IS NOT NULL)),
    CONSTRAINT orders_failure_reason_known CHECK (failure_reason IN ('USERNAME_TAKEN', 'REFUSED')),
    CONSTRAINT orders_failure_explained CHECK ((status = 'FAILED') = (failure_reason IS NOT NULL)),
    CONSTRAINT orders_deleted_at_kept CHECK ((status = 'DELETED') = (deleted_at IS NOT NULL))
);
CREATE UNIQUE INDEX orders_marzban_username_live_key ON orders (lower(marzban_username))
    WHERE status NOT IN ('DELETED', 'FAILED', 'CANCELLED');
CREATE INDEX orders_user_id_idx ON orders (user_id, id DESC);
CREATE INDEX orders_status_idx ON orders (status, id DESC);
CREATE INDEX orders_plan_id_idx ON orders (plan_id);

-- The account in Marzban that an order owns, as Marzban last told it.
CREATE TABLE marzban_users (
    id bigint GENERATED ALWAYS AS IDENTITY,
    order_id bigint NOT NULL,
    username text NOT NULL,
    subscription_url text NOT NULL,
    expire_at timestamptz,            -- NULL: never, or on hold until the first connection
    on_hold_seconds bigint,           -- the days of an account that was not yet connected
    data_limit_bytes bigint,          -- NULL: unlimited
    data_used_bytes bigint NOT NULL DEFAULT 0,
    lifetime_used_bytes bigint NOT NULL DEFAULT 0,
    status text NOT NULL,
    online_at timestamptz,
    created_at timestamptz NOT NULL,
    last_synced_at timestamptz NOT NULL,
    CONSTRAINT marzban_users_pkey PRIMARY KEY (id),
    CONSTRAINT marzban_users_order_id_key UNIQUE (order_id),
    CONSTRAINT marzban_users_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT marzban_users_status_known CHECK (status IN ('ACTIVE', 'DISABLED', 'LIMITED', 'EXPIRED', 'ON_HOLD')),
    CONSTRAINT marzban_users_bytes_not_negative CHECK (
        data_limit_bytes >= 0 AND data_used_bytes >= 0 AND lifetime_used_bytes >= 0
    )
);
CREATE INDEX marzban_users_username_idx ON marzban_users (username);
CREATE INDEX marzban_users_expire_at_idx ON marzban_users (expire_at);
CREATE INDEX marzban_users_last_synced_at_idx ON marzban_users (last_synced_at);
