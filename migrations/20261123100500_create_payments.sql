-- A receipt's file lies in the storage folder under its random key; the row says what it is.
CREATE TABLE receipts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    storage_key uuid NOT NULL,
    uploaded_by bigint NOT NULL,
    content_type text NOT NULL,
    size_bytes bigint NOT NULL,
    width integer,
    height integer,
    sha256 bytea NOT NULL,      -- of the file as it was uploaded
    perceptual_hash bigint,     -- images only
    created_at timestamptz NOT NULL,
    CONSTRAINT receipts_pkey PRIMARY KEY (id),
    CONSTRAINT receipts_storage_key_key UNIQUE (storage_key),
    CONSTRAINT receipts_uploaded_by_fkey FOREIGN KEY (uploaded_by) REFERENCES users (id),
    CONSTRAINT receipts_content_type_known CHECK (content_type IN ('image/jpeg', 'image/png', 'image/webp', 'application/pdf')),
    CONSTRAINT receipts_size_bytes_range CHECK (size_bytes > 0),
    CONSTRAINT receipts_sha256_length CHECK (octet_length(sha256) = 32)
);
CREATE INDEX receipts_sha256_idx ON receipts (sha256);
CREATE INDEX receipts_perceptual_hash_idx ON receipts (perceptual_hash) WHERE perceptual_hash IS NOT NULL;
CREATE INDEX receipts_uploaded_by_idx ON receipts (uploaded_by, id DESC);

CREATE TABLE payments (
    id bigint GENERATED ALWAYS AS IDENTITY,
    user_id bigint NOT NULL,
    payment_method_id bigint NOT NULL,
    receipt_id bigint NOT NULL,
    order_id bigint,               -- an end user's payment for one order
    amount bigint NOT NULL,        -- Toman, as the payer claims
    bonus_percent integer NOT NULL DEFAULT 0,
    approved_amount bigint,        -- Toman, as the admin found it, without bonus
    credited_amount bigint,        -- Toman, with bonus
    tracking_number text,
    transaction_hash text,
    payer_note text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'PENDING',
    admin_notes text,
    request_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    processed_at timestamptz,
    processed_by bigint,
    CONSTRAINT payments_pkey PRIMARY KEY (id),
    CONSTRAINT payments_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT payments_payment_method_id_fkey FOREIGN KEY (payment_method_id) REFERENCES payment_methods (id),
    CONSTRAINT payments_receipt_id_fkey FOREIGN KEY (receipt_id) REFERENCES receipts (id),
    CONSTRAINT payments_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT payments_processed_by_fkey FOREIGN KEY (processed_by) REFERENCES users (id),
    CONSTRAINT payments_receipt_id_key UNIQUE (receipt_id),
    CONSTRAINT payments_request_id_key UNIQUE (user_id, request_id),
    CONSTRAINT payments_amount_positive CHECK (amount > 0),
    CONSTRAINT payments_approved_amount_positive CHECK (approved_amount > 0),
    CONSTRAINT payments_bonus_percent_range CHECK (bonus_percent BETWEEN 0 AND 100),
    CONSTRAINT payments_status_known CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED', 'WITHDRAWN')),
    CONSTRAINT payments_processed_explained CHECK (
        (status = 'PENDING') = (processed_at IS NULL) AND (status = 'PENDING') = (processed_by IS NULL)
    ),
    CONSTRAINT payments_credited_when_approved CHECK (
        (status = 'APPROVED') = (approved_amount IS NOT NULL) AND (status = 'APPROVED') = (credited_amount IS NOT NULL)
        AND credited_amount >= approved_amount
    ),
    CONSTRAINT payments_rejected_with_reason CHECK (status <> 'REJECTED' OR char_length(admin_notes) > 0)
);
-- A hash counts once. One that was rejected or withdrawn may be sent again: the transfer itself is real.
CREATE UNIQUE INDEX payments_transaction_hash_key ON payments (transaction_hash)
    WHERE status IN ('PENDING', 'APPROVED');
CREATE INDEX payments_pending_idx ON payments (id) WHERE status = 'PENDING';
CREATE INDEX payments_pending_by_user_idx ON payments (user_id) WHERE status = 'PENDING';
CREATE INDEX payments_status_idx ON payments (status, id DESC);
CREATE INDEX payments_user_id_idx ON payments (user_id, id DESC);
CREATE INDEX payments_method_day_idx ON payments (payment_method_id, created_at) WHERE status IN ('PENDING', 'APPROVED');
CREATE INDEX payments_tracking_number_idx ON payments (tracking_number) WHERE tracking_number IS NOT NULL;
CREATE INDEX payments_order_id_idx ON payments (order_id) WHERE order_id IS NOT NULL;

-- Once and for ever: what was decided stays as it was decided, and no payment disappears.
CREATE FUNCTION payments_refuse_second_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'payments are never removed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> 'PENDING' THEN
        RAISE EXCEPTION 'payment % is already %', OLD.id, OLD.status USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.user_id, NEW.amount, NEW.payment_method_id, NEW.receipt_id, NEW.bonus_percent, NEW.created_at)
        IS DISTINCT FROM (OLD.user_id, OLD.amount, OLD.payment_method_id, OLD.receipt_id, OLD.bonus_percent, OLD.created_at) THEN
        RAISE EXCEPTION 'what the payer of payment % claimed cannot be changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payments_decided_once BEFORE UPDATE OR DELETE ON payments
    FOR EACH ROW EXECUTE FUNCTION payments_refuse_second_decision();
