-- Lets a column take NULL, as its source does.
-- Engine:  Postgres.
-- Params:  {{table}}, {{column}}
-- Tests:   sql/src/migrate, jobs/connect/tests/migrations
ALTER TABLE {{table}} ALTER COLUMN {{column}} DROP NOT NULL
