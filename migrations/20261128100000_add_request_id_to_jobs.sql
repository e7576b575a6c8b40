-- Which request a job goes back to, so that both are found together in the log.
ALTER TABLE jobs ADD COLUMN request_id text;
