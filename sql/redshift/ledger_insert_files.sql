-- Names files as applied.
-- Engine:  Redshift.
-- Params:  {{files}} list of table, target, batch, key, ETag, size, order, first sequence, last sequence, rows
-- Tests:   jobs/connect/tests/conformance
INSERT INTO quarrel.ledger_files (
    table_name, target, batch_id, file_key, etag, size, file_order, sequence_first, sequence_last, rows
) VALUES
    {{files|({0}, {1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9})|, }}
