-- The latest run of each table.
-- Engine:  Postgres, SQLite.
-- Params:  none
SELECT run_id, job, table_name, logical_at, started_at, ended_at, status, summary
FROM runs
WHERE run_id IN (
    SELECT max(run_id) FROM runs GROUP BY table_name, job
)
ORDER BY table_name, job
