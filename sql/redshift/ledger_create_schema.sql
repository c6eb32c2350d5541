-- Makes the schema that the ledger lives in.
-- Engine:  Redshift.
-- Tests:   jobs/connect/tests/conformance
CREATE SCHEMA IF NOT EXISTS quarrel
