-- The second factor of a person: the secret that her phone knows too. The last step of 30 seconds whose code was
-- taken is kept, so that no code is taken twice.
CREATE TABLE two_factors (
    user_id bigint NOT NULL,
    secret bytea NOT NULL,
    last_step bigint NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT two_factors_pkey PRIMARY KEY (user_id),
    CONSTRAINT two_factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT two_factors_secret_length CHECK (octet_length(secret) = 20)
);

-- For whoever has lost her phone. Only digests are kept; a code that was used is gone.
CREATE TABLE recovery_codes (
    user_id bigint NOT NULL,
    digest bytea NOT NULL,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, digest),
    CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT recovery_codes_digest_length CHECK (octet_length(digest) = 32)
);

ALTER TABLE settings ADD COLUMN admins_need_two_factor boolean NOT NULL DEFAULT false;
