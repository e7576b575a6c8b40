-- What the panel does by the clock: one row for each time that a task was due, or was asked for by an admin.
CREATE TABLE scheduled_runs (
    id bigint GENERATED ALWAYS AS IDENTITY,
    task text NOT NULL,
    due_at timestamptz NOT NULL,
    asked_by bigint,  -- NULL: the clock
    started_at timestamptz,
    finished_at timestamptz,
    outcome text,
    report jsonb NOT NULL DEFAULT '{}',
    error text,
    CONSTRAINT scheduled_runs_pkey PRIMARY KEY (id),
    CONSTRAINT scheduled_runs_asked_by_fkey FOREIGN KEY (asked_by) REFERENCES users (id),
    CONSTRAINT scheduled_runs_outcome_known CHECK (outcome IN ('DONE', 'FAILED')),
    CONSTRAINT scheduled_runs_finished_with_outcome CHECK ((finished_at IS NULL) = (outcome IS NULL))
);
-- However many instances look at the clock, a due time is one run, and no run begins before the one before it ended.
CREATE UNIQUE INDEX scheduled_runs_task_due_key ON scheduled_runs (task, due_at);
CREATE UNIQUE INDEX scheduled_runs_task_open_key ON scheduled_runs (task) WHERE finished_at IS NULL;
CREATE INDEX scheduled_runs_asked_by_idx ON scheduled_runs (asked_by);
CREATE INDEX scheduled_runs_finished_at_idx ON scheduled_runs (finished_at);
