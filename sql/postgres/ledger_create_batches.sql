-- Makes the ledger's table of applied batches.
-- Engine:  Postgres.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS quarrel.ledger_batches (
    table_name text NOT NULL,
    target text NOT NULL,
    batch_id text NOT NULL,
    digest text NOT NULL,
    epoch bigint NOT NULL,
    rows bigint NOT NULL,
    upserts bigint NOT NULL,
    deletes bigint NOT NULL,
    quarantined bigint NOT NULL,
    files bigint NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (table_name, target, batch_id)
)
