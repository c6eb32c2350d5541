-- Marks the runs of a table that their process left unfinished; the caller holds the table's lease.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table, $2 now, $3 job
UPDATE runs SET ended_at = $2, status = 'abandoned' WHERE table_name = $1 AND job = $3 AND status = 'running'
