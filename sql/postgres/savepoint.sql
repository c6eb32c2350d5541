-- Marks where a merge that fails on a value goes back to.
-- Engine:  Postgres.
-- Tests:   jobs/connect/tests/conformance
SAVEPOINT quarrel_merge
