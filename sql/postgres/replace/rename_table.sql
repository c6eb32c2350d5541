-- Gives a table another name in its schema.
-- Engine:  Postgres.
-- Params:  {{table}}, {{name}}
-- Tests:   jobs/connect/tests/conformance
ALTER TABLE {{table}} RENAME TO {{name}}
