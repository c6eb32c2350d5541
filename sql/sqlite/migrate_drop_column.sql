-- Drops a column that the source no longer has; only when that is allowed.
-- Engine:  SQLite 3.35 and later. Not a column with an index, nor one that a view reads.
-- Params:  {{table}}, {{column}}
-- Tests:   sql/src/migrate, jobs/connect/tests/migrations
ALTER TABLE {{table}} DROP COLUMN {{column}}
