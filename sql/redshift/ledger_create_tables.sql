-- Makes the ledger's table of tables: who owns each, and how far it has come. A schema may be longer than a VARCHAR: its JSON
-- stands in pieces, to be read one behind the other.
-- Engine:  Redshift. The key is declared, not enforced: the load's lock sees to it.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS quarrel.ledger_tables (
    table_name VARCHAR(256) NOT NULL,
    target VARCHAR(1024) NOT NULL,
    epoch BIGINT NOT NULL,
    holder VARCHAR(1024) NOT NULL,
    watermark_file VARCHAR(8192),
    watermark_sequence VARCHAR(256),
    last_batch VARCHAR(256),
    schema_json VARCHAR(65535),
    schema_json_2 VARCHAR(65535),
    schema_json_3 VARCHAR(65535),
    schema_json_4 VARCHAR(65535),
    schema_json_5 VARCHAR(65535),
    updated_at TIMESTAMP NOT NULL,
    PRIMARY KEY (table_name, target)
) DISTSTYLE ALL
