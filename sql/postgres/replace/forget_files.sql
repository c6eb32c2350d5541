-- Forgets the files that were applied to the table before.
-- Engine:  Postgres.
-- Params:  $1 table name, $2 target
-- Tests:   jobs/connect/tests/conformance
DELETE FROM quarrel.ledger_files WHERE table_name = $1 AND target = $2
