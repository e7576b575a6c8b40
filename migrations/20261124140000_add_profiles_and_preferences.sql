-- What a person says of herself and how she wants her pages. An agent's name and phone stand in agents, a
-- customer's phone in end_users.
ALTER TABLE users
    ADD COLUMN name text NOT NULL DEFAULT '',
    ADD COLUMN phone text,
    ADD COLUMN theme text, -- NULL: as each device says
    ADD COLUMN digits text NOT NULL DEFAULT 'persian',
    ADD CONSTRAINT users_name_length CHECK (char_length(name) <= 60),
    ADD CONSTRAINT users_phone_canonical CHECK (phone ~ '^09[0-9]{9}$'),
    ADD CONSTRAINT users_theme_known CHECK (theme IN ('system', 'light', 'dark')),
    ADD CONSTRAINT users_digits_known CHECK (digits IN ('persian', 'latin'));

-- When a sign-in was last used, to a few minutes.
ALTER TABLE sign_ins ADD COLUMN last_seen_at timestamptz;
