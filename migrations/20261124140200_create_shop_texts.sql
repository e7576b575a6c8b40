-- What the shop says to its payers, in its own words: always exactly one row.
CREATE TABLE shop_texts (
    only_row boolean NOT NULL DEFAULT true,
    rejection_reasons text[] NOT NULL DEFAULT ARRAY[
        'پول به حساب نرسیده است.',
        'رسید خوانا نیست؛ عکس واضح‌تری بفرستید.',
        'مبلغ رسید با مبلغ ثبت‌شده یکی نیست.',
        'این رسید پیش‌تر ثبت شده است.',
        'پول به کارت دیگری رفته است.'
    ],
    charge_note text NOT NULL DEFAULT '',
    wallet_note text NOT NULL DEFAULT '',
    support_telegram text NOT NULL DEFAULT '',
    support_phone text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT shop_texts_pkey PRIMARY KEY (only_row),
    CONSTRAINT shop_texts_only_one_row CHECK (only_row),
    CONSTRAINT shop_texts_rejection_reasons_count CHECK (cardinality(rejection_reasons) <= 12),
    CONSTRAINT shop_texts_charge_note_length CHECK (char_length(charge_note) <= 600),
    CONSTRAINT shop_texts_wallet_note_length CHECK (char_length(wallet_note) <= 600),
    CONSTRAINT shop_texts_support_telegram_valid CHECK (support_telegram ~ '^([A-Za-z][A-Za-z0-9_]{4,31})?$'),
    CONSTRAINT shop_texts_support_phone_canonical CHECK (support_phone ~ '^(0[0-9]{10})?$')
);
INSERT INTO shop_texts DEFAULT VALUES;
