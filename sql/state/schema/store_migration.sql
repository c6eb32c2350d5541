-- Keeps the record of a schema migration.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table, $2 target, $3 run, $4 instant, $5 summary, $6 record as JSON
-- Tests:   jobs/run/tests/state.rs
INSERT INTO schema_migrations (table_name, target, run_id, migrated_at, summary, record)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (table_name, target, run_id) DO NOTHING
