-- Makes a schema for tables of a migration. A target skips it where the schema is there: even then it wants a privilege.
-- Engine:  Postgres.
-- Params:  {{schema}}
-- Tests:   sql/src/migrate, jobs/connect/tests/migrations
CREATE SCHEMA IF NOT EXISTS {{schema}}
