-- Makes the ledger's table of applied batches.
-- Engine:  Redshift. The key is declared, not enforced: the load's lock sees to it.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS quarrel.ledger_batches (
    table_name VARCHAR(256) NOT NULL,
    target VARCHAR(1024) NOT NULL,
    batch_id VARCHAR(256) NOT NULL,
    digest VARCHAR(256) NOT NULL,
    epoch BIGINT NOT NULL,
    rows BIGINT NOT NULL,
    upserts BIGINT NOT NULL,
    deletes BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    files BIGINT NOT NULL,
    applied_at TIMESTAMP NOT NULL,
    PRIMARY KEY (table_name, target, batch_id)
) DISTSTYLE EVEN SORTKEY (table_name, target, batch_id)
