-- A stored batch.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table, $2 batch
SELECT status, output FROM batches WHERE table_name = $1 AND batch_id = $2
