-- Makes the ledger's table of applied files. A file that is overwritten or applied again replaces its entry.
-- Engine:  Redshift. The key is declared, not enforced: the load's lock sees to it.
-- Order:   file_order and the sequences sort byte by byte.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS quarrel.ledger_files (
    table_name VARCHAR(256) NOT NULL,
    target VARCHAR(1024) NOT NULL,
    file_key VARCHAR(4096) NOT NULL,
    etag VARCHAR(1024),
    size BIGINT NOT NULL,
    file_order VARCHAR(8192) NOT NULL,
    sequence_first VARCHAR(256),
    sequence_last VARCHAR(256),
    rows BIGINT NOT NULL,
    batch_id VARCHAR(256) NOT NULL,
    PRIMARY KEY (table_name, target, file_key)
) DISTSTYLE EVEN SORTKEY (table_name, target, file_order)
