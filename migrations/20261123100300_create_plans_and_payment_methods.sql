CREATE TABLE plans (
    id bigint GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    days integer NOT NULL,
    data_limit_gb integer, -- NULL: unlimited
    price_public bigint NOT NULL,
    price_agent bigint NOT NULL,
    status text NOT NULL DEFAULT 'ACTIVE',
    position integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT plans_pkey PRIMARY KEY (id),
    CONSTRAINT plans_name_length CHECK (char_length(name) BETWEEN 1 AND 60),
    CONSTRAINT plans_days_range CHECK (days BETWEEN 1 AND 3650),
    CONSTRAINT plans_data_limit_gb_range CHECK (data_limit_gb BETWEEN 1 AND 100000),
    CONSTRAINT plans_price_agent_positive CHECK (price_agent > 0),
    CONSTRAINT plans_price_agent_below_public CHECK (price_agent < price_public),
    CONSTRAINT plans_status_known CHECK (status IN ('ACTIVE', 'INACTIVE'))
);
CREATE INDEX plans_status_position_idx ON plans (status, position, id);

CREATE TABLE payment_methods (
    id bigint GENERATED ALWAYS AS IDENTITY,
    type text NOT NULL,
    alias text NOT NULL,
    holder text NOT NULL DEFAULT '',
    bank text NOT NULL DEFAULT '',
    card_number text,
    sheba text,
    coin text,
    network text,
    wallet_address text,
    bonus_percent integer NOT NULL DEFAULT 0,
    daily_limit_count integer,
    daily_limit_amount bigint,
    notes text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'ACTIVE',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT payment_methods_pkey PRIMARY KEY (id),
    CONSTRAINT payment_methods_type_known CHECK (type IN ('CARD', 'SHEBA', 'CRYPTO')),
    CONSTRAINT payment_methods_fields_of_type CHECK (
        CASE type
            WHEN 'CARD' THEN card_number IS NOT NULL AND wallet_address IS NULL AND holder <> ''
            WHEN 'SHEBA' THEN sheba IS NOT NULL AND card_number IS NULL AND wallet_address IS NULL AND holder <> ''
            ELSE wallet_address IS NOT NULL AND coin IS NOT NULL AND network IS NOT NULL
                AND card_number IS NULL AND sheba IS NULL
        END
    ),
    CONSTRAINT payment_methods_card_number_format CHECK (card_number ~ '^[0-9]{16}$'),
    CONSTRAINT payment_methods_sheba_format CHECK (sheba ~ '^IR[0-9]{24}$'),
    CONSTRAINT payment_methods_bonus_percent_range CHECK (bonus_percent BETWEEN 0 AND 100),
    CONSTRAINT payment_methods_bonus_only_crypto CHECK (type = 'CRYPTO' OR bonus_percent = 0),
    CONSTRAINT payment_methods_daily_limit_count_positive CHECK (daily_limit_count > 0),
    CONSTRAINT payment_methods_daily_limit_amount_positive CHECK (daily_limit_amount > 0),
    CONSTRAINT payment_methods_status_known CHECK (status IN ('ACTIVE', 'INACTIVE'))
);
CREATE INDEX payment_methods_status_idx ON payment_methods (status, id);

-- The method drawn for a payer's visit. While it lives it holds one of the method's daily places.
CREATE TABLE payment_draws (
    user_id bigint NOT NULL,
    payment_method_id bigint NOT NULL,
    drawn_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT payment_draws_pkey PRIMARY KEY (user_id),
    CONSTRAINT payment_draws_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT payment_draws_payment_method_id_fkey FOREIGN KEY (payment_method_id) REFERENCES payment_methods (id),
    CONSTRAINT payment_draws_expire_later CHECK (expires_at > drawn_at)
);
CREATE INDEX payment_draws_payment_method_id_idx ON payment_draws (payment_method_id, expires_at);
