-- Makes the ledger's table of full loads: where the last one of each table starts. Files before its floor are contained in it.
-- Engine:  Postgres.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS quarrel.ledger_full_loads (
    table_name text NOT NULL,
    target text NOT NULL,
    load_id text NOT NULL,
    floor text COLLATE "C" NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (table_name, target)
)
