-- Whether pages fail more often than they should: any instance may find it, all together tell it once.
ALTER TABLE notice_settings ADD errors_since timestamptz;
ALTER TABLE notice_settings ADD errors_seen_at timestamptz; -- the last time that an instance found it
ALTER TABLE notice_settings
    ADD CONSTRAINT notice_settings_errors_together CHECK ((errors_since IS NULL) = (errors_seen_at IS NULL));
