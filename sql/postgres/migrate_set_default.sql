-- Gives a column a default for rows to come.
-- Engine:  Postgres.
-- Params:  {{table}}, {{column}}, {{default}} a constant
-- Tests:   sql/src/migrate, jobs/connect/tests/migrations
ALTER TABLE {{table}} ALTER COLUMN {{column}} SET DEFAULT {{default}}
