-- Takes a table over and moves its watermark; the caller has seen to it that this is not back.
-- Engine:  Redshift.
-- Params:  {{values}} list of texts, numbers and NULLs, in the order of the columns
-- Tests:   jobs/connect/tests/conformance
INSERT INTO quarrel.ledger_tables (
    table_name, target, epoch, holder, watermark_file, watermark_sequence, last_batch,
    schema_json, schema_json_2, schema_json_3, schema_json_4, schema_json_5, updated_at
) VALUES ({{values|{0}|, }}, GETDATE())
