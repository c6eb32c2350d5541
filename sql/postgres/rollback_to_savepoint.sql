-- Undoes a merge that failed, and keeps its staging table.
-- Engine:  Postgres.
-- Tests:   jobs/connect/tests/conformance
ROLLBACK TO SAVEPOINT quarrel_merge
