-- Gives other sessions the snapshot of this transaction, for as long as it lasts.
-- Engine:  Postgres.
-- Output:  its name
-- Tests:   jobs/connect/tests/conformance
SELECT pg_export_snapshot()
