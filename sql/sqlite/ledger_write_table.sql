-- Takes a table over and moves its watermark, never back.
-- Engine:  SQLite.
-- Params:  ?1 table name, ?2 target, ?3 epoch, ?4 holder, ?5 watermark file, ?6 watermark sequence or NULL, ?7 schema as JSON, ?8 batch
-- Why:     max() of SQLite is NULL when one argument is, unlike greatest() of Postgres.
-- Tests:   jobs/connect/tests/conformance
INSERT INTO quarrel_ledger_tables AS held
    (table_name, target, epoch, holder, watermark_file, watermark_sequence, schema_json, last_batch)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (table_name, target) DO UPDATE SET
    epoch = excluded.epoch,
    holder = excluded.holder,
    watermark_file = coalesce(max(held.watermark_file, excluded.watermark_file), held.watermark_file, excluded.watermark_file),
    watermark_sequence = coalesce(
        max(held.watermark_sequence, excluded.watermark_sequence), held.watermark_sequence, excluded.watermark_sequence
    ),
    schema_json = excluded.schema_json,
    last_batch = excluded.last_batch,
    updated_at = CURRENT_TIMESTAMP
