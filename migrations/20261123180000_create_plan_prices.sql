-- What each plan has cost: one row per change of its prices, written with the change itself.
CREATE TABLE plan_prices (
    id bigint GENERATED ALWAYS AS IDENTITY,
    plan_id bigint NOT NULL,
    public_before bigint, -- NULL: the plan was new
    agent_before bigint,
    price_public bigint NOT NULL,
    price_agent bigint NOT NULL,
    changed_by bigint, -- NULL: the panel itself
    changed_at timestamptz NOT NULL,
    CONSTRAINT plan_prices_pkey PRIMARY KEY (id),
    CONSTRAINT plan_prices_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES plans (id),
    CONSTRAINT plan_prices_changed_by_fkey FOREIGN KEY (changed_by) REFERENCES users (id),
    CONSTRAINT plan_prices_before_together CHECK ((public_before IS NULL) = (agent_before IS NULL)),
    CONSTRAINT plan_prices_agent_below_public CHECK (price_agent < price_public)
);
CREATE INDEX plan_prices_plan_id_idx ON plan_prices (plan_id, id DESC);
CREATE INDEX plan_prices_changed_by_idx ON plan_prices (changed_by);
