-- Lets this transaction see what another one sees. It must be its first statement.
-- Engine:  Postgres.
-- Params:  {{snapshot}} name, as a text
-- Tests:   jobs/connect/tests/conformance
SET TRANSACTION SNAPSHOT {{snapshot}}
