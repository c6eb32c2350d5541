-- Cluster jobs that crashed runs of a table may have left running.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table
SELECT batch_id, cluster_job FROM batches WHERE table_name = $1 AND cluster_job IS NOT NULL ORDER BY batch_id
