-- Names a file as applied; one that was overwritten or applied before replaces its entry.
-- Engine:  SQLite.
-- Params:  ?1 table name, ?2 target, ?3 batch, ?4 key, ?5 ETag, ?6 size, ?7 order, ?8 first sequence, ?9 last sequence, ?10 rows
-- Tests:   jobs/connect/tests/conformance
INSERT OR REPLACE INTO main.quarrel_ledger_files
    (table_name, target, batch_id, file_key, etag, size, file_order, sequence_first, sequence_last, rows)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
