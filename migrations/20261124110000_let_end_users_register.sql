-- What end users may do by themselves; the owner closes and opens each.
ALTER TABLE settings
    ADD COLUMN registration_open boolean NOT NULL DEFAULT true,
    ADD COLUMN purchase_open boolean NOT NULL DEFAULT true,
    ADD COLUMN charging_open boolean NOT NULL DEFAULT true;

-- Attempts to register, for the throttle: kept for hours.
CREATE TABLE registration_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY,
    address inet NOT NULL,
    attempted_at timestamptz NOT NULL,
    CONSTRAINT registration_attempts_pkey PRIMARY KEY (id)
);
CREATE INDEX registration_attempts_attempted_at_idx ON registration_attempts (attempted_at);
CREATE INDEX registration_attempts_address_idx ON registration_attempts (address, attempted_at);

-- Orders that wait for their payment are few and looked for every hour, and by their buyer.
CREATE INDEX orders_unpaid_idx ON orders (user_id, created_at) WHERE status = 'AWAITING_PAYMENT';
