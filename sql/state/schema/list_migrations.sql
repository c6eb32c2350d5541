-- The migrations of a table, oldest first.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table
-- Tests:   jobs/run/tests/state.rs
SELECT target, run_id, migrated_at, summary, record
FROM schema_migrations
WHERE table_name = $1
ORDER BY migrated_at, target
