-- Adds a column that the source has got, NULL in every row that is there.
-- Engine:  SQLite. No default, which it would give those rows.
-- Params:  {{table}}, {{column}}, {{type}}
-- Tests:   sql/src/migrate, jobs/connect/tests/migrations
ALTER TABLE {{table}} ADD COLUMN {{column}} {{type}}
