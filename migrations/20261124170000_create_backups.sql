-- One row per attempt to make a backup. The file lies in the folder of backups; the row says how it went.
CREATE TABLE backups (
    id bigint GENERATED ALWAYS AS IDENTITY,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    outcome text,
    error text,
    file_name text,
    size_bytes bigint,
    sha256 bytea,             -- of the whole file
    encrypted boolean NOT NULL DEFAULT false,
    verified_at timestamptz,  -- read again after it was written, and all of it agreed
    drilled_at timestamptz,   -- restored into a scratch database
    drill_outcome text,
    drill_error text,
    CONSTRAINT backups_pkey PRIMARY KEY (id),
    CONSTRAINT backups_file_name_key UNIQUE (file_name),
    CONSTRAINT backups_outcome_known CHECK (outcome IN ('DONE', 'FAILED')),
    CONSTRAINT backups_finished_with_outcome CHECK ((finished_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT backups_done_with_file CHECK (
        (outcome IS NOT DISTINCT FROM 'DONE') = (file_name IS NOT NULL)
        AND (file_name IS NULL) = (size_bytes IS NULL)
        AND (file_name IS NULL) = (sha256 IS NULL)
    ),
    CONSTRAINT backups_failed_with_error CHECK (outcome IS DISTINCT FROM 'FAILED' OR error <> ''),
    CONSTRAINT backups_drill_outcome_known CHECK (drill_outcome IN ('DONE', 'FAILED')),
    CONSTRAINT backups_drilled_with_outcome CHECK ((drilled_at IS NULL) = (drill_outcome IS NULL)),
    CONSTRAINT backups_sha256_length CHECK (octet_length(sha256) = 32)
);
CREATE INDEX backups_started_at_idx ON backups (started_at DESC, id DESC);
