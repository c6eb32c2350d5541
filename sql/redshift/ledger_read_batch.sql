-- Reads what an applied batch did.
-- Engine:  Redshift.
-- Params:  {{table}}, {{target}}, {{batch}} texts
-- Tests:   jobs/connect/tests/conformance
SELECT digest, rows, upserts, deletes, quarantined
FROM quarrel.ledger_batches
WHERE table_name = {{table}} AND target = {{target}} AND batch_id = {{batch}}
