-- Stores how far a target is.
-- Engine:  Postgres, SQLite.
-- Params:  $1 table, $2 target, $3 file order, $4 sequence or NULL, $5 instant or NULL, $6 now
INSERT INTO watermarks (table_name, target, applied_file, applied_sequence, applied_instant, updated_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (table_name, target) DO UPDATE SET
    applied_file = excluded.applied_file,
    applied_sequence = excluded.applied_sequence,
    applied_instant = excluded.applied_instant,
    updated_at = excluded.updated_at
