-- Keeps a table and its partitions from being rewritten while they are read: a rewrite moves rows, and empties old snapshots.
-- Engine:  Postgres. Taken before the snapshot.
-- Params:  {{table}}
-- Tests:   jobs/connect/tests/conformance
LOCK TABLE {{table}} IN ACCESS SHARE MODE
