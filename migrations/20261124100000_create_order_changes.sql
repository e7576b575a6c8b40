-- What is done with an account after it was made. A row is stored before the server hears of it, and settled when the
-- server has said yes or no.
CREATE TABLE order_changes (
    id bigint GENERATED ALWAYS AS IDENTITY,
    order_id bigint NOT NULL,
    kind text NOT NULL,
    status text NOT NULL DEFAULT 'WAITING',
    reason text,                    -- why it is switched off
    requested_by bigint,            -- NULL: the panel itself
    request_id uuid NOT NULL,
    -- What a renewal bought, as it was on the day.
    plan_id bigint,
    plan_name text,
    days integer,
    data_limit_gb integer,
    amount bigint,                  -- Toman
    -- What the server is asked for, fixed before it is asked, so that asking again asks for the same. Both NULL after
    -- that: the account has no end, and keeps none.
    target_expire_at timestamptz,
    target_on_hold_seconds bigint,
    keep_disabled boolean NOT NULL DEFAULT false, -- the server had it switched off, though here it was on
    refund_amount bigint,           -- of a deletion, Toman; reckoned when it was asked for
    asked_at timestamptz,           -- since when the server may have heard of it
    refusal text,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT order_changes_pkey PRIMARY KEY (id),
    CONSTRAINT order_changes_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT order_changes_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES users (id),
    CONSTRAINT order_changes_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES plans (id),
    CONSTRAINT order_changes_request_id_key UNIQUE (order_id, request_id),
    CONSTRAINT order_changes_kind_known CHECK (kind IN ('RENEW', 'DISABLE', 'ENABLE', 'DELETE', 'REVOKE')),
    CONSTRAINT order_changes_status_known CHECK (status IN ('WAITING', 'DONE', 'REFUSED', 'CANCELLED')),
    CONSTRAINT order_changes_reason_known CHECK (reason IN ('BY_OWNER', 'BY_ADMIN', 'NEGATIVE_CREDIT')),
    CONSTRAINT order_changes_disabling_explained CHECK ((kind = 'DISABLE') = (reason IS NOT NULL)),
    CONSTRAINT order_changes_renewal_has_terms CHECK (
        (kind = 'RENEW') = (plan_id IS NOT NULL) AND (kind = 'RENEW') = (plan_name IS NOT NULL)
        AND (kind = 'RENEW') = (days IS NOT NULL) AND (kind = 'RENEW') = (amount IS NOT NULL)
        AND (kind = 'RENEW' OR data_limit_gb IS NULL)
    ),
    CONSTRAINT order_changes_amount_positive CHECK (amount > 0),
    CONSTRAINT order_changes_days_range CHECK (days BETWEEN 1 AND 3650),
    CONSTRAINT order_changes_data_limit_gb_range CHECK (data_limit_gb BETWEEN 1 AND 100000),
    CONSTRAINT order_changes_target_of_renewal CHECK (
        (kind = 'RENEW' AND asked_at IS NOT NULL) OR (target_expire_at IS NULL AND target_on_hold_seconds IS NULL)
    ),
    CONSTRAINT order_changes_one_target CHECK (target_expire_at IS NULL OR target_on_hold_seconds IS NULL),
    CONSTRAINT order_changes_deletion_has_refund CHECK ((kind = 'DELETE') = (refund_amount IS NOT NULL)),
    CONSTRAINT order_changes_refund_not_negative CHECK (refund_amount >= 0),
    CONSTRAINT order_changes_refusal_explained CHECK ((status = 'REFUSED') = (refusal IS NOT NULL)),
    CONSTRAINT order_changes_finished_kept CHECK ((status = 'WAITING') = (finished_at IS NULL))
);
-- One after the other: the order in which an account is changed is the order in which it was asked for.
CREATE UNIQUE INDEX order_changes_one_waiting ON order_changes (order_id) WHERE status = 'WAITING';
CREATE INDEX order_changes_order_id_idx ON order_changes (order_id, id DESC);
CREATE INDEX order_changes_requested_by_idx ON order_changes (requested_by);
CREATE INDEX order_changes_plan_id_idx ON order_changes (plan_id);

-- The terms of the last renewal; the order's own stay what was first bought, because refunds are reckoned from them.
ALTER TABLE orders
    ADD COLUMN renewed_at timestamptz,
    ADD COLUMN renewed_plan_id bigint,
    ADD COLUMN renewed_plan_name text,
    ADD COLUMN renewed_days integer,
    ADD COLUMN renewed_data_limit_gb integer,
    ADD CONSTRAINT orders_renewed_plan_id_fkey FOREIGN KEY (renewed_plan_id) REFERENCES plans (id),
    ADD CONSTRAINT orders_renewed_days_range CHECK (renewed_days BETWEEN 1 AND 3650),
    ADD CONSTRAINT orders_renewed_data_limit_gb_range CHECK (renewed_data_limit_gb BETWEEN 1 AND 100000),
    ADD CONSTRAINT orders_renewal_whole CHECK (
        (renewed_at IS NULL) = (renewed_plan_id IS NULL) AND (renewed_at IS NULL) = (renewed_plan_name IS NULL)
        AND (renewed_at IS NULL) = (renewed_days IS NULL) AND (renewed_at IS NOT NULL OR renewed_data_limit_gb IS NULL)
    );
CREATE INDEX orders_renewed_plan_id_idx ON orders (renewed_plan_id);

-- Which change of the order a row belongs to; NULL for its charge and for what is paid back of that.
ALTER TABLE transactions
    ADD COLUMN change_id bigint,
    ADD CONSTRAINT transactions_change_id_fkey FOREIGN KEY (change_id) REFERENCES order_changes (id),
    ADD CONSTRAINT transactions_change_of_order CHECK (
        change_id IS NULL
        OR order_id IS NOT NULL AND type IN ('ORDER_RENEWED', 'ORDER_REFUND', 'ORDER_DISABLED', 'ORDER_ENABLED')
    );
CREATE INDEX transactions_change_id_idx ON transactions (change_id);
CREATE UNIQUE INDEX transactions_change_once ON transactions (change_id, type) WHERE change_id IS NOT NULL;
DROP INDEX transactions_order_refunded_once;
CREATE UNIQUE INDEX transactions_order_refunded_once ON transactions (order_id)
    WHERE type = 'ORDER_REFUND' AND change_id IS NULL;

-- A page about an order hears of its changes as of the order itself.
CREATE FUNCTION announce_order_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.status IS DISTINCT FROM OLD.status THEN
        PERFORM pg_notify('changes', format('order %s %s %s', user_id, id, NEW.status)) FROM orders WHERE id = NEW.order_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER order_changes_announce AFTER INSERT OR UPDATE ON order_changes
    FOR EACH ROW EXECUTE FUNCTION announce_order_change();
