-- The shop's settings: always exactly one row.
CREATE TABLE settings (
    only_row boolean NOT NULL DEFAULT true,
    shop_name text NOT NULL DEFAULT 'RAD',
    payment_min bigint NOT NULL DEFAULT 10000,
    payment_max bigint NOT NULL DEFAULT 100000000,
    default_pending_ceiling bigint NOT NULL DEFAULT 5000000,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT settings_pkey PRIMARY KEY (only_row),
    CONSTRAINT settings_only_one_row CHECK (only_row),
    CONSTRAINT settings_shop_name_length CHECK (char_length(shop_name) BETWEEN 1 AND 60),
    CONSTRAINT settings_payment_limits_ordered CHECK (payment_min > 0 AND payment_min <= payment_max),
    CONSTRAINT settings_default_pending_ceiling_not_negative CHECK (default_pending_ceiling >= 0)
);
INSERT INTO settings DEFAULT VALUES;

-- Who did what, when, from where.
CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    actor_id bigint,
    action text NOT NULL,
    subject_type text NOT NULL,
    subject_id bigint,
    detail jsonb NOT NULL DEFAULT '{}',
    address inet,
    created_at timestamptz NOT NULL,
    CONSTRAINT audit_log_pkey PRIMARY KEY (id),
    CONSTRAINT audit_log_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES users (id)
);
CREATE INDEX audit_log_subject_idx ON audit_log (subject_type, subject_id, id DESC);
CREATE INDEX audit_log_actor_idx ON audit_log (actor_id, id DESC);
