-- Makes the table that loads lock: it has no rows, so that nobody who reads the ledger waits for a load.
-- Engine:  Redshift.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS quarrel.load_lock (
    nothing SMALLINT
) DISTSTYLE ALL
