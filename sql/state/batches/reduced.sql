-- Records where a batch's reduced form lies.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table, $2 batch, $3 manifest as JSON, $4 now
UPDATE batches
SET status = 'reduced', output = $3, cluster_job = NULL, updated_at = $4
WHERE table_name = $1 AND batch_id = $2
