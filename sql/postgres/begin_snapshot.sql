-- Begins a transaction whose reads all see one state.
-- Engine:  Postgres.
-- Tests:   jobs/connect/tests/conformance
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY
