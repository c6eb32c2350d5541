-- Says where a full load starts, in place of the one before.
-- Engine:  Postgres.
-- Params:  $1 table name, $2 target, $3 load, $4 floor
-- Tests:   jobs/connect/tests/conformance
INSERT INTO quarrel.ledger_full_loads (table_name, target, load_id, floor)
VALUES ($1, $2, $3, $4)
ON CONFLICT (table_name, target) DO UPDATE SET
    load_id = excluded.load_id,
    floor = excluded.floor,
    loaded_at = now()
