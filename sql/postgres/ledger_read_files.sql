-- Reads the applied files of a table from a place on.
-- Engine:  Postgres.
-- Params:  $1 table name, $2 target, $3 first order or NULL, $4 first sequence (compared with a file's last one) or NULL
-- Order:   by file order.
-- Tests:   jobs/connect/tests/conformance
SELECT file_key, etag, size, file_order, sequence_first, sequence_last, rows, batch_id
FROM quarrel.ledger_files
WHERE table_name = $1 AND target = $2
    AND ($3::text IS NULL OR file_order >= $3 COLLATE "C")
    AND ($4::text IS NULL OR sequence_last >= $4 COLLATE "C")
ORDER BY file_order
