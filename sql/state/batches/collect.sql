-- Stores a frozen batch, or brings one back that an earlier run left unfinished.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table, $2 batch, $3 run, $4 digest, $5 files, $6 bytes, $7 changes, $8 file list as JSON, $9 now
INSERT INTO batches (
    table_name, batch_id, run_id, digest, status, files, bytes, changes, file_list, collected_at, updated_at
)
VALUES ($1, $2, $3, $4, 'collected', $5, $6, $7, $8, $9, $9)
ON CONFLICT (table_name, batch_id) DO UPDATE SET run_id = excluded.run_id, updated_at = excluded.updated_at
