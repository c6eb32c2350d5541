-- Starts the ledger of a table anew: the watermark is where the full load starts, even if that is before the one held, since
-- the rows are those of that time. Any columns may follow.
-- Engine:  Postgres.
-- Params:  $1 table name, $2 target, $3 epoch, $4 holder, $5 floor, $6 load
-- Tests:   jobs/connect/tests/conformance
INSERT INTO quarrel.ledger_tables AS held (table_name, target, epoch, holder, watermark_file, last_batch)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (table_name, target) DO UPDATE SET
    epoch = excluded.epoch,
    holder = excluded.holder,
    watermark_file = excluded.watermark_file,
    watermark_sequence = NULL,
    schema_json = NULL,
    last_batch = excluded.last_batch,
    updated_at = now()
