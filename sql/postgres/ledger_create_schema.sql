-- Makes the schema that the ledger and large staging tables live in.
-- Engine:  Postgres.
-- Tests:   jobs/connect/tests/conformance
CREATE SCHEMA IF NOT EXISTS quarrel
