-- The queue. A worker takes a due row by setting locked_until; a row whose lease ran out is due again.
CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    unique_key text, -- at most one unfinished job per key
    run_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    last_error text,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    outcome text,
    CONSTRAINT jobs_pkey PRIMARY KEY (id),
    CONSTRAINT jobs_outcome_known CHECK (outcome IN ('DONE', 'FAILED')),
    CONSTRAINT jobs_finished_with_outcome CHECK ((finished_at IS NULL) = (outcome IS NULL))
);
CREATE UNIQUE INDEX jobs_unique_key_live_key ON jobs (unique_key) WHERE finished_at IS NULL;
CREATE INDEX jobs_due_idx ON jobs (run_at, id) WHERE finished_at IS NULL;
CREATE INDEX jobs_finished_at_idx ON jobs (finished_at) WHERE finished_at IS NOT NULL;

-- What a page that is open somewhere wants to hear of: "topic user_id id status".
CREATE FUNCTION announce_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.status IS DISTINCT FROM OLD.status THEN
        PERFORM pg_notify('changes', format('%s %s %s %s', TG_ARGV[0], NEW.user_id, NEW.id, NEW.status));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER payments_announce AFTER INSERT OR UPDATE ON payments
    FOR EACH ROW EXECUTE FUNCTION announce_change('payment');
CREATE TRIGGER orders_announce AFTER INSERT OR UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION announce_change('order');
CREATE FUNCTION announce_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY jobs;
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_announce AFTER INSERT ON jobs
    FOR EACH STATEMENT EXECUTE FUNCTION announce_job();
