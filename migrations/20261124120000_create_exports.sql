-- Reports written as Excel in the background. The file lies in the storage folder under its key.
CREATE TABLE exports (
    id bigint GENERATED ALWAYS AS IDENTITY,
    owner_id bigint NOT NULL,
    request_id uuid NOT NULL,
    filter jsonb NOT NULL,
    language text NOT NULL,
    description text NOT NULL,          -- the filter in words
    file_key uuid NOT NULL,
    file_name text NOT NULL,
    status text NOT NULL DEFAULT 'WAITING',
    rows_total bigint NOT NULL,
    rows_done bigint NOT NULL DEFAULT 0,
    size_bytes bigint,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    expires_at timestamptz NOT NULL,
    CONSTRAINT exports_pkey PRIMARY KEY (id),
    CONSTRAINT exports_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (id),
    CONSTRAINT exports_request_id_key UNIQUE (owner_id, request_id),
    CONSTRAINT exports_file_key_key UNIQUE (file_key),
    CONSTRAINT exports_language_known CHECK (language IN ('fa', 'en')),
    CONSTRAINT exports_status_known CHECK (status IN ('WAITING', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED')),
    CONSTRAINT exports_finished_at_kept CHECK ((status IN ('WAITING', 'RUNNING')) = (finished_at IS NULL)),
    CONSTRAINT exports_size_bytes_when_done CHECK ((status = 'DONE') = (size_bytes IS NOT NULL)),
    CONSTRAINT exports_rows_not_negative CHECK (rows_total >= 0 AND rows_done >= 0)
);
CREATE INDEX exports_expires_at_idx ON exports (expires_at);

-- Reports read by time, newest first.
CREATE INDEX transactions_report_idx ON transactions (created_at DESC, id DESC);
CREATE INDEX payments_created_at_idx ON payments (created_at DESC, id DESC);
