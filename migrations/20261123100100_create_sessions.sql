-- The session store's own table, in its shape (tower-sessions-sqlx-store 0.15).
CREATE TABLE web_sessions (
    id text NOT NULL,
    data bytea NOT NULL,
    expiry_date timestamptz NOT NULL,
    CONSTRAINT web_sessions_pkey PRIMARY KEY (id)
);
CREATE INDEX web_sessions_expiry_date_idx ON web_sessions (expiry_date);

-- One row per sign-in. A session counts only while its sign-in has not ended, so ending the row
-- ends the session everywhere and at once, also when a request in flight saves the session again.
CREATE TABLE sign_ins (
    id uuid NOT NULL,
    user_id bigint NOT NULL,
    address inet,
    user_agent text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    end_reason text,
    CONSTRAINT sign_ins_pkey PRIMARY KEY (id),
    CONSTRAINT sign_ins_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT sign_ins_end_reason_known CHECK (
        end_reason IN ('SIGNED_OUT', 'PASSWORD_CHANGED', 'ACCOUNT_DISABLED')
    ),
    CONSTRAINT sign_ins_end_explained CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX sign_ins_open_by_user_idx ON sign_ins (user_id) WHERE ended_at IS NULL;

CREATE TABLE login_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    username text NOT NULL,
    address inet NOT NULL,
    succeeded boolean NOT NULL DEFAULT false,
    attempted_at timestamptz NOT NULL,
    CONSTRAINT login_attempts_pkey PRIMARY KEY (id)
);
CREATE INDEX login_attempts_username_idx ON login_attempts (username, attempted_at DESC);
CREATE INDEX login_attempts_address_idx ON login_attempts (address, attempted_at DESC);
CREATE INDEX login_attempts_attempted_at_idx ON login_attempts (attempted_at);
