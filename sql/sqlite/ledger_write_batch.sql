-- Names a batch as applied.
-- Engine:  SQLite.
-- Params:  ?1 table name, ?2 target, ?3 batch, ?4 digest, ?5 epoch, ?6 rows, ?7 upserts, ?8 deletes, ?9 quarantined, ?10 files
-- Tests:   jobs/connect/tests/conformance
INSERT INTO main.quarrel_ledger_batches
    (table_name, target, batch_id, digest, epoch, rows, upserts, deletes, quarantined, files)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
