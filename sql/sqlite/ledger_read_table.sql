-- Reads who owns a table, and how far it has come.
-- Engine:  SQLite.
-- Params:  ?1 table name, ?2 target
-- Tests:   jobs/connect/tests/conformance
SELECT epoch, holder, watermark_file, watermark_sequence, schema_json, last_batch
FROM main.quarrel_ledger_tables
WHERE table_name = ?1 AND target = ?2
