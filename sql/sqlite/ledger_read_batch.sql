-- Reads what an applied batch did.
-- Engine:  SQLite.
-- Params:  ?1 table name, ?2 target, ?3 batch
-- Tests:   jobs/connect/tests/conformance
SELECT digest, rows, upserts, deletes, quarantined
FROM main.quarrel_ledger_batches
WHERE table_name = ?1 AND target = ?2 AND batch_id = ?3
