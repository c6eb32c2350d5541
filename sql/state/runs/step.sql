-- Records a finished step of a run.
-- Engine:  Postgres, SQLite.
-- Params:  $1 run id, $2 number, $3 step, $4 batch or NULL, $5 start, $6 seconds, $7 error or NULL
INSERT INTO run_steps (run_id, step_number, step, batch_id, started_at, seconds, error)
VALUES ($1, $2, $3, $4, $5, $6, $7)
