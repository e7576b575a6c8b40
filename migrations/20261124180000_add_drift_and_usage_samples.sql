-- Where the server says something else than the panel, and how accounts were used over time.
ALTER TABLE marzban_users
    ADD COLUMN asked_at timestamptz,             -- when the server was last asked, whatever it said
    ADD COLUMN keys text,                        -- changes when the account gets other keys, and so another link
    ADD COLUMN drift text[] NOT NULL DEFAULT '{}',
    ADD COLUMN drift_since timestamptz,
    ADD COLUMN missing_since timestamptz,        -- the server itself said that there is no such account
    ADD COLUMN ours_expire_at timestamptz,       -- with EXPIRY: what it was before somebody changed it there
    ADD COLUMN ours_data_limit_bytes bigint,     -- with VOLUME: the same; NULL is unlimited
    ADD CONSTRAINT marzban_users_drift_known CHECK (
        drift <@ ARRAY['OFF_THERE', 'ON_THERE', 'EXPIRY', 'VOLUME', 'FOREIGN', 'UNREADABLE', 'MISSING']
    ),
    ADD CONSTRAINT marzban_users_drift_dated CHECK ((drift = '{}') = (drift_since IS NULL)),
    ADD CONSTRAINT marzban_users_missing_dated CHECK (('MISSING' = ANY (drift)) = (missing_since IS NOT NULL));
CREATE INDEX marzban_users_asked_at_idx ON marzban_users (asked_at NULLS FIRST, order_id);
CREATE INDEX marzban_users_drifted_idx ON marzban_users (order_id DESC)
    WHERE drift_since IS NOT NULL;

-- The bytes that an account had used over its whole life at the end of an hour; later of a day, then of a month.
CREATE TABLE usage_samples (
    order_id bigint NOT NULL,
    at timestamptz NOT NULL, -- the beginning of the hour
    lifetime_bytes bigint NOT NULL,
    CONSTRAINT usage_samples_pkey PRIMARY KEY (order_id, at),
    CONSTRAINT usage_samples_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT usage_samples_bytes_not_negative CHECK (lifetime_bytes >= 0)
);
CREATE INDEX usage_samples_at_idx ON usage_samples (at);
