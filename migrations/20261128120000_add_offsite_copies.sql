-- Where a backup was copied to off this machine, or how the last attempt failed. An upload that was cut off is gone on
-- with: its id and the parts that the store has.
ALTER TABLE backups
    ADD COLUMN copied_at timestamptz,
    ADD COLUMN copied_to text,                     -- endpoint, bucket and prefix
    ADD COLUMN copy_failing_since timestamptz,     -- the first failure since it was asked for
    ADD COLUMN copy_error text,                    -- of the last attempt
    ADD COLUMN copy_upload text,
    ADD COLUMN copy_parts text[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT backups_copied_to_a_place CHECK ((copied_at IS NULL) = (copied_to IS NULL)),
    ADD CONSTRAINT backups_copied_with_file CHECK (copied_at IS NULL OR file_name IS NOT NULL),
    ADD CONSTRAINT backups_copy_failing_with_error CHECK ((copy_failing_since IS NULL) = (copy_error IS NULL)),
    ADD CONSTRAINT backups_copy_parts_of_an_upload CHECK (copy_upload IS NOT NULL OR copy_parts = '{}');
