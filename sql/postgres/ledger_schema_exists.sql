-- Tells whether the ledger's schema is there: creating it asks for a privilege even where it exists.
-- Engine:  Postgres.
-- Tests:   jobs/connect/tests/conformance
SELECT to_regnamespace('quarrel') IS NOT NULL
