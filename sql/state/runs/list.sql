-- The latest runs, newest first.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table or NULL for all, $2 how many
SELECT run_id, job, table_name, logical_at, started_at, ended_at, status, summary
FROM runs
WHERE CAST($1 AS TEXT) IS NULL OR table_name = $1
ORDER BY started_at DESC, run_id DESC
LIMIT $2
