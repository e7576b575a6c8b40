-- Several accounts that their owner chose, and the one thing that is done with all of them. A row is stored before
-- the first is touched, so that the same form goes on where it ended and shows the same result.
CREATE TABLE order_selections (
    id bigint GENERATED ALWAYS AS IDENTITY,
    user_id bigint NOT NULL,
    kind text NOT NULL,
    request_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT order_selections_pkey PRIMARY KEY (id),
    CONSTRAINT order_selections_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT order_selections_request_id_key UNIQUE (user_id, request_id),
    CONSTRAINT order_selections_kind_known CHECK (kind IN ('RENEW', 'DISABLE', 'ENABLE', 'DELETE'))
);

-- One of them: not reached yet, asked for (change_id), or not done (trouble).
CREATE TABLE order_selection_items (
    selection_id bigint NOT NULL,
    place integer NOT NULL,
    order_id bigint NOT NULL,
    plan_id bigint,           -- of a renewal
    seen bigint,              -- the price or the refund that was shown, Toman
    change_id bigint,
    trouble text,
    trouble_amount bigint,    -- Toman
    CONSTRAINT order_selection_items_pkey PRIMARY KEY (selection_id, place),
    CONSTRAINT order_selection_items_selection_id_fkey FOREIGN KEY (selection_id) REFERENCES order_selections (id),
    CONSTRAINT order_selection_items_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT order_selection_items_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES plans (id),
    CONSTRAINT order_selection_items_change_id_fkey FOREIGN KEY (change_id) REFERENCES order_changes (id),
    CONSTRAINT order_selection_items_order_key UNIQUE (selection_id, order_id),
    CONSTRAINT order_selection_items_one_end CHECK (change_id IS NULL OR trouble IS NULL)
);
CREATE INDEX order_selection_items_order_id_idx ON order_selection_items (order_id);
CREATE INDEX order_selection_items_plan_id_idx ON order_selection_items (plan_id);
CREATE INDEX order_selection_items_change_id_idx ON order_selection_items (change_id);

-- Several accounts ordered by one form: one plan at one price. It holds no money; each order is placed by itself.
CREATE TABLE order_batches (
    id bigint GENERATED ALWAYS AS IDENTITY,
    user_id bigint NOT NULL,
    request_id uuid NOT NULL,
    plan_id bigint NOT NULL,
    price bigint NOT NULL,    -- of one, as it was shown, Toman
    on_hold boolean NOT NULL,
    stopped text,             -- why it ended before its last name; NULL once it went on
    stopped_amount bigint,    -- Toman
    created_at timestamptz NOT NULL,
    CONSTRAINT order_batches_pkey PRIMARY KEY (id),
    CONSTRAINT order_batches_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT order_batches_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES plans (id),
    CONSTRAINT order_batches_request_id_key UNIQUE (user_id, request_id),
    CONSTRAINT order_batches_price_positive CHECK (price > 0)
);
CREATE INDEX order_batches_plan_id_idx ON order_batches (plan_id);

CREATE TABLE order_batch_items (
    batch_id bigint NOT NULL,
    place integer NOT NULL,
    username text NOT NULL,
    alias text NOT NULL,
    order_id bigint,
    trouble text,
    CONSTRAINT order_batch_items_pkey PRIMARY KEY (batch_id, place),
    CONSTRAINT order_batch_items_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES order_batches (id),
    CONSTRAINT order_batch_items_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT order_batch_items_username_key UNIQUE (batch_id, username),
    CONSTRAINT order_batch_items_one_end CHECK (order_id IS NULL OR trouble IS NULL)
);
CREATE UNIQUE INDEX order_batch_items_order_id_key ON order_batch_items (order_id);
