-- Drops a column that the source no longer has; only when that is allowed. Views on it make it fail.
-- Engine:  Postgres.
-- Params:  {{table}}, {{column}}
-- Tests:   sql/src/migrate, jobs/connect/tests/migrations
ALTER TABLE {{table}} DROP COLUMN {{column}}
