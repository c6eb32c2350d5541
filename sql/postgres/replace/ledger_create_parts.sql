-- Makes the table of the parts that unfinished full loads have committed.
-- Engine:  Postgres.
-- Tests:   jobs/connect/tests/conformance
CREATE TABLE IF NOT EXISTS quarrel.full_load_parts (
    target text NOT NULL,
    load_id text NOT NULL,
    part text NOT NULL,
    rows bigint NOT NULL,
    quarantined bigint NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (target, load_id, part)
)
