-- Names a batch as applied.
-- Engine:  Redshift.
-- Params:  {{values}} list of texts and numbers, in the order of the columns
-- Tests:   jobs/connect/tests/conformance
INSERT INTO quarrel.ledger_batches (
    table_name, target, batch_id, digest, epoch, rows, upserts, deletes, quarantined, files, applied_at
) VALUES ({{values|{0}|, }}, GETDATE())
