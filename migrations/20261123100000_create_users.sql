-- People who sign in. What only one role has stands in agents or end_users.
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY,
    username text NOT NULL,
    email text,
    password_hash text NOT NULL,
    role text NOT NULL,
    status text NOT NULL DEFAULT 'ACTIVE',
    language text NOT NULL DEFAULT 'fa',
    must_change_password boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_username_key UNIQUE (username),
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_username_canonical CHECK (username ~ '^[a-z][a-z0-9_.-]{2,31}$'),
    CONSTRAINT users_email_canonical CHECK (email = lower(email)),
    CONSTRAINT users_role_known CHECK (role IN ('ADMIN', 'AGENT', 'END_USER')),
    CONSTRAINT users_status_known CHECK (status IN ('ACTIVE', 'DISABLED')),
    CONSTRAINT users_language_known CHECK (language IN ('fa', 'en'))
);
CREATE INDEX users_role_status_idx ON users (role, status, id);

CREATE TABLE agents (
    user_id bigint NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    phone text NOT NULL,
    shop_name text NOT NULL DEFAULT '',
    province text NOT NULL DEFAULT '',
    city text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT '',
    notes text NOT NULL DEFAULT '',
    username_prefix text,
    pending_ceiling bigint NOT NULL,
    -- The admin may put off the 24-hour rule for one agent.
    deadline_deferred_until timestamptz,
    deadline_deferred_reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agents_pkey PRIMARY KEY (user_id),
    CONSTRAINT agents_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT agents_phone_canonical CHECK (phone ~ '^09[0-9]{9}$'),
    CONSTRAINT agents_username_prefix_valid CHECK (username_prefix ~ '^[a-z][a-z0-9_]{0,11}$'),
    CONSTRAINT agents_pending_ceiling_not_negative CHECK (pending_ceiling >= 0),
    CONSTRAINT agents_deferral_explained CHECK (
        (deadline_deferred_until IS NULL) = (deadline_deferred_reason IS NULL)
    )
);

CREATE TABLE end_users (
    user_id bigint NOT NULL,
    phone text NOT NULL,
    verified boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT end_users_pkey PRIMARY KEY (user_id),
    CONSTRAINT end_users_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT end_users_phone_canonical CHECK (phone ~ '^09[0-9]{9}$')
);
