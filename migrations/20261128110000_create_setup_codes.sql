-- The codes by which the first admin is made in a browser. Each start of the panel adds one while there is no admin;
-- they are all good until there is one, and are gone then, whoever made it.
CREATE TABLE setup_codes (
    digest bytea NOT NULL,          -- SHA-256 of the code
    created_at timestamptz NOT NULL,
    CONSTRAINT setup_codes_pkey PRIMARY KEY (digest),
    CONSTRAINT setup_codes_digest_is_sha256 CHECK (octet_length(digest) = 32)
);

-- Whoever makes an admin takes this lock, and so does whoever asks whether there is one in order to make the first.
CREATE FUNCTION remove_setup_codes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('the first admin', 0));
    DELETE FROM setup_codes;
    RETURN NULL;
END $$;
CREATE TRIGGER users_remove_setup_codes AFTER INSERT ON users FOR EACH ROW WHEN (NEW.role = 'ADMIN')
    EXECUTE FUNCTION remove_setup_codes();

-- The list of first steps on the overview, once the owner has put it away.
ALTER TABLE settings ADD COLUMN checklist_hidden boolean NOT NULL DEFAULT false;
