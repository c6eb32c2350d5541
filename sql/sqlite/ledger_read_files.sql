-- Reads the applied files of a table from a place on.
-- Engine:  SQLite.
-- Params:  ?1 table name, ?2 target, ?3 first order or NULL, ?4 first sequence (compared with a file's last one) or NULL
-- Order:   by file order.
-- Tests:   jobs/connect/tests/conformance
SELECT file_key, etag, size, file_order, sequence_first, sequence_last, rows, batch_id
FROM main.quarrel_ledger_files
WHERE table_name = ?1 AND target = ?2
    AND (?3 IS NULL OR file_order >= ?3)
    AND (?4 IS NULL OR sequence_last >= ?4)
ORDER BY file_order
