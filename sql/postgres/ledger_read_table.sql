-- Reads who owns a table, and how far it has come.
-- Engine:  Postgres.
-- Params:  $1 table name, $2 target
-- Tests:   jobs/connect/tests/conformance
SELECT epoch, holder, watermark_file, watermark_sequence, schema_json, last_batch
FROM quarrel.ledger_tables
WHERE table_name = $1 AND target = $2
