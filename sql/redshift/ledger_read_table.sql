-- Reads who owns a table, and how far it has come.
-- Engine:  Redshift.
-- Params:  {{table}}, {{target}} texts
-- Tests:   jobs/connect/tests/conformance
SELECT
    epoch, holder, watermark_file, watermark_sequence, last_batch,
    schema_json, schema_json_2, schema_json_3, schema_json_4, schema_json_5
FROM quarrel.ledger_tables
WHERE table_name = {{table}} AND target = {{target}}
