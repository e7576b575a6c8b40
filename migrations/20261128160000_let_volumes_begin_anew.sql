-- The admin lets an account's volume begin anew, free of charge. A version that does not know RESET leaves such a row
-- waiting: it can't read it, and tries its job again until a newer version takes it. Only that order's page fails there
-- meanwhile.
ALTER TABLE order_changes
    DROP CONSTRAINT order_changes_kind_known,
    ADD CONSTRAINT order_changes_kind_known
        CHECK (kind IN ('RENEW', 'DISABLE', 'ENABLE', 'DELETE', 'REVOKE', 'RESET')),
    -- What had been used and was no longer counted, before the server was asked: once it is another number, the volume
    -- has begun anew, and asking again would give away what was used since.
    ADD COLUMN counted_off_bytes bigint,
    ADD CONSTRAINT order_changes_counted_off_of_reset CHECK (
        (kind = 'RESET' AND asked_at IS NOT NULL) = (counted_off_bytes IS NOT NULL)
    );
