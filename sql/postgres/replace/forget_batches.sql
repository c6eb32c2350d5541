-- Forgets the batches that were applied to the table before: a batch of the same files is another one now.
-- Engine:  Postgres.
-- Params:  $1 table name, $2 target
-- Tests:   jobs/connect/tests/conformance
DELETE FROM quarrel.ledger_batches WHERE table_name = $1 AND target = $2
