-- Records a part, in the transaction that loads its rows. No row is written when it is recorded already: then the rows of this
-- transaction came twice, and it is rolled back.
-- Engine:  Postgres.
-- Params:  $1 target, $2 load, $3 part, $4 rows, $5 quarantined
-- Tests:   jobs/connect/tests/conformance
INSERT INTO quarrel.full_load_parts (target, load_id, part, rows, quarantined)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (target, load_id, part) DO NOTHING
