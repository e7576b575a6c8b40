-- The ledger. Rows are added by ledger::post alone and never changed.
CREATE TABLE transactions (
    id bigint GENERATED ALWAYS AS IDENTITY,
    user_id bigint NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    confirmed_delta bigint NOT NULL,
    pending_delta bigint NOT NULL,
    amount bigint GENERATED ALWAYS AS (confirmed_delta + pending_delta) STORED,
    balance_before bigint NOT NULL,
    balance_after bigint NOT NULL,
    confirmed_after bigint NOT NULL,
    pending_after bigint NOT NULL,
    reference_type text NOT NULL,
    payment_id bigint,
    order_id bigint,
    notes text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    created_by bigint, -- NULL: the panel itself
    CONSTRAINT transactions_pkey PRIMARY KEY (id),
    CONSTRAINT transactions_seq_key UNIQUE (user_id, seq),
    CONSTRAINT transactions_user_id_fkey FOREIGN KEY (user_id) REFERENCES wallets (user_id),
    CONSTRAINT transactions_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT transactions_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT transactions_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id),
    CONSTRAINT transactions_balance_adds_up CHECK (
        balance_after = balance_before + confirmed_delta + pending_delta
        AND balance_after = confirmed_after + pending_after
    ),
    CONSTRAINT transactions_deltas_of_type CHECK (
        CASE type
            WHEN 'CHARGE_PENDING' THEN confirmed_delta = 0 AND pending_delta > 0
            WHEN 'CHARGE_APPROVED' THEN confirmed_delta > 0 AND pending_delta < 0
            WHEN 'CHARGE_REJECTED' THEN confirmed_delta = 0 AND pending_delta < 0
            WHEN 'CHARGE_MANUAL' THEN confirmed_delta <> 0 AND pending_delta = 0 AND notes <> ''
            WHEN 'ORDER_CREATED' THEN confirmed_delta < 0 AND pending_delta = 0
            WHEN 'ORDER_RENEWED' THEN confirmed_delta < 0 AND pending_delta = 0
            WHEN 'ORDER_REFUND' THEN confirmed_delta >= 0 AND pending_delta = 0
            WHEN 'ORDER_DISABLED' THEN confirmed_delta = 0 AND pending_delta = 0
            WHEN 'ORDER_ENABLED' THEN confirmed_delta = 0 AND pending_delta = 0
            ELSE false
        END
    ),
    CONSTRAINT transactions_reference_matches CHECK (
        CASE reference_type
            WHEN 'PAYMENT' THEN type LIKE 'CHARGE\_%' AND type <> 'CHARGE_MANUAL' AND payment_id IS NOT NULL AND order_id IS NULL
            WHEN 'ORDER' THEN type LIKE 'ORDER\_%' AND order_id IS NOT NULL AND payment_id IS NULL
            WHEN 'MANUAL' THEN type = 'CHARGE_MANUAL' AND payment_id IS NULL AND order_id IS NULL
            ELSE false
        END
    )
);
CREATE INDEX transactions_user_type_idx ON transactions (user_id, type, seq DESC);
CREATE INDEX transactions_user_created_at_idx ON transactions (user_id, created_at);
CREATE INDEX transactions_created_at_idx ON transactions (created_at);
CREATE INDEX transactions_payment_id_idx ON transactions (payment_id);
CREATE INDEX transactions_order_id_idx ON transactions (order_id);
-- One money effect per event, whatever is clicked, retried or restarted.
CREATE UNIQUE INDEX transactions_payment_submitted_once ON transactions (payment_id) WHERE type = 'CHARGE_PENDING';
CREATE UNIQUE INDEX transactions_payment_decided_once ON transactions (payment_id)
    WHERE type IN ('CHARGE_APPROVED', 'CHARGE_REJECTED');
CREATE UNIQUE INDEX transactions_order_charged_once ON transactions (order_id) WHERE type = 'ORDER_CREATED';
CREATE UNIQUE INDEX transactions_order_refunded_once ON transactions (order_id) WHERE type = 'ORDER_REFUND';

CREATE FUNCTION transactions_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is never changed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER transactions_immutable BEFORE UPDATE OR DELETE ON transactions
    FOR EACH ROW EXECUTE FUNCTION transactions_refuse_change();
CREATE TRIGGER transactions_no_truncate BEFORE TRUNCATE ON transactions
    FOR EACH STATEMENT EXECUTE FUNCTION transactions_refuse_change();

-- A row continues the row before it: no holes, no leaps.
CREATE FUNCTION transactions_continue_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before transactions%ROWTYPE;
BEGIN
    SELECT * INTO before FROM transactions WHERE user_id = NEW.user_id ORDER BY seq DESC LIMIT 1;
    IF NEW.seq <> coalesce(before.seq, 0) + 1
        OR NEW.balance_before <> coalesce(before.balance_after, 0)
        OR NEW.confirmed_after <> coalesce(before.confirmed_after, 0) + NEW.confirmed_delta
        OR NEW.pending_after <> coalesce(before.pending_after, 0) + NEW.pending_delta THEN
        RAISE EXCEPTION 'ledger row % of user % does not continue row %', NEW.seq, NEW.user_id, coalesce(before.seq, 0)
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transactions_chain BEFORE INSERT ON transactions
    FOR EACH ROW EXECUTE FUNCTION transactions_continue_chain();

-- At commit: the wallet is what its last ledger row says, and its pending credit is what its pending payments claim.
CREATE FUNCTION wallets_agree(of_user bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    wallet wallets%ROWTYPE;
    last transactions%ROWTYPE;
    claimed bigint;
BEGIN
    SELECT * INTO wallet FROM wallets WHERE user_id = of_user;
    SELECT * INTO last FROM transactions WHERE user_id = of_user ORDER BY seq DESC LIMIT 1;
    SELECT coalesce(sum(amount), 0) INTO claimed FROM payments WHERE user_id = of_user AND status = 'PENDING';
    IF wallet.user_id IS NULL AND last.id IS NULL AND claimed = 0 THEN
        RETURN;
    END IF;
    IF wallet.last_seq IS DISTINCT FROM coalesce(last.seq, 0)
        OR wallet.confirmed IS DISTINCT FROM coalesce(last.confirmed_after, 0)
        OR wallet.pending IS DISTINCT FROM coalesce(last.pending_after, 0)
        OR wallet.pending IS DISTINCT FROM claimed THEN
        RAISE EXCEPTION 'wallet of user % disagrees with its ledger or its pending payments', of_user
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;
CREATE FUNCTION wallets_check_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM wallets_agree(NEW.user_id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER wallets_agree AFTER INSERT OR UPDATE ON wallets
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wallets_check_at_commit();
CREATE CONSTRAINT TRIGGER transactions_agree AFTER INSERT ON transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wallets_check_at_commit();
CREATE CONSTRAINT TRIGGER payments_agree AFTER INSERT OR UPDATE ON payments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wallets_check_at_commit();
