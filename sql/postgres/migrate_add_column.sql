-- Adds a column that the source has got, NULL in every row that is there.
-- Engine:  Postgres. No default, so no row is rewritten or given a value that its source may not have.
-- Params:  {{table}}, {{column}}, {{type}}
-- Tests:   sql/src/migrate, jobs/connect/tests/migrations
ALTER TABLE {{table}} ADD COLUMN {{column}} {{type}}
