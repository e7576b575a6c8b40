-- A mail server that is not reached is left alone for a while, as the Bot API is.
ALTER TABLE notice_settings ADD smtp_hold_until timestamptz;
