-- Locks the ledger's row of a table until the transaction ends, so that its epoch can't change under a load.
-- Engine:  Postgres.
-- Params:  $1 table name, $2 target
-- Tests:   jobs/connect/tests/conformance
SELECT epoch, holder, last_batch
FROM quarrel.ledger_tables
WHERE table_name = $1 AND target = $2
FOR UPDATE
