-- How far every target is.
-- Engine:  Postgres, SQLite.
-- Params:  none
SELECT table_name, target, applied_file, applied_sequence, applied_instant, updated_at
FROM watermarks
ORDER BY table_name, target
