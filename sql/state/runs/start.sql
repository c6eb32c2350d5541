-- Records that a run has started.
-- Engine:  Postgres, SQLite.
-- Params:  $1 run id, $2 job, $3 table, $4 logical instant, $5 start, $6 epoch, $7 holder
INSERT INTO runs (run_id, job, table_name, logical_at, started_at, status, epoch, holder)
VALUES ($1, $2, $3, $4, $5, 'running', $6, $7)
