-- Reads the source's clock. Asked before a snapshot is taken: whatever is not in the snapshot is committed later than that.
-- Engine:  Postgres.
-- Output:  microseconds since 1970
-- Tests:   jobs/connect/tests/conformance
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
