-- Makes the catalog spell every name with its schema, and reads such names alike, until the transaction ends.
-- Engine:  Postgres.
-- Tests:   jobs/connect/tests/conformance
SELECT set_config('search_path', '', true)
