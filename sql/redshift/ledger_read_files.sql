-- Reads the applied files of a table from a place on.
-- Engine:  Redshift.
-- Params:  {{table}}, {{target}} texts, {{order}} first order or NULL, {{sequence}} first sequence (compared with a file's last
--          one) or NULL
-- Order:   by file order.
-- Tests:   jobs/connect/tests/conformance
SELECT file_key, etag, size, file_order, sequence_first, sequence_last, rows, batch_id
FROM quarrel.ledger_files
WHERE table_name = {{table}} AND target = {{target}}
    AND ({{order}} IS NULL OR file_order >= {{order}})
    AND ({{sequence}} IS NULL OR sequence_last >= {{sequence}})
ORDER BY file_order
