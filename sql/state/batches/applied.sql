-- Records that every target has a batch.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table, $2 batch, $3 now
UPDATE batches SET status = 'applied', output = NULL, updated_at = $3 WHERE table_name = $1 AND batch_id = $2
