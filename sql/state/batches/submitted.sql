-- Remembers the cluster's job for a batch, so that a run after a crash can cancel it.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table, $2 batch, $3 job id or NULL, $4 now
UPDATE batches SET cluster_job = $3, updated_at = $4 WHERE table_name = $1 AND batch_id = $2
