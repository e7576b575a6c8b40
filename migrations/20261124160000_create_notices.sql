-- What people are told: one row for each person and thing. A key says what a person is told of only once.
CREATE TABLE notices (
    id bigint GENERATED ALWAYS AS IDENTITY,
    user_id bigint NOT NULL,
    kind text NOT NULL,
    subject_type text,
    subject_id bigint,
    data jsonb NOT NULL DEFAULT '{}',
    dedupe_key text,
    created_at timestamptz NOT NULL,
    read_at timestamptz,
    CONSTRAINT notices_pkey PRIMARY KEY (id),
    CONSTRAINT notices_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT notices_dedupe_key_key UNIQUE (dedupe_key, user_id),
    CONSTRAINT notices_kind_named CHECK (kind ~ '^[A-Z_]+$'),
    CONSTRAINT notices_subject_whole CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX notices_user_id_idx ON notices (user_id, id DESC);
CREATE INDEX notices_unread_idx ON notices (user_id) WHERE read_at IS NULL;
CREATE INDEX notices_created_at_idx ON notices (created_at);

-- Where else than in the panel a person is told.
CREATE TABLE notice_channels (
    user_id bigint NOT NULL,
    channel text NOT NULL,
    address text NOT NULL,   -- a Telegram chat, or an e-mail address
    linked_at timestamptz NOT NULL,
    broken_at timestamptz,   -- it takes no more messages, until the person links it anew
    broken_reason text,
    CONSTRAINT notice_channels_pkey PRIMARY KEY (user_id, channel),
    CONSTRAINT notice_channels_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT notice_channels_channel_known CHECK (channel IN ('TELEGRAM', 'EMAIL')),
    CONSTRAINT notice_channels_broken_explained CHECK ((broken_at IS NULL) = (broken_reason IS NULL))
);

-- One-time codes that prove whose chat or address it is.
CREATE TABLE notice_links (
    id bigint GENERATED ALWAYS AS IDENTITY,
    user_id bigint NOT NULL,
    channel text NOT NULL,
    code text NOT NULL,
    address text NOT NULL DEFAULT '',  -- e-mail: where the code was sent
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT notice_links_pkey PRIMARY KEY (id),
    CONSTRAINT notice_links_code_key UNIQUE (code),
    CONSTRAINT notice_links_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT notice_links_channel_known CHECK (channel IN ('TELEGRAM', 'EMAIL'))
);
CREATE INDEX notice_links_user_id_idx ON notice_links (user_id, id DESC);
CREATE INDEX notice_links_expires_at_idx ON notice_links (expires_at);

-- What a person has switched off; a kind without a row is on.
CREATE TABLE notice_mutes (
    user_id bigint NOT NULL,
    channel text NOT NULL,
    kind text NOT NULL,
    CONSTRAINT notice_mutes_pkey PRIMARY KEY (user_id, channel, kind),
    CONSTRAINT notice_mutes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT notice_mutes_channel_known CHECK (channel IN ('TELEGRAM', 'EMAIL'))
);

-- Minutes after midnight in Tehran between which what can wait is not sent; the span may cross midnight.
CREATE TABLE notice_quiet_hours (
    user_id bigint NOT NULL,
    quiet_from smallint NOT NULL,
    quiet_until smallint NOT NULL,
    CONSTRAINT notice_quiet_hours_pkey PRIMARY KEY (user_id),
    CONSTRAINT notice_quiet_hours_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT notice_quiet_hours_of_a_day CHECK (
        quiet_from BETWEEN 0 AND 1439 AND quiet_until BETWEEN 0 AND 1439 AND quiet_from <> quiet_until
    )
);

-- What is still to be sent, or was.
CREATE TABLE notice_deliveries (
    notice_id bigint NOT NULL,
    channel text NOT NULL,
    user_id bigint NOT NULL,
    due_at timestamptz NOT NULL,
    claimed_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    outcome text,
    settled_at timestamptz,
    CONSTRAINT notice_deliveries_pkey PRIMARY KEY (notice_id, channel),
    CONSTRAINT notice_deliveries_notice_id_fkey FOREIGN KEY (notice_id) REFERENCES notices (id) ON DELETE CASCADE,
    CONSTRAINT notice_deliveries_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT notice_deliveries_channel_known CHECK (channel IN ('TELEGRAM', 'EMAIL')),
    CONSTRAINT notice_deliveries_outcome_known CHECK (outcome IN ('SENT', 'DROPPED')),
    CONSTRAINT notice_deliveries_settled_with_outcome CHECK ((settled_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX notice_deliveries_user_id_idx ON notice_deliveries (user_id, channel);
CREATE INDEX notice_deliveries_waiting_idx ON notice_deliveries (user_id, channel, due_at) WHERE outcome IS NULL;

-- The shop's own bot and mail server, and how they do: always exactly one row.
CREATE TABLE notice_settings (
    only_row boolean NOT NULL DEFAULT true,
    telegram_token text,
    telegram_api text NOT NULL DEFAULT 'https://api.telegram.org',
    telegram_bot text,                 -- the bot's user name, as the Bot API told it
    telegram_offset bigint NOT NULL DEFAULT 0,
    telegram_hold_until timestamptz,   -- the Bot API asked to wait
    telegram_polling_until timestamptz,
    telegram_problem text,
    telegram_detail text NOT NULL DEFAULT '',
    smtp_host text,
    smtp_port integer NOT NULL DEFAULT 587,
    smtp_security text NOT NULL DEFAULT 'STARTTLS',
    smtp_username text NOT NULL DEFAULT '',
    smtp_password text NOT NULL DEFAULT '',
    smtp_sender text NOT NULL DEFAULT '',
    smtp_problem text,
    smtp_detail text NOT NULL DEFAULT '',
    server_failures integer NOT NULL DEFAULT 0,  -- of Marzban's health, in a row
    server_down_since timestamptz,
    CONSTRAINT notice_settings_pkey PRIMARY KEY (only_row),
    CONSTRAINT notice_settings_only_one_row CHECK (only_row),
    CONSTRAINT notice_settings_smtp_port_range CHECK (smtp_port BETWEEN 1 AND 65535),
    CONSTRAINT notice_settings_smtp_security_known CHECK (smtp_security IN ('STARTTLS', 'TLS', 'NONE'))
);
INSERT INTO notice_settings DEFAULT VALUES;

-- Open pages hear of their person's notices: one word a person, however many rows change at once.
CREATE FUNCTION announce_notices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('changes', format('notice %s 0 CHANGED', user_id)) FROM (SELECT DISTINCT user_id FROM changed) c;
    RETURN NULL;
END $$;
CREATE TRIGGER notices_announce_new AFTER INSERT ON notices REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION announce_notices();
CREATE TRIGGER notices_announce_read AFTER UPDATE ON notices REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION announce_notices();
